"""A labelled image set made from code: one shape at a random place on textured ground.

Colour, size, rotation, place and ground say nothing about the class: only the outline does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor
from torch.utils.data import Dataset

CLASSES = ("circle", "square", "triangle", "star")
SIZE = 48
_FINE = 4  # shapes are drawn this much larger, then shrunk, for smooth edges


@dataclass(frozen=True)
class Sample:
    """A picture (48, 48, 3) uint8, its class, and where the shape is: mask (48, 48) bool, box in pixels."""

    image: np.ndarray
    label: int
    mask: np.ndarray

    @property
    def box(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom), right and bottom exclusive."""
        rows, columns = np.flatnonzero(self.mask.any(1)), np.flatnonzero(self.mask.any(0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def render(label: int, seed: int) -> Sample:
    """The picture of class `label` that belongs to `seed`; the same on every machine (with Pillow from 11.1 on)."""
    random = np.random.default_rng([seed, label])
    radius = random.uniform(8, 11.5)
    centre = random.uniform(radius + 1, SIZE - radius - 1, 2)
    mask = _mask(_outline(label, radius, random.uniform(0, 2 * math.pi)) + centre)
    ground, colour = _ground(random), _colour(random)
    shade = colour + random.normal(0, 8, (SIZE, SIZE, 1))
    image = ground * (1 - mask[:, :, None]) + shade * mask[:, :, None]
    return Sample(image.clip(0, 255).astype(np.uint8), label, mask > 0.5)


def _outline(label: int, radius: float, angle: float) -> np.ndarray:
    """Corner points (n, 2) around the origin."""
    corners = {"circle": 40, "square": 4, "triangle": 3, "star": 10}[CLASSES[label]]
    angles = angle + np.arange(corners) * 2 * math.pi / corners
    radii = np.full(corners, radius)
    if CLASSES[label] == "star":
        radii[1::2] *= 0.42
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], 1)


def _mask(points: np.ndarray) -> np.ndarray:
    canvas = Image.new("L", (SIZE * _FINE, SIZE * _FINE))
    ImageDraw.Draw(canvas).polygon([tuple(point) for point in (points * _FINE).tolist()], fill=255)
    return np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BOX), np.float32) / 255


def _ground(random: np.random.Generator) -> np.ndarray:
    """Noise of several frequencies around a random grey, (48, 48, 3)."""
    ground = np.full((SIZE, SIZE, 3), random.uniform(80, 170))
    for cells, strength in ((3, 22), (8, 16), (24, 10)):
        noise = random.normal(0, strength, (cells, cells, 3)).astype(np.float32)
        layers = [
            Image.fromarray(noise[:, :, c]).resize((SIZE, SIZE), Image.Resampling.BILINEAR) for c in range(3)
        ]
        ground += np.stack([np.asarray(layer) for layer in layers], 2)
    return ground + random.normal(0, 5, ground.shape)


def _colour(random: np.random.Generator) -> np.ndarray:
    """A colour well apart from the ground's greys, lighter or darker."""
    light = random.random() < 0.5
    return random.uniform(190, 255, 3) if light else random.uniform(0, 55, 3)


def to_tensor(sample: Sample) -> Tensor:
    """The network's input (3, 48, 48), float32, about -2..2."""
    return torch.from_numpy(sample.image).permute(2, 0, 1).float().sub(127.5).div(64)


class ShapesDataset(Dataset[tuple[Tensor, int]]):
    """`length` pictures from `seed` on; classes take turns."""

    def __init__(self, length: int, seed: int = 0) -> None:
        self.length, self.seed = length, seed

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        sample = render(index % len(CLASSES), self.seed + index)
        return to_tensor(sample), sample.label
