"""Expected, actual and their difference as pictures on one shared colour scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...drawing.images import to_base64
from .compare import StoredMap

if TYPE_CHECKING:
    from .heatmap import Heatmap


def compared_pictures(heatmap: Heatmap, expected: StoredMap | None) -> dict[str, object] | None:
    """The three pictures of the sample that differs most, over its input; None where the maps have no common shape.

    All are coloured from 0 to `top`, the largest magnitude of both maps: equal colours are equal values.
    """
    if expected is None or expected.raw.shape != heatmap.raw.shape:
        return None
    change = np.abs(heatmap.raw - expected.raw)
    sample = int(change.max((1, 2)).argmax())
    top = float(max(np.abs(heatmap.raw[sample]).max(), np.abs(expected.raw[sample]).max()))
    maps = {"expected": expected.raw[sample], "actual": heatmap.raw[sample], "difference": change[sample]}
    pictures = {
        name: to_base64(_over(heatmap, sample, raw / (top or 1)), compact=True) for name, raw in maps.items()
    }
    return {**pictures, "top": top, "sample": sample, "bar": to_base64(_bar())}


def _over(heatmap: Heatmap, sample: int, share: np.ndarray) -> Image.Image:
    """A map in shares of the scale, over the input; what speaks against the target shows nothing."""
    from .colormap import blend
    from .heatmap import shown

    base = shown(heatmap.input_image(sample))
    positive = Image.fromarray(np.maximum(share, 0).astype(np.float32))
    return blend(base, np.asarray(positive.resize(base.size, Image.Resampling.BILINEAR)))


def _bar() -> Image.Image:
    from .colormap import colours

    return Image.fromarray(colours(np.linspace(0, 1, 128)[None].repeat(4, 0)))
