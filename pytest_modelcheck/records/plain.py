"""Values as JSON holds them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def plain(value: Any) -> Any:
    """`value` as JSON holds it: what numpy and torch hold as numbers or lists, NaN and infinities as strings, keys as
    strings, and whatever JSON has no word for as its text.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _unwrapped(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _unwrapped(value: Any) -> Any:
    try:
        return plain(value.tolist())
    except RuntimeError:  # a tensor without values: on the meta device, sparse
        return str(value)


def to_json(value: Any) -> str:
    """ASCII JSON that every parser reads (no NaN)."""
    return json.dumps(plain(value), ensure_ascii=True, allow_nan=False)


def number(value: object) -> float | None:
    """A finite number, or None: records hold NaN and infinities as strings."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def share(base: float | None, head: float | None) -> float | None:
    """How far `head` lies above `base`, as a share of it; None where that has no meaning."""
    return head / base - 1 if base and head is not None else None
