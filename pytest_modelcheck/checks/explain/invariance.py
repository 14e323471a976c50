"""Invariance (Zeiler and Fergus 2013): features and a class's probability as the input is moved, enlarged, turned."""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from .cam import refuse_nan
from .features import chosen_layers, relative_distance, run_features
from .layers import Layers, image_batch
from .targets import class_indices, class_logits

Group: TypeAlias = int | Collection[int] | Tensor | np.ndarray | None
"""A class, one per sample, or a set of classes; None: the top class."""
TRANSFORMS: Mapping[str, tuple[str, tuple[float, ...]]] = {  # the paper's ranges
    "translation": ("vertical shift, share of the height", tuple(s * 10 / 224 for s in range(-6, 7))),
    "scale": ("scale", tuple(1 + s / 10 for s in range(9))),
    "rotation": ("rotation, degrees", tuple(float(d) for d in range(0, 361, 15))),
}


@dataclass(frozen=True)
class Invariance:
    """Curves over `values` of one transform, for N inputs.

    `distance`: layer -> per value, per sample |f(T x) - f(x)| / |f(x)|. `probability`: per value, per sample, of the
    target (a class, or a group of classes, summed).
    """

    transform: str
    values: tuple[float, ...]
    distance: Mapping[str, tuple[tuple[float, ...], ...]]
    probability: tuple[tuple[float, ...], ...]
    target: tuple[int | tuple[int, ...], ...]

    @property
    def min_probability(self) -> float:
        """The lowest probability of the target, over all values and samples."""
        return min(min(row) for row in self.probability)

    @property
    def max_feature_shift(self) -> float:
        """The largest relative distance of the last layer's features, over all values and samples."""
        return max(max(row) for row in list(self.distance.values())[-1])

    @property
    def axis(self) -> str:
        """What `values` are."""
        return TRANSFORMS[self.transform][0]

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `invariance`."""
        return {
            "transform": self.transform,
            "axis": self.axis,
            "values": list(self.values),
            "distance": {name: [list(row) for row in rows] for name, rows in self.distance.items()},
            "probability": [list(row) for row in self.probability],
            "target": [str(t) for t in self.target],
            "min_probability": self.min_probability,
            "max_feature_shift": self.max_feature_shift,
        }

    def __str__(self) -> str:
        layers = list(self.distance)
        head = f"{self.axis:>36}  probability  " + "  ".join(layers)
        rows = [
            f"{value:>36.3g}  {_mean(self.probability[i]):>11.3f}  "
            + "  ".join(f"{_mean(self.distance[n][i]):>{len(n)}.3f}" for n in layers)
            for i, value in enumerate(self.values)
        ]
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def invariance(
    subject: Subject,
    transform: str,
    *,
    target: Group = None,
    layers: Layers = None,
    values: Sequence[float] | None = None,
) -> Invariance:
    """Transform the images step by step and watch; one forward per value.

    `target`: a class, one per sample, a set of classes (a group, for all samples), or None for the top class of the
    untransformed input. `layers`: None takes an early and a late one. Raises ExplanationError.
    """
    if transform not in TRANSFORMS:
        raise ExplanationError(f"transform={transform!r} is not one of {', '.join(map(repr, TRANSFORMS))}")
    if values is not None and (not len(values) or (transform == "scale" and min(values) <= 0)):
        raise ExplanationError(f"values={values!r}: give one or more, and scales above 0")
    images = image_batch(subject).detach()
    refuse_nan(subject)
    names = chosen_layers(subject, layers)
    steps = tuple(float(v) for v in (TRANSFORMS[transform][1] if values is None else values))
    reference, output = run_features(subject, names)
    groups = _groups(class_logits(output), target)
    distance: dict[str, list[tuple[float, ...]]] = {name: [] for name in names}
    probability = []
    for value in steps:
        moved = transformed(images, transform, value)
        inputs = subject.require_inputs().map(functools.partial(swapped, images=images, moved=moved))
        features, output = run_features(subject, names, inputs)
        for name in names:
            distance[name].append(tuple(relative_distance(features[name], reference[name]).tolist()))
        shares = class_logits(output).float().softmax(1)
        probability.append(tuple(float(shares[i, group].sum()) for i, group in enumerate(groups)))
    shown = tuple(group[0] if len(group) == 1 else tuple(group) for group in groups)
    return Invariance(
        transform, steps, {n: tuple(rows) for n, rows in distance.items()}, tuple(probability), shown
    )


def transformed(images: Tensor, transform: str, value: float) -> Tensor:
    """`images` (N, C, H, W) moved down by a share of the height, enlarged by a factor, or turned by degrees.

    Bilinear; what comes in from outside has the image's mean colour.
    """
    height, width = images.shape[2:]
    angle = math.radians(value) if transform == "rotation" else 0.0
    zoom = 1 / value if transform == "scale" else 1.0
    shift = -2 * value if transform == "translation" else 0.0
    cosine, sine = math.cos(angle) * zoom, math.sin(angle) * zoom
    matrix = [[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, shift]]
    theta = torch.tensor(matrix, dtype=torch.float32, device=images.device).expand(len(images), 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    mean = images.float().mean((2, 3), keepdim=True)
    return (F.grid_sample(images.float() - mean, grid, align_corners=False) + mean).to(images.dtype)


def swapped(leaf: object, images: Tensor, moved: Tensor) -> object:
    """The moved images in place of the images, wherever they stand in the inputs."""
    if not isinstance(leaf, Tensor) or leaf.shape[-3:] != images.shape[1:]:
        return leaf
    if leaf.dim() == 4:
        return moved if leaf.data_ptr() == images.data_ptr() else leaf
    return next((m for i, m in zip(images, moved, strict=True) if torch.equal(i, leaf)), leaf)


def _groups(logits: Tensor, target: Group) -> list[list[int]]:
    samples, classes = logits.shape
    if isinstance(target, (set, frozenset)):
        if not target:
            raise ExplanationError("target is an empty set of classes")
        group = class_indices(sorted(target), len(target), classes)
        return [group] * samples
    if target is None:
        return [[int(c)] for c in logits.argmax(1)]
    return [[c] for c in class_indices(target, samples, classes)]


def _mean(row: Sequence[float]) -> float:
    return sum(row) / len(row)
