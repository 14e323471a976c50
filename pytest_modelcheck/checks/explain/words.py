"""Words that several modules of explanation say, free of torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

SOFTMAX, SIGMOID, GIVEN = PROBABILITIES = ("softmax", "sigmoid", "given")
"""How a probability is made of the output."""

Transform: TypeAlias = Literal["translation", "scale", "rotation"]
TRANSFORMS: Mapping[str, tuple[str, tuple[float, ...]]] = {
    "translation": ("vertical shift, share of the height", tuple(s * 10 / 224 for s in range(-6, 7))),
    "scale": ("scale, ratio", tuple(1 + s / 10 for s in range(9))),
    "rotation": ("rotation, degrees", tuple(float(d) for d in range(0, 361, 15))),
}
"""What is done to the images: its axis, and the range of Zeiler and Fergus 2013."""

NOBODY = "no place speaks for the target"
