"""Colour maps, and a map laid over a picture.

Ours is perceptually uniform: the colours walk from a dark blue through red to a light yellow on a straight line of
lightness in OKLab (Ottosson 2020), so that equal steps of the map look equally large, in print and to colour-blind eyes
too. The one for signed values is white at zero and equally dark at both ends, blue below and red above.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from PIL import Image

STEPS = 256
STOPS = 17
_ANCHORS = (  # position, chroma, hue in degrees; lightness is linear
    (0.00, 0.08, 290.0),
    (0.25, 0.17, 310.0),
    (0.50, 0.20, 370.0),
    (0.75, 0.17, 410.0),
    (1.00, 0.13, 465.0),
)
_DARK, _LIGHT = 0.20, 0.93
_BELOW, _ABOVE = 255.0, 27.0  # hues of the signed map
_VIRIDIS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"
_TURBO = (  # Mikhailov 2019: polynomials in the position, of red, green and blue in 0..255
    (34.61, 1172.33, -10793.56, 33300.12, -38394.49, 14825.05),
    (23.31, 557.33, 1225.33, -3574.96, 1073.77, 707.56),
    (27.2, 3211.1, -15327.97, 27814.0, -22569.18, 6838.66),
)
_OPAQUE = 0.75  # of a place where the map is 1
NO_NUMBER = (0, 158, 96)  # a green that neither map has


@functools.cache
def table() -> np.ndarray:
    """The colours (256, 3), uint8 sRGB."""
    position = np.linspace(0, 1, STEPS)
    anchors = np.array(_ANCHORS)
    chroma = np.interp(position, anchors[:, 0], anchors[:, 1])
    hue = np.interp(position, anchors[:, 0], anchors[:, 2])
    return _colours_of(_DARK + (_LIGHT - _DARK) * position, chroma, hue)


@functools.cache
def signed_table() -> np.ndarray:
    """The colours (257, 3) from -1 to 1, uint8 sRGB; the middle one is white."""
    position = np.linspace(-1, 1, STEPS + 1)
    far = np.abs(position)
    return _colours_of(1 - 0.5 * far, 0.19 * far**0.9, np.where(position < 0, _BELOW, _ABOVE))


def _colours_of(lightness: np.ndarray, chroma: np.ndarray, hue: np.ndarray) -> np.ndarray:
    turn = hue * math.pi / 180
    lab = np.stack([lightness, chroma * np.cos(turn), chroma * np.sin(turn)], 1)
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


@functools.cache
def scales() -> Mapping[str, str]:
    """Colour maps by name, for who colours in a browser: colours in equal steps, `RRGGBB` after `RRGGBB`."""
    position = np.linspace(0, 1, STOPS)
    viridis = np.array([list(bytes.fromhex(colour)) for colour in _VIRIDIS.split()])
    places = np.linspace(0, 1, len(viridis))
    made = {
        "modelcheck": table()[(position * (STEPS - 1)).round().astype(int)],
        "viridis": np.stack([np.interp(position, places, viridis[:, c]) for c in range(3)], 1),
        "turbo": np.stack([np.polynomial.Polynomial(row)(position) for row in _TURBO], 1),
        "grey": np.stack([position * 255] * 3, 1),
    }
    return {name: rows.round().clip(0, 255).astype(np.uint8).tobytes().hex() for name, rows in made.items()}


def stops(name: str) -> list[str]:
    """The colours of one of the `scales`."""
    text = scales()[name]
    return [text[i : i + 6] for i in range(0, len(text), 6)]


def colours(heat: np.ndarray) -> np.ndarray:
    """`heat` (H, W) in 0..1 as colours (H, W, 3), uint8."""
    return _chosen(table(), heat.clip(0, 1), heat)


def signed_colours(heat: np.ndarray) -> np.ndarray:
    """`heat` (H, W) in -1..1 as colours (H, W, 3), uint8: white at zero."""
    return _chosen(signed_table(), (heat.clip(-1, 1) + 1) / 2, heat)


def _chosen(rows: np.ndarray, position: np.ndarray, heat: np.ndarray) -> np.ndarray:
    chosen: np.ndarray = rows[(np.nan_to_num(position) * (len(rows) - 1)).round().astype(int)]
    chosen[~np.isfinite(heat)] = NO_NUMBER
    return chosen


def blend(image: Image.Image, heat: np.ndarray) -> Image.Image:
    """`heat` (H, W) in 0..1 over `image` of that size: the stronger the map, the more it covers."""
    alpha = (_OPAQUE * heat.clip(0, 1) ** 0.8)[:, :, None]
    grey = np.asarray(image.convert("L").convert("RGB"), np.float32)
    base = np.asarray(image, np.float32) * 0.4 + grey * 0.6  # a paler picture lets the colours speak
    return Image.fromarray((base * (1 - alpha) + colours(heat) * alpha).round().astype(np.uint8))
