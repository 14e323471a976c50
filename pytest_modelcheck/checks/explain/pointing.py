"""The pointing game (Zhang et al. 2016): whether the hottest pixel lies where it should."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ExplanationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


NOBODY = "no place speaks for the target"


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


def hits(maps: np.ndarray, places: Sequence[ArrayLike], margin: int) -> Hits:
    """For each map (H, W) whether its hottest pixel, if any, lies in its box or mask. Raises ExplanationError."""
    pairs, blank = list(zip(maps, places, strict=True)), silent(maps)
    met = [_is_hit(heat, where, margin) and i not in blank for i, (heat, where) in enumerate(pairs)]
    found = np.array(met).view(Hits)
    told = [NOBODY if i in blank else _told(heat, where, margin) for i, (heat, where) in enumerate(pairs)]
    found.told = "; ".join(told)
    return found


def _hottest(heat: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    return int(row), int(column)


def _told(heat: np.ndarray, where: ArrayLike, margin: int) -> str:
    row, column = _hottest(heat)
    place = np.asarray(where)
    shown = f"box {tuple(place.tolist())}" if place.shape == (4,) else "the mask"
    around = f" with a margin of {margin}" if margin else ""
    return f"hottest at x={column}, y={row}, to be in {shown}{around}"


def _is_hit(heat: np.ndarray, where: ArrayLike, margin: int) -> bool:
    row, column = _hottest(heat)
    place = np.asarray(where)
    if place.shape == (4,):
        left, top, right, bottom = place.tolist()
        return bool(left - margin <= column < right + margin and top - margin <= row < bottom + margin)
    if place.shape != heat.shape:
        raise ExplanationError(
            f"a box is (left, top, right, bottom), a mask has the input's size {heat.shape}; got shape {place.shape}"
        )
    near = place[max(0, row - margin) : row + margin + 1, max(0, column - margin) : column + margin + 1]
    return bool(near.any())
