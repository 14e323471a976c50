"""What terminal, page and Markdown say alike."""

from __future__ import annotations

from ..units import RATIO


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
