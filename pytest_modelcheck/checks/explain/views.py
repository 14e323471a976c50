"""Inputs and maps of one, two or three dimensions as flat pictures.

A picture is shown as it is, a signal (L,) as its line, a volume (D, H, W) as a row of slices of the axis D: of a map
the hottest one is among them. The `plane` of a map is what lies over that picture, before it is enlarged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ...drawing.images import to_image
from .colormap import blend, colours

SHOWN = 256  # small pictures are enlarged to at most this many pixels
WIDE = 640  # those of a signal or of a row of slices
SLICES = 5
_LINE_SIZE = (512, 128)  # of a signal's picture
_INKS = ((20, 20, 20), (110, 110, 110), (170, 170, 170))  # of a signal's channels
_MARGIN = 0.06  # of a signal's height, above and below


def slices(heat: np.ndarray, most: int = SLICES) -> list[int]:
    """Which slices of a volume's map (D, H, W) are shown: even steps, the one nearest to the hottest moved there."""
    depth = len(heat)
    if depth <= most:
        return list(range(depth))
    even = np.linspace(0, depth - 1, most).round().astype(int)
    hottest = int(np.unravel_index(int(np.nan_to_num(heat).argmax()), heat.shape)[0])
    even[int(np.abs(even - hottest).argmin())] = hottest
    return [int(i) for i in even]


def plane(heat: np.ndarray, chosen: Sequence[int] = ()) -> np.ndarray:
    """A map (*space) as rows and columns: a signal's is one row, a volume's slices stand side by side."""
    if heat.ndim == 1:
        return heat[None]
    return np.hstack([heat[i] for i in chosen]) if heat.ndim == 3 else heat


def view(pixels: np.ndarray, chosen: Sequence[int] = ()) -> Image.Image:
    """An input (C, *space) as a picture, scaled from its own range."""
    if pixels.ndim == 2:
        return _line(pixels)
    if pixels.ndim == 4:
        pixels = np.concatenate([pixels[:, i] for i in chosen], 2)
    pixels = pixels[:3] if len(pixels) >= 3 else pixels[:1].repeat(3, 0)
    return to_image(_unit(pixels).transpose(1, 2, 0)).convert("RGB")


def _unit(pixels: np.ndarray) -> np.ndarray:
    low, high = pixels.min(), pixels.max()
    scaled: np.ndarray = (pixels - low) / max(high - low, 1e-12)
    return scaled


def _line(signal: np.ndarray) -> Image.Image:
    """The first channels of a signal (C, L), each as a line; drawn twice as large, for smooth edges."""
    width, height = (2 * side for side in _LINE_SIZE)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    rows = (1 - _unit(np.nan_to_num(signal[: len(_INKS)]))) * (1 - 2 * _MARGIN) + _MARGIN
    columns = (np.arange(signal.shape[1]) + 0.5) / signal.shape[1] * width
    for row, ink in reversed(list(zip(rows, _INKS, strict=False))):
        pen.line(list(zip(columns.tolist(), (row * height).tolist(), strict=True)), ink, 4, "curve")
    return picture.resize(_LINE_SIZE, Image.Resampling.BOX)


def shown(image: Image.Image, size: int = SHOWN, *, shrink: bool = False) -> Image.Image:
    """A small picture enlarged in whole steps to at most `size` pixels; `shrink`: a larger one made that small."""
    longest = max(image.size)
    if longest <= size:
        steps = size // longest
        return image.resize((image.width * steps, image.height * steps), Image.Resampling.NEAREST)
    if not shrink:
        return image
    share = size / longest
    small = max(1, round(image.width * share)), max(1, round(image.height * share))
    return image.resize(small, Image.Resampling.BOX)


def over_input(heat: np.ndarray, space: Sequence[int], extent: Sequence[float] = ()) -> np.ndarray:
    """A map (*grid) at the size of the input that it lies over, linearly, as `Heatmap.map`; without torch.

    `extent`: the share of the grid that the input takes, from its first corner on; () is all of it.
    """
    for axis, (size, share) in enumerate(zip(space, extent or [1.0] * len(space), strict=True)):
        places = heat.shape[axis]
        position = np.clip((np.arange(size) + 0.5) * places * share / size - 0.5, 0, places - 1)
        low = np.minimum(position.astype(int), max(places - 2, 0))
        part = (position - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(heat.ndim)])
        after = heat.take(np.minimum(low + 1, places - 1), axis)
        heat = heat.take(low, axis) * (1 - part) + after * part
    return heat


def room(axes: int, size: int = SHOWN) -> int:
    """The longest side of a picture of an input with so many axes: signals and rows of slices get more."""
    return size if axes == 2 else size * WIDE // SHOWN


def enlarged(heat: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A plane at the size (width, height) of a picture, bilinear."""
    return np.asarray(Image.fromarray(heat.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))


def laid_over(picture: Image.Image, heat: np.ndarray, is_signal: bool = False) -> Image.Image:
    """A plane in 0..1 over a picture; beneath it, where the picture is a signal's line."""
    heat = enlarged(heat, picture.size)
    if not is_signal:
        return blend(picture, heat)
    beneath = 255 - (255 - colours(heat).astype(np.float32)) * heat.clip(0, 1)[:, :, None] ** 0.8
    return Image.fromarray((np.asarray(picture) / 255 * beneath).round().astype(np.uint8))
