"""Pictures as they travel in the record: PNG, base64."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ModelCheckError

LARGE = 96  # pixels of a side


def to_image(content: Any) -> Image.Image:
    """A PIL image from a PIL image, or from an array or tensor of shape (H, W), (H, W, 3) or (3, H, W).

    Floats are clipped to 0..1. Raises ModelCheckError for anything else.
    """
    if isinstance(content, Image.Image):
        return content
    try:
        array = np.asarray(content.detach().cpu() if hasattr(content, "detach") else content)
    except ValueError:  # lists of unequal lengths
        array = np.asarray(None)
    if array.ndim == 3 and array.shape[0] in (1, 3) and array.shape[2] not in (1, 3, 4):
        array = array.transpose(1, 2, 0)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    good = array.dtype.kind in "uifb" and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4)))
    if not good or not array.size:
        raise ModelCheckError(
            f"cannot show a {type(content).__name__} of shape {array.shape} and dtype {array.dtype} as an image.\n"
            "Give a PIL image, or an array of shape (H, W), (H, W, 3) or (3, H, W), uint8 or floats in 0..1."
        )
    if array.dtype != np.uint8:
        scale = 255 if array.dtype.kind in "fb" else 1
        array = np.clip(np.nan_to_num(array.astype(np.float64)) * scale, 0, 255).round().astype(np.uint8)
    return Image.fromarray(array)


def to_base64(image: Image.Image, *, compact: bool = False) -> str:
    """The image as a base64 PNG; `compact`: in 256 colours of its own, a third of the size."""
    buffer = io.BytesIO()
    image = compacted(image) if compact else image
    image.save(buffer, "PNG")  # optimize=True saves 2 % of the size for twelve times the time
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def from_base64(text: str) -> Image.Image | None:
    """The image of a PNG in base64, in colour; None where it is none: records are strangers'."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(text)), formats=["PNG"]) as image:
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def compacted(image: Image.Image, colours: int = 256) -> Image.Image:
    """In so many colours of its own; of a large one chosen from a coarser picture, which takes a tenth of the time."""
    large = min(image.size) >= LARGE
    chosen = (image.reduce(4) if large else image).quantize(colours, dither=Image.Dither.NONE)
    return image.quantize(palette=chosen, dither=Image.Dither.NONE) if large else chosen
