"""What the marker `onnx_export` takes, checked at collection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...errors import LimitError

RTOL, ATOL = 1e-3, 1e-5
DEFAULTS = {"opset": None, "dynamic": None, "rtol": RTOL, "atol": ATOL, "max_size": None}


def read_options(options: Mapping[str, Any]) -> float:
    """rtol as a number. Raises LimitError for a value that cannot be meant."""
    from ...verdict.units import BYTES, RATIO

    opset = options["opset"]
    if opset is not None and (type(opset) is not int or opset < 7):
        raise LimitError(f"opset={opset!r} is not an opset number; write for example opset=18")
    if options["max_size"] is not None:
        BYTES.parse(options["max_size"])
    if (
        isinstance(options["atol"], bool)
        or not isinstance(options["atol"], (int, float))
        or not options["atol"] >= 0
    ):
        raise LimitError(f"atol={options['atol']!r} is not a number from 0 on")
    return RATIO.parse(options["rtol"])
