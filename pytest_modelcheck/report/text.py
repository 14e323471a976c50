"""Names of models, modules and tests come from outside: make them safe to print and short enough to read."""

from __future__ import annotations

from ..units import RATIO


def printable(text: str) -> str:
    """`text` on one line, control characters (and what a terminal might obey) escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shorten(text: str, width: int) -> str:
    """`text` in at most `width` characters, cut in the middle: both ends of a name tell most."""
    if len(text) <= width:
        return text
    head = (width - 1) * 2 // 3
    return text[:head] + "…" + text[len(text) - (width - 1 - head) :]


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
