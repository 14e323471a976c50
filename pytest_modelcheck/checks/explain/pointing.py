"""The pointing game (Zhang et al. 2016): whether the hottest pixel lies where it should."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from ...drawing.images import to_base64
from ...errors import ExplanationError
from .views import SHOWN, plane
from .words import NOBODY as NOBODY

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def silent(maps: np.ndarray) -> list[int]:
    """The numbers of the samples whose map (N, *space) has no positive value."""
    return [i for i, heat in enumerate(maps) if not (heat > 0).any()]


class Hits(np.ndarray):
    """An array of bool, one for each sample, that says in a failed assertion where the hottest pixels are."""

    told = ""

    def __repr__(self) -> str:
        return f"Hits({np.asarray(self).tolist()}{f': {self.told}' if self.told else ''})"

    # methods of ours, since pytest shows a builtin one by its address

    def all(self, *args: Any, **options: Any) -> Any:
        """numpy's."""
        return np.asarray(self).all(*args, **options)

    def any(self, *args: Any, **options: Any) -> Any:
        """numpy's."""
        return np.asarray(self).any(*args, **options)


@dataclass(frozen=True)
class Asked:
    """What a test asked of a heatmap: a box or mask for each sample, and whether the hottest pixel lies there."""

    places: Sequence[ArrayLike]
    margin: int
    hits: np.ndarray

    def told(self, sample: int, heat: np.ndarray, slices: Sequence[int]) -> dict[str, object]:
        """Of one sample, for a picture: the box in pixels or the mask's outline as a picture, and the hottest pixel."""
        place = np.asarray(self.places[sample])
        where: dict[str, object] = (
            {"box": place.tolist()}
            if _is_box(place, heat)
            else {"outline": to_base64(_outline(plane(place.astype(bool), slices)))}
        )
        return {
            "sample": sample,
            **where,
            "margin": self.margin,
            "hit": bool(self.hits[sample]),
            "hottest": _hottest(heat) if heat.any() else [],
        }


def _outline(mask: np.ndarray) -> Image.Image:
    """The border of a mask (H, W): white within, black around it, all else transparent."""
    steps = max(1, SHOWN // max(mask.shape))
    padded = np.pad(mask.repeat(steps, 0).repeat(steps, 1), 1)
    inner, outer = padded.copy(), padded.copy()
    for axis, shift in ((0, 1), (0, -1), (1, 1), (1, -1)):
        moved = np.roll(padded, shift, axis)
        inner &= moved
        outer |= moved
    pixels = np.zeros((*padded.shape, 4), np.uint8)
    pixels[outer & ~padded] = (0, 0, 0, 255)
    pixels[padded & ~inner] = (255, 255, 255, 255)
    return Image.fromarray(pixels[1:-1, 1:-1]).quantize(8)


def hits(maps: np.ndarray, places: Sequence[ArrayLike], margin: int) -> Hits:
    """For each map (*space) whether its hottest pixel, if any, lies in its box or mask. Raises ExplanationError."""
    pairs, blank = list(zip(maps, places, strict=True)), silent(maps)
    met = [_is_hit(heat, where, margin) and i not in blank for i, (heat, where) in enumerate(pairs)]
    found = np.array(met).view(Hits)
    told = [NOBODY if i in blank else _told(heat, where, margin) for i, (heat, where) in enumerate(pairs)]
    found.told = "; ".join(told)
    return found


def _hottest(heat: np.ndarray) -> list[int]:
    """The place, a number for each axis: row and column."""
    return [int(i) for i in np.unravel_index(int(heat.argmax()), heat.shape)]


def _is_box(place: np.ndarray, heat: np.ndarray) -> bool:
    """(left, top, right, bottom) of a picture: x and y first, as of all boxes; of a signal (left, right)."""
    return place.shape == (2 * heat.ndim,) and place.shape != heat.shape


def _told(heat: np.ndarray, where: ArrayLike, margin: int) -> str:
    place = np.asarray(where)
    at = ", ".join(f"{axis}={i}" for axis, i in zip("xyz", reversed(_hottest(heat)), strict=False))
    shown = f"box {tuple(place.tolist())}" if _is_box(place, heat) else "the mask"
    around = f" with a margin of {margin}" if margin else ""
    return f"hottest at {at}, to be in {shown}{around}"


def _is_hit(heat: np.ndarray, where: ArrayLike, margin: int) -> bool:
    hottest, place = _hottest(heat), np.asarray(where)
    if _is_box(place, heat):
        first, last = place[: heat.ndim].tolist(), place[heat.ndim :].tolist()
        corners = zip(first, reversed(hottest), last, strict=True)
        return all(low - margin <= i < high + margin for low, i, high in corners)
    if place.shape != heat.shape:
        raise ExplanationError(
            f"a box is (left, top, right, bottom), a mask has the input's size {heat.shape}; got shape {place.shape}"
        )
    near = place[tuple(slice(max(0, i - margin), i + margin + 1) for i in hottest)]
    return bool(near.any())
