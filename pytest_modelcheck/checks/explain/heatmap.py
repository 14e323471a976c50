"""Heatmap: the result of an explanation, its normalised map and its picture."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from PIL import Image

from ...drawing.images import to_base64, to_image
from ...errors import ExplanationError
from ..reported import Reported
from .images import grown
from .pointing import Asked, hits
from .views import SHOWN, enlarged, laid_over, plane, room, shown, slices, view

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

EPSILON = 1e-6  # relative: maps of any size are scaled alike
MOST = 16  # samples of a batch that a report shows
FEW, SMALL = 4, 128  # samples; of more each picture has at most so many pixels
FINER = 4  # places of a small map for each of the raw one, along a side


@dataclass(frozen=True, eq=False)  # eq=False: `heatmap == heatmap_snapshot` is the snapshot's to decide
class Explanation(Reported):
    """What was explained, of which input; what it looks like is the subclass's.

    `why`: why this layer, where none was named. `top`: per sample the likeliest classes with their probability, which
    `probability` says how it was made of the output. `notes`: what a reader must know of it. `names`: of the classes,
    as far as they are known.
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
    names: Mapping[int, str] = field(default_factory=dict, kw_only=True, repr=False)

    def input_image(self, index: int = 0) -> Image.Image:
        """The input as a picture, scaled from its own range; a signal as its line, a volume as a row of slices."""
        return view(self.image[index], self._slices(index))

    @property
    def title(self) -> str:
        """`Grad-CAM of class 285 at layer4`."""
        first = self.target[0]
        named = f"class {first}" if isinstance(first, int) else str(first)
        return f"{self.method} of {named}{f' at {self.layer}' if self.layer else ''}"

    def _slices(self, index: int) -> list[int]:
        """Which slices of a volume are shown."""
        return []

    def _over(self, picture: Image.Image, index: int) -> Image.Image:
        """What is shown of a sample, at the size of its input's picture."""
        raise NotImplementedError

    def _entry(self, **more: object) -> dict[str, object]:
        """For the record: what was explained, and the pictures; `image` and `input` are the first sample's."""
        known = {*self.target, *(one for sample in self.top for one, _ in sample)}
        views = [self._view(index) for index in shown_samples(len(self.raw))]
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
            "names": {
                str(one): self.names[one] for one in known if isinstance(one, int) and one in self.names
            },
            **more,
            "space": list(self.image.shape[2:]),
            "image": views[0].pop("image"),
            "input": views[0].pop("input"),
            "views": views,
            "nodeid": None,
        }

    def pictures(self, index: int = 0, size: int = SHOWN) -> tuple[Image.Image, Image.Image]:
        """The input, and over it what was found: of about `size` pixels, more for a signal or a row of slices."""
        given = shown(self.input_image(index), room(self.image.ndim - 2, size), shrink=True)
        return given, self._over(given, index)

    def _view(self, index: int) -> dict[str, object]:
        """A sample's pictures, for the record."""
        given, picture = self.pictures(index, SHOWN if len(self.raw) <= FEW else SMALL)
        return {
            "sample": index,
            "slices": self._slices(index),
            "image": to_base64(picture, compact=True),
            "input": to_base64(given, compact=True),
        }


def shown_samples(samples: int) -> list[int]:
    """Which samples of a batch a report shows: all of few, else some from the first to the last."""
    return [int(i) for i in np.linspace(0, samples - 1, min(samples, MOST)).round()]


@dataclass(frozen=True, eq=False)
class Heatmap(Explanation):
    """Which pixels speak for a target, for a batch of N inputs.

    `raw` (N, h, w) float32: as the method gives it, not normalised, before any ReLU; (N, l) of a signal, (N, d, h, w)
    of a volume. `image` (N, C, H, W): the input. `target` and `score` per sample: class index (or the callable's name)
    and its logit. `extent`: along each dimension the share of the raw map that the picture takes, from the first corner
    on; () is all of it (a detector pads its pictures).
    """

    section = "heatmaps"

    extent: tuple[float, ...] = field(default=(), kw_only=True)
    _asked: list[Asked] = field(default_factory=list, init=False, repr=False)

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
        """The map over `image` (a PIL image, an array or a tensor; None: the input itself), as a picture.

        A signal's map lies beneath its line; of a volume slices are shown, the hottest one among them.
        """
        base = self.input_image(index) if image is None else to_image(image).convert("RGB")
        return self._over(shown(base, room(self.image.ndim - 2)), index)

    def _over(self, picture: Image.Image, index: int) -> Image.Image:
        return laid_over(picture, self._plane(index), self.map.ndim == 2)

    def _plane(self, index: int) -> np.ndarray:
        return plane(self.map[index], self._slices(index))

    def _slices(self, index: int) -> list[int]:
        return slices(self.map[index]) if self.map.ndim == 4 else []

    def _view(self, index: int) -> dict[str, object]:
        """With the map itself, small and in 256 steps, for who chooses its colours."""
        heat = self._plane(index)
        width = self.raw.shape[-1] * FINER * max(len(self._slices(index)), 1)
        height = self.raw.shape[-2] * FINER if self.raw.ndim > 2 else 1
        small = enlarged(heat, (min(heat.shape[1], width), min(heat.shape[0], height)))
        steps = Image.fromarray((small * 255).round().astype(np.uint8))
        return {**super()._view(index), "heat": to_base64(steps)}

    def points_at(self, where: ArrayLike, margin: int = 0) -> np.ndarray:
        """The pointing game (Zhang et al. 2016): per sample (N,), whether the hottest pixel lies in `where`.

        `where`: for each sample a box (left, top, right, bottom; right and bottom exclusive) or a mask (H, W); for one
        sample it may stand alone. `margin`: pixels around it that still count. Raises ExplanationError.
        """
        alone = np.ndim(where) == 1 or (len(self.map) == 1 and np.shape(where) == self.map.shape[1:])
        places = [where] if alone else cast("Sequence[ArrayLike]", where)
        if len(places) != len(self.map):
            raise ExplanationError(f"{len(places)} boxes or masks for {len(self.map)} maps")
        found = hits(self.map, places, margin)
        self._asked.append(Asked(places, margin, found))
        return found

    def __repr__(self) -> str:
        return f"Heatmap({self.title}, {'x'.join(map(str, self.raw.shape))})"

    def _repr_png_(self) -> bytes:
        return base64.b64decode(to_base64(self.overlay()))

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `heatmaps`."""
        raw = {"shape": list(self.raw.shape), "float32": _packed(self.raw)}
        part = {"extent": list(self.extent)} if self.extent else {}
        return self._entry(map_shape=list(self.raw.shape[1:]), raw=raw, **part, **self.later())

    def later(self) -> dict[str, object]:
        """What of the entry may come after it was made: where a test said that the hottest pixel must lie."""
        samples = shown_samples(len(self.raw))
        asked = [asked.told(i, self.map[i], self._slices(i)) for asked in self._asked for i in samples]
        return {"asked": asked} if asked else {}


def _packed(raw: np.ndarray) -> str:
    """The bytes of float32 values (little endian) in base64: a later run compares with them."""
    return base64.b64encode(raw.astype("<f4").tobytes()).decode("ascii")
