"""A limit that the base's own tests set, and this tree's do not: an entry among the checks, of no test that ran."""

from __future__ import annotations

from .types import CheckEntry

NO_LONGER = "was gated at the base, is not now"


def is_gone(check: CheckEntry) -> bool:
    """Whether an entry is of this kind."""
    return check["reason"] == NO_LONGER and check["value"] is None


def gone_entry(own: CheckEntry, trailer: str) -> CheckEntry:
    """A demand that is no more as a failed check; `trailer` is the line that owns up to it."""
    rows = [
        ("gone", NO_LONGER),
        ("limit", own["limit_text"]),
        ("at the base", f"{own['nodeid']} ({own['where']})"),
        ("next", "put the marker back; if it is meant to go, say so in the message of a commit:"),
        ("", trailer),
    ]
    lines = [f"{own['subject']}: {own['title']}", *(f"  {word:<13}{text}".rstrip() for word, text in rows)]
    return {**own, "outcome": "fail", "reason": NO_LONGER, "message": "\n".join(lines)}
