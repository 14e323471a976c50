"""Heatmap: the result of an explanation, its normalised map and its picture."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from PIL import Image

from ...drawing.images import to_base64, to_image
from ...errors import ExplanationError
from .colormap import blend
from .images import grown
from .pointing import hits

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EPSILON = 1e-6  # relative: maps of any size are scaled alike
SHOWN = 256  # small pictures are enlarged to about this many pixels


@dataclass(frozen=True, eq=False)  # eq=False: `heatmap == heatmap_snapshot` is the snapshot's to decide
class Explanation:
    """What was explained, of which input; what it looks like is the subclass's.

    `why`: why this layer, where none was named. `top`: per sample the likeliest classes with their probability, which
    `probability` says how it was made of the output. `notes`: what a reader must know of it.
    """

    raw: np.ndarray
    image: np.ndarray
    method: str
    layer: str
    target: tuple[int | str, ...]
    score: tuple[float, ...]
    why: str = field(default="", kw_only=True)
    top: tuple[tuple[tuple[int, float], ...], ...] = field(default=(), kw_only=True)
    probability: str = field(default="", kw_only=True)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    def input_image(self, index: int = 0) -> Image.Image:
        """The input as a picture, scaled from its own range."""
        return picture_of(self.image[index])

    @property
    def title(self) -> str:
        """`Grad-CAM of class 285 at layer4`."""
        first = self.target[0]
        named = f"class {first}" if isinstance(first, int) else str(first)
        return f"{self.method} of {named}{f' at {self.layer}' if self.layer else ''}"

    def _entry(self, picture: Image.Image, **more: object) -> dict[str, object]:
        """For the record: what was explained, the picture and the input's, of the first sample."""
        return {
            "title": self.title,
            "method": self.method,
            "layer": self.layer,
            "target": list(self.target),
            "score": list(self.score),
            "why": self.why,
            "top": [[list(one) for one in sample] for sample in self.top],
            "probability": self.probability,
            "notes": list(self.notes),
            **more,
            "image": to_base64(picture, compact=True),
            "input": to_base64(shown(self.input_image()), compact=True),
            "nodeid": None,
        }


@dataclass(frozen=True, eq=False)
class Heatmap(Explanation):
    """Which pixels speak for a target, for a batch of N inputs.

    `raw` (N, h, w) float32: as the method gives it, not normalised, before any ReLU; (N, l) of a signal, (N, d, h, w)
    of a volume. `image` (N, C, H, W): the input. `target` and `score` per sample: class index (or the callable's name)
    and its logit. `extent`: along each dimension the share of the raw map that the picture takes, from the first corner
    on; () is all of it (a detector pads its pictures).
    """

    extent: tuple[float, ...] = field(default=(), kw_only=True)

    @cached_property
    def map(self) -> np.ndarray:
        """(N, H, W) in 0..1: ReLU, bilinear to the input's size (align_corners=False), each scaled to its range.

        All zero where no place speaks for the target (no positive value).
        """
        large = grown(torch.from_numpy(self.raw).relu(), self.image.shape[2:], self.extent)
        space = tuple(range(1, large.dim()))
        low, high = large.amin(space, keepdim=True), large.amax(space, keepdim=True)
        spread = torch.maximum(high - low, EPSILON * high).clamp_min(torch.finfo(torch.float32).tiny)
        return ((large - low) / spread).numpy()

    def overlay(self, image: Image.Image | ArrayLike | None = None, index: int = 0) -> Image.Image:
        """The map over `image` (a PIL image, an array or a tensor; None: the input itself), as a picture."""
        base = self.input_image(index) if image is None else to_image(image).convert("RGB")
        size = shown(base).size
        heat = Image.fromarray(self.map[index]).resize(size, Image.Resampling.BILINEAR)
        return blend(base.resize(size, Image.Resampling.NEAREST), np.asarray(heat))

    def points_at(self, where: ArrayLike, margin: int = 0) -> np.ndarray:
        """The pointing game (Zhang et al. 2016): per sample (N,), whether the hottest pixel lies in `where`.

        `where`: for each sample a box (left, top, right, bottom; right and bottom exclusive) or a mask (H, W); for one
        sample it may stand alone. `margin`: pixels around it that still count. Raises ExplanationError.
        """
        alone = np.ndim(where) == 1 or (len(self.map) == 1 and np.shape(where) == self.map.shape[1:])
        places = [where] if alone else cast("Sequence[ArrayLike]", where)
        if len(places) != len(self.map):
            raise ExplanationError(f"{len(places)} boxes or masks for {len(self.map)} maps")
        return hits(self.map, places, margin)

    def __repr__(self) -> str:
        return f"Heatmap({self.title}, {'x'.join(map(str, self.raw.shape))})"

    def _repr_png_(self) -> bytes:
        return base64.b64decode(to_base64(self.overlay()))

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `heatmaps`; its pictures are of the first sample."""
        raw = {"shape": list(self.raw.shape), "float32": _packed(self.raw)}
        return self._entry(self.overlay(), map_shape=list(self.raw.shape[1:]), raw=raw)


def _packed(raw: np.ndarray) -> str:
    """The bytes of float32 values (little endian) in base64: a later run compares with them."""
    return base64.b64encode(raw.astype("<f4").tobytes()).decode("ascii")


def picture_of(pixels: np.ndarray) -> Image.Image:
    """An input (C, H, W) as a picture, scaled from its own range."""
    pixels = pixels[:3] if len(pixels) >= 3 else pixels[:1].repeat(3, 0)
    low, high = pixels.min(), pixels.max()
    return to_image(((pixels - low) / max(high - low, 1e-12)).transpose(1, 2, 0)).convert("RGB")


def shown(image: Image.Image, size: int = SHOWN) -> Image.Image:
    """A small picture enlarged to about `size` pixels."""
    scale = max(1, round(size / max(image.size)))
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
