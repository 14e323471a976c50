"""Demands of tests that left no verdict: what became of each. None is ever taken for a pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..verdict.judge import Outcome
from ..verdict.message import block
from .outcome import BAD, shown_outcome
from .types import CheckEntry, FailureEntry


class End(NamedTuple):
    """How a test ended: its status in pytest's words, empty where it did not end; why it was skipped or expected to
    fail; what failed in it.
    """

    status: str = ""
    reason: str = ""
    failures: tuple[FailureEntry, ...] = ()


def completed(planned: Iterable[CheckEntry], given: Iterable[CheckEntry], end: End) -> Iterator[CheckEntry]:
    """The entries of one test: the verdicts that it gave, then what was demanded besides."""
    given = list(given)
    left = Counter(map(_key, given))
    sources = {check["source"]: check for check in given if check["signature"]}
    for check in given:
        yield _expected(check, end) if _is_excused(check, end) else check
    for check in planned:
        left[_key(check)] -= 1
        if left[_key(check)] < 0:
            of = sources.get(check["source"], check)
            known: CheckEntry = {**check, "signature": of["signature"], "subject": of["subject"]}
            yield _settled(known, *_fate(end))


def _key(check: CheckEntry) -> tuple[str, str]:
    """Which demand of its test."""
    return check.get("demand", ""), check["source"]


def _is_excused(check: CheckEntry, end: End) -> bool:
    return end.status == "xfailed" and shown_outcome(check) in BAD


def _expected(check: CheckEntry, end: End) -> CheckEntry:
    return {**check, "outcome": Outcome.EXPECTED.value, "reason": end.reason or "marked xfail"}


def _fate(end: End) -> tuple[Outcome, str]:
    if end.failures:
        first = end.failures[0]
        at = f" at {first['where']}" if first["where"] else ""
        return Outcome.ERROR, f"no verdict: {_PHASES[first['phase']]}{at}: {first['message']}"
    if end.status == "skipped":
        return Outcome.SKIPPED, end.reason
    if end.status == "xfailed":
        return Outcome.EXPECTED, end.reason or "marked xfail"
    if end.status:
        return Outcome.ERROR, f"no verdict: the test {end.status}, and nothing was measured"
    return Outcome.NOT_RUN, "pytest did not come to it"


_PHASES = {
    "collect": "collection failed",
    "setup": "the test's setup failed",
    "call": "the test failed",
    "teardown": "the test's teardown failed",
    "process": "the process died",
}


def _settled(check: CheckEntry, outcome: Outcome, reason: str) -> CheckEntry:
    rows = [
        (outcome.value, reason),
        ("limit", check["limit_text"]),
        ("because", check["limit_reason"]),
        ("marker", check["where"]),
    ]
    error = reason if outcome is Outcome.ERROR else ""
    text = block(f"{check['subject']}: {check['title']}", rows)
    return {**check, "outcome": outcome.value, "error": error, "reason": reason, "message": text}
