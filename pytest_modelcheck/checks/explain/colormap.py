"""A perceptually uniform colour map, and a map laid over a picture.

The colours walk from a dark blue through red to a light yellow on a straight line of lightness in OKLab
(Ottosson 2020), so that equal steps of the map look equally large, in print and to colour-blind eyes too.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from PIL import Image

STEPS = 256
_ANCHORS = (  # position, chroma, hue in degrees; lightness is linear
    (0.00, 0.08, 290.0),
    (0.25, 0.17, 310.0),
    (0.50, 0.20, 370.0),
    (0.75, 0.17, 410.0),
    (1.00, 0.13, 465.0),
)
_DARK, _LIGHT = 0.20, 0.93
_OPAQUE = 0.75  # of a place where the map is 1


@functools.cache
def table() -> np.ndarray:
    """The colours (256, 3), uint8 sRGB."""
    position = np.linspace(0, 1, STEPS)
    anchors = np.array(_ANCHORS)
    chroma = np.interp(position, anchors[:, 0], anchors[:, 1])
    hue = np.interp(position, anchors[:, 0], anchors[:, 2]) * math.pi / 180
    lightness = _DARK + (_LIGHT - _DARK) * position
    lab = np.stack([lightness, chroma * np.cos(hue), chroma * np.sin(hue)], 1)
    return (_oklab_to_srgb(lab) * 255).round().astype(np.uint8)


def _oklab_to_srgb(lab: np.ndarray) -> np.ndarray:
    to_lms = [
        [1, 0.3963377774, 0.2158037573],
        [1, -0.1055613458, -0.0638541728],
        [1, -0.0894841775, -1.2914855480],
    ]
    to_rgb = [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
    linear = ((lab @ np.array(to_lms).T) ** 3 @ np.array(to_rgb).T).clip(0, 1)
    made: np.ndarray = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return made


def colours(heat: np.ndarray) -> np.ndarray:
    """`heat` (H, W) in 0..1 as colours (H, W, 3), uint8."""
    chosen: np.ndarray = table()[(heat.clip(0, 1) * (STEPS - 1)).round().astype(int)]
    return chosen


def blend(image: Image.Image, heat: np.ndarray) -> Image.Image:
    """`heat` (H, W) in 0..1 over `image` of that size: the stronger the map, the more it covers."""
    alpha = (_OPAQUE * heat.clip(0, 1) ** 0.8)[:, :, None]
    grey = np.asarray(image.convert("L").convert("RGB"), np.float32)
    base = np.asarray(image, np.float32) * 0.4 + grey * 0.6  # a paler picture lets the colours speak
    return Image.fromarray((base * (1 - alpha) + colours(heat) * alpha).round().astype(np.uint8))
