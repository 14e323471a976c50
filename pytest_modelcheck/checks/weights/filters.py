"""The first convolution's filters as one picture."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor, nn

from ...drawing.images import to_base64, to_image
from ...errors import MeasurementError
from .patterns import Patterns, matches

MOST, WIDTH = 256, 384  # filters shown, and about how wide the picture is


@dataclass(frozen=True)
class FilterGrid:
    """`image`: a base64 PNG, `columns` filters to a row."""

    name: str
    shape: tuple[int, ...]
    columns: int
    image: str


def first_filters(module: nn.Module) -> FilterGrid | None:
    """The filters of the first 2-d convolution: in colour for 3 input channels, else the channels in grey.

    Each is scaled to its own range, the look of torchvision's `make_grid(normalize=True, scale_each=True)`.
    """
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            return _grid(f"{name}.weight" if name else "weight", child.weight.detach())
    return None


def filter_grids(module: nn.Module, layers: Patterns) -> tuple[FilterGrid, ...]:
    """The filters of the 2-d convolutions whose names match `layers`; None: of none.

    Raises MeasurementError where none matches.
    """
    found = {name: child for name, child in module.named_modules() if isinstance(child, nn.Conv2d)}
    grids = tuple(
        _grid(f"{name}.weight" if name else "weight", child.weight.detach())
        for name, child in found.items()
        if matches(name, layers)
    )
    if layers and not grids:
        names = ", ".join(list(found)[:5]) + (", ..." if len(found) > 5 else "")
        has = f"its 2-d convolutions: {names}" if found else "it has none"
        raise MeasurementError(f"no 2-d convolution is named as filters={list(layers)} says; {has}")
    return grids


def _grid(name: str, weight: Tensor) -> FilterGrid:
    tiles = np.nan_to_num(weight.float().cpu().clone().numpy())
    tiles = tiles.transpose(0, 2, 3, 1) if tiles.shape[1] == 3 else tiles.reshape(-1, *tiles.shape[2:], 1)
    tiles = tiles[:MOST]
    columns = min(len(tiles), max(8, math.ceil(math.sqrt(len(tiles)))))
    cell = max(tiles.shape[1:3])
    zoom = max(2, WIDTH // (columns * (cell + 1)))
    picture = to_image(_sheet(tiles, columns))
    picture = picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)
    return FilterGrid(name, tuple(weight.shape), columns, to_base64(picture))


def _sheet(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Tiles in rows on a mid-grey ground, one pixel apart."""
    count, height, width, channels = tiles.shape
    rows = math.ceil(count / columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1, channels), 0.5)
    low = tiles.min((1, 2, 3), keepdims=True)
    spread = tiles.max((1, 2, 3), keepdims=True) - low
    scaled = (tiles - low) / np.where(spread > 0, spread, 1)
    for index, tile in enumerate(scaled):
        top, left = (index // columns) * (height + 1) + 1, (index % columns) * (width + 1) + 1
        sheet[top : top + height, left : left + width] = tile
    return sheet
