"""A limit that the base's own tests set, and this tree's do not: an entry among the checks, of no test that ran."""

from __future__ import annotations

import re
import shlex

from ..verdict.judge import Acceptance
from ..verdict.message import TRAILER, block
from .types import AcceptedEntry, CheckEntry

NO_LONGER = "was gated at the base, is not now"
NEXT = "put the marker back; if it is meant to go, say so in the message of a commit:"
REMOVED = "removed"


def removal_line(nodeid: str) -> str:
    """The trailer that owns up to the removal of a test, or of its limits."""
    return f"{TRAILER}: {quoted(nodeid)} {REMOVED}: <why>"


def quoted(name: str) -> str:
    """A name as a trailer has it."""
    plain = name and not re.search(r"\s", name) and not name.startswith(("'", '"'))
    return name if plain else shlex.quote(name)


def is_gone(check: CheckEntry) -> bool:
    """Whether an entry is of this kind."""
    return check.get("reason") == NO_LONGER and check["value"] is None


def accepted_entry(one: Acceptance) -> AcceptedEntry:
    """By whom a breach is accepted."""
    return {"commit": one.commit, "line": one.line, "reason": one.reason, "limit": one.limit}


def gone_entry(own: CheckEntry, accepted: Acceptance | None = None) -> CheckEntry:
    """A demand that is no more as a failed check, or as an `accepted` one."""
    rows = [
        ("gone", NO_LONGER),
        ("limit", own["limit_text"]),
        ("at the base", f"{own['nodeid']} ({own['where']})"),
    ]
    if accepted is not None:
        text = block(f"{own['subject']}: {own['title']}", [*rows, ("accepted", str(accepted))])
        owner = accepted_entry(accepted)
        return {**own, "outcome": "accepted", "reason": str(accepted), "message": text, "accepted": owner}
    rows.append(("next", f"{NEXT}\n{removal_line(own['nodeid'])}"))
    text = block(f"{own['subject']}: {own['title']}", rows)
    return {**own, "outcome": "fail", "reason": NO_LONGER, "message": text}
