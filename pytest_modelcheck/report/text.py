"""What terminal, page and Markdown say alike."""

from __future__ import annotations

from typing import Any

from ..errors import LimitError
from ..units import RATIO, named


def headroom_text(headroom: float | None) -> str:
    """`12 % free`, `missed by 16.9 %`."""
    if headroom is None:
        return ""
    return f"{RATIO.format(headroom, 3)} free" if headroom >= 0 else f"missed by {RATIO.format(-headroom, 3)}"


SYMBOLS = {"pass": "✓", "fail": "✗", "warn": "!", "inconclusive": "?", "not gated": "–", "error": "✗"}


def shown_outcome(check: dict[str, object]) -> str:
    """The outcome as it is shown: a breach at level="warn" is a warning."""
    outcome = str(check["outcome"])
    return "warn" if outcome == "fail" and check.get("level") == "warn" else outcome


def amount(unit: str, value: Any) -> str:
    """A value in the unit of that noun; `–` for none."""
    if value is None:
        return "–"
    try:
        return named(unit).format(value)
    except LimitError:
        return f"{value:.4g}"


def change(share: float | None) -> str:
    """`+5.4 %`, `0 %`; empty where there is nothing to compare."""
    if share is None:
        return ""
    return f"{'+' if share > 0 else ''}{RATIO.format(share, 3)}"
