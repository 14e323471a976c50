"""A limit that the base's own tests set, and this tree's do not: an entry among the checks, of no test that ran."""

from __future__ import annotations

from ..verdict.judge import Acceptance
from ..verdict.message import block
from .types import AcceptedEntry, CheckEntry

NO_LONGER = "was gated at the base, is not now"


def is_gone(check: CheckEntry) -> bool:
    """Whether an entry is of this kind."""
    return check["reason"] == NO_LONGER and check["value"] is None


def gone_entry(own: CheckEntry, trailer: str, accepted: Acceptance | None = None) -> CheckEntry:
    """A demand that is no more as a failed check, or as an `accepted` one; `trailer` is the line that owns up to it."""
    rows = [
        ("gone", NO_LONGER),
        ("limit", own["limit_text"]),
        ("at the base", f"{own['nodeid']} ({own['where']})"),
    ]
    if accepted is not None:
        text = block(f"{own['subject']}: {own['title']}", [*rows, ("accepted", str(accepted))])
        owner: AcceptedEntry = {"commit": accepted.commit, "reason": accepted.reason, "limit": None}
        return {**own, "outcome": "accepted", "reason": str(accepted), "message": text, "accepted": owner}
    rows.append(
        ("next", f"put the marker back; if it is meant to go, say so in the message of a commit:\n{trailer}")
    )
    text = block(f"{own['subject']}: {own['title']}", rows)
    return {**own, "outcome": "fail", "reason": NO_LONGER, "message": text}
