"""Expected, actual and their difference as pictures on scales that agree. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from ...drawing.images import compacted, to_base64
from .colormap import colours, signed_colours
from .compare import StoredMap
from .entries import Compared
from .views import enlarged, over_input, plane, room, shown, slices, view

if TYPE_CHECKING:
    from .heatmap import Heatmap

SIGNED = 1e-3  # of its largest magnitude: a map that goes less below zero has no sign
SPOT = 0.09  # of the picture: the side of the mark around the worst place, at least
Given = Callable[[int, Sequence[int]], "Image.Image | None"]  # a sample's input, with these of its slices


def compared_pictures(heatmap: Heatmap, expected: StoredMap | None) -> Compared | None:
    """The pictures of the sample that differs most, each at the input's size; None where nothing was expected.

    Maps of another grid are compared as they lie over the input.
    """
    if expected is None or not expected.raw.size or not heatmap.raw.size:
        return None
    space = heatmap.image.shape[2:]
    return compared_maps(
        expected.raw,
        heatmap.raw,
        space,
        lambda *which: view(heatmap.image[which[0]], which[1]),
        heatmap.extent,
    )


def compared_maps(
    expected: np.ndarray, actual: np.ndarray, space: Sequence[int], given: Given, extent: Sequence[float] = ()
) -> Compared:
    """The same of two raw maps (N, *grid) over an input of this space."""
    raws = (expected, actual)
    sample = _worst_sample(raws, space, extent)
    maps = [raw[min(sample, len(raw) - 1)].astype(np.float32) for raw in raws]
    top = max(map(_largest, maps))
    signed = min(float(np.nan_to_num(one).min()) for one in maps) < -SIGNED * top
    old, new = (_at_input(one if signed else np.maximum(one, 0), space, extent) for one in maps)
    change = _change(old, new, signed)
    place = _worst_place(change)
    chosen = slices(_distance(new if change is None else change)) if len(space) == 3 else []
    picture = given(sample, chosen)
    blank = Image.new("L", plane(np.zeros(space, np.uint8), chosen).shape[::-1])
    base = shown(picture or blank, room(len(space)), shrink=True)
    sheet = _Sheet(base.size, space, chosen, place, signed, actual.shape[1:])
    found: Compared = {
        "expected": sheet.drawn(old, top),
        "actual": sheet.drawn(new, top),
        "signed": signed,
        "top": top,
        "bar": _bar(signed),
        "sample": sample,
        "notes": _notes(raws, maps, change),
    }
    if picture is not None:
        found["input"] = sheet.marked(base)
    if change is not None:
        found["most"] = most = _largest(change)
        found["difference"], found["difference_bar"] = sheet.drawn(change, most), _bar(signed)
    if place:
        found["place"] = [*reversed(place)]
    return found


@dataclass(frozen=True)
class _Sheet:
    """How maps of one input are drawn: over the same `size`, with the same mark at `place`."""

    size: tuple[int, int]
    space: Sequence[int]
    slices: Sequence[int]
    place: Sequence[int]
    signed: bool
    grid: Sequence[int]

    def drawn(self, heat: np.ndarray, top: float) -> str:
        """A map (*space) in the colours of -`top` or 0 to `top`."""
        fits = heat.ndim == len(self.space)  # else a map of other dimensions: its first rows
        rows = plane(heat, self.slices) if fits else heat.reshape(-1, heat.shape[-1])
        paint = signed_colours if self.signed else colours
        return self.marked(Image.fromarray(paint(enlarged(rows / (top or 1), self.size))))

    def marked(self, picture: Image.Image) -> str:
        """With a frame around the worst place, light on dark; of a volume in the slice that has it."""
        picture = compacted(picture, 254)
        if self.place:
            pen = ImageDraw.Draw(picture)
            left, top, right, bottom = self._frame()
            for width, ink in ((2, "black"), (1, "white"), (0, "black")):
                pen.rectangle((left - width, top - width, right + width, bottom + width), outline=ink)
        return to_base64(picture)

    def _frame(self) -> tuple[int, int, int, int]:
        """Around the place, at least as large as a place of the raw map; a signal's is as high as the picture."""
        count = max(len(self.slices), 1)
        first = self.slices.index(self.place[0]) * self.space[-1] if self.slices else 0
        column, columns = first + self.place[-1], self.space[-1] * count
        left, right = self._span(column, columns, self.grid[-1] * count, self.size[0])
        if len(self.space) == 1:
            return left, 3, right, self.size[1] - 4
        top, bottom = self._span(self.place[-2], self.space[-2], self.grid[-2], self.size[1])
        return left, top, right, bottom

    def _span(self, at: int, places: int, cells: int, pixels: int) -> tuple[int, int]:
        middle = (at + 0.5) / places * pixels
        half = max(pixels / cells, SPOT * min(self.size)) / 2
        return min(max(3, round(middle - half)), pixels - 4), max(min(pixels - 4, round(middle + half)), 3)


def _worst_sample(raws: Sequence[np.ndarray], space: Sequence[int], extent: Sequence[float]) -> int:
    """The one that differs most, of those that both have."""
    old, new = raws
    if not old.ndim == new.ndim == len(space) + 1:
        return 0
    pairs = list(zip(old.astype(np.float32), new.astype(np.float32), strict=False))
    if old.shape[1:] != new.shape[1:]:
        pairs = [(over_input(a, space, extent), over_input(b, space, extent)) for a, b in pairs]
    return int(np.argmax([_distance(b - a).max() for a, b in pairs]))


def _at_input(heat: np.ndarray, space: Sequence[int], extent: Sequence[float]) -> np.ndarray:
    """A map (*grid) over the input; one of other dimensions stays as it is."""
    return over_input(heat, space, extent) if heat.ndim == len(space) else heat


def _change(old: np.ndarray, new: np.ndarray, signed: bool) -> np.ndarray | None:
    """How much `new` is more than `old`, of unsigned maps how far apart they are; None where that has no meaning."""
    if old.shape != new.shape:
        return None
    change: np.ndarray = new - old
    return change if signed else abs(change)


def _distance(change: np.ndarray) -> np.ndarray:
    """Its magnitude; what is no number is as far as can be."""
    far: np.ndarray = np.nan_to_num(np.abs(change), nan=np.inf)
    return far


def _worst_place(change: np.ndarray | None) -> list[int]:
    """Where it is largest; empty where there is none."""
    if change is None or not _distance(change).any():
        return []
    return [int(i) for i in np.unravel_index(int(_distance(change).argmax()), change.shape)]


def _largest(heat: np.ndarray) -> float:
    """The largest magnitude of its numbers."""
    return float(np.abs(heat[np.isfinite(heat)]).max(initial=0))


def _bar(signed: bool) -> str:
    steps = np.linspace(-1 if signed else 0, 1, 129)[None].repeat(4, 0)
    return to_base64(Image.fromarray((signed_colours if signed else colours)(steps)))


def _notes(raws: Sequence[np.ndarray], maps: Sequence[np.ndarray], change: np.ndarray | None) -> list[str]:
    told = []
    sizes = ["x".join(map(str, raw.shape)) for raw in raws]
    if change is None:
        told.append(f"no difference: a map {sizes[0]} expected, {sizes[1]} measured")
    elif raws[0].shape[1:] != raws[1].shape[1:]:
        told.append(f"maps {sizes[0]} expected, {sizes[1]} measured: compared as they lie over the input")
    elif len(raws[0]) != len(raws[1]):
        told.append(f"{len(raws[0])} samples expected, {len(raws[1])} measured: of those that both have")
    if not all(np.isfinite(one).all() for one in maps):
        told.append("green: NaN or infinite")
    return told
