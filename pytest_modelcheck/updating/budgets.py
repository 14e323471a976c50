"""What a run says of each limit in the source: the figures of all tests that it serves, and what it is to become."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple, Protocol

from ..demand.check import Argument, Check
from ..records.plain import number
from ..records.run import BY_LIMITS
from ..records.types import BoundEntry, CheckEntry, Record, SiteEntry
from ..settings import Settings
from ..verdict.judge import Outcome, judge
from ..verdict.limit import Limit
from ..verdict.measurement import Measurement
from ..verdict.metric import Metric
from ..verdict.rounding import beyond
from ..verdict.units import RATIO, SECONDS

ELSEWHERE = "the marker is not written out there: a variable, a function or a hook makes it"
_ENDINGS = {
    "passed": "",
    BY_LIMITS: "",
    "": "was not run",
    "skipped": "was skipped",
    "xfailed": "is expected to fail",
    "xpassed": "is expected to fail",
}


class Catalogue(Protocol):
    """The checks that there are."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by marker name."""


class Member(NamedTuple):
    """A test that a limit serves, with what was seen of it; `trouble` says why nothing is to be made of that."""

    nodeid: str
    bound: BoundEntry
    check: CheckEntry | None
    trouble: str

    def figure(self, *, up: bool) -> float | None:
        """The end of the interval that a limit must lie beyond, or the value; None where there is none."""
        if self.check is None:
            return None
        interval = self.check.get("interval")
        return number(interval[1 if up else 0]) if interval else number(self.check["value"])


@dataclass(frozen=True)
class Budget:
    """A limit: one argument of one marker in the source."""

    marker: str
    argument: Argument
    metric: Metric
    members: tuple[Member, ...]
    is_whole: bool = True  # whether all its tests are among them

    @property
    def first(self) -> BoundEntry:
        """What all members share."""
        return self.members[0].bound

    @property
    def up(self) -> bool:
        """Whether it is an upper limit of the metric."""
        return self.first["bound"] == "max"

    @property
    def site(self) -> SiteEntry | None:
        """Where its marker stands."""
        return self.first["site"]

    @property
    def title(self) -> str:
        """`flops_budget max`."""
        return f"{self.marker} {self.argument.key}"

    @property
    def was_tried(self) -> bool:
        """Whether one of its tests came to measure it."""
        outcomes = [member.check["outcome"] for member in self.members if member.check is not None]
        return any(outcome not in ("skipped", "not run") for outcome in outcomes)

    @property
    def is_blank(self) -> bool:
        """Whether it is to be written first."""
        return self.first["limit"] is None

    def is_due(self, settings: Settings) -> bool:
        """Whether there is none yet, or a test misses it (where that fails: cannot tell)."""
        missing = (Outcome.FAIL, Outcome.INCONCLUSIVE) if settings.strict else (Outcome.FAIL,)
        return self.is_blank or any(self._outcome(member) in missing for member in self.members)

    def _outcome(self, member: Member) -> Outcome | None:
        check, limit = member.check, self.first["limit"]
        if check is None or check["value"] is None or limit is None:
            return None
        low, high = check.get("interval") or (None, None)
        known = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        seen = Measurement(float(check["value"]), known if check.get("interval") else None)
        bounded = Limit(self.metric, max=limit) if self.up else Limit(self.metric, min=limit)
        return judge("", bounded, seen).outcome

    @property
    def trouble(self) -> str:
        """Why it must stay as it is; "" if it need not."""
        if self.site is None:
            return ELSEWHERE
        if any(member.bound["site"] != self.site for member in self.members):
            return "its file was not the same for all processes that collected it"
        if not self.is_whole:
            return "tests of files that were not collected may have the marker too: run them all"
        said = next((member for member in self.members if member.trouble), None)
        if said is not None:
            return f"{said.nodeid} {said.trouble}"
        return "" if self.amount(0) is not None else "there is no figure, or its interval has no end"

    def amount(self, margin: float) -> Decimal | None:
        """The largest figure of all tests, of a lower limit the smallest, and the margin where it is not counted; None
        without one.
        """
        known = [
            beyond(figure, 0 if self._is_counted(member) else margin, up=self.up)
            for member in self.members
            if (figure := member.figure(up=self.up)) is not None
        ]
        return (max(known) if self.up else min(known)) if known else None

    def _is_counted(self, member: Member) -> bool:
        """Whether each run of the same code counts the same."""
        check = member.check
        assert check is not None
        value = number(check["value"])
        is_exact = self.metric.nature == "figure" and not check.get("interval") and not check.get("varies")
        return (
            is_exact
            and self.metric.unit not in (RATIO, SECONDS)
            and value is not None
            and value == int(value)
        )

    def has_room(self, margin: float) -> bool:
        """Whether it can be lowered (of what should be large, raised): of what is measured anew each time, by more than
        that differs.
        """
        amount, limit = self.amount(margin), self.first["limit"]
        if amount is None or limit is None or self.up != (self.metric.more == "worse"):
            return False
        slack = 0 if all(self._is_counted(member) for member in self.members if member.check) else margin
        far = beyond(float(amount), slack, up=self.up)
        return far < limit if self.up else far > limit


def wanted(
    bounds: Mapping[str, Sequence[BoundEntry]],
    record: Record,
    ending: Callable[[str], str],
    catalogue: Catalogue,
    settings: Settings,
    is_whole: Callable[[str, bool], bool],
) -> Iterator[Budget]:
    """The limits that are to be written, whether that can be done or not.

    `ending`: how a test ended; `is_whole`: whether all files were collected whose tests may have what stands in one,
    and whether that is shared by its nature.
    """
    for budget in _budgets(bounds, record, ending, catalogue):
        if not budget.was_tried:
            continue
        if budget.is_due(settings) or (settings.tighten_budgets and budget.has_room(settings.margin)):
            site, shared = budget.site, any(member.bound["is_shared"] for member in budget.members)
            yield replace(budget, is_whole=site is None or is_whole(site["file"], shared))


def _budgets(
    bounds: Mapping[str, Sequence[BoundEntry]],
    record: Record,
    ending: Callable[[str], str],
    catalogue: Catalogue,
) -> Iterator[Budget]:
    checks = {(c["nodeid"], c.get("demand", ""), c["source"]): c for c in record["checks"]}
    troubles = _troubles(record, catalogue)
    found: dict[tuple[object, ...], list[Member]] = {}
    made: dict[tuple[object, ...], tuple[str, Argument, Metric]] = {}
    for nodeid, entries in bounds.items():
        ended = _ENDINGS.get(ending(nodeid))
        trouble = ended or troubles.get(nodeid) or ("failed otherwise" if ended is None else "")
        for entry in entries:
            check = catalogue.checks[entry["marker"]]
            metric = next(metric for metric in check.metrics if metric.name == entry["metric"])
            argument = check.argument(metric, entry["bound"])
            if argument is not None:
                seen = checks.get((nodeid, entry["demand"], entry["source"]))
                key = (*_place(entry), argument.key)
                found.setdefault(key, []).append(_member(nodeid, entry, seen, trouble))
                made[key] = (entry["marker"], argument, metric)
    for key, members in found.items():
        yield Budget(*made[key], tuple(members))


def _place(entry: BoundEntry) -> tuple[object, ...]:
    """Which marker in the source it is."""
    site = entry["site"]
    return (entry["where"], entry["marker"]) if site is None else (site["file"], *site["span"])


def _member(nodeid: str, entry: BoundEntry, seen: CheckEntry | None, trouble: str) -> Member:
    left_out = "was left out" if seen is not None and seen["outcome"] == "skipped" else ""
    return Member(nodeid, entry, seen, trouble or left_out)


def _troubles(record: Record, catalogue: Catalogue) -> dict[str, str]:
    """Tests with checks that failed and have no limit to write, or could not be measured."""
    found = {}
    for check in record["checks"]:
        if check["outcome"] == "error":
            found[check["nodeid"]] = f"has an error: {check['title']}"
        elif check["outcome"] == "fail" and not _is_budget(check, catalogue):
            found[check["nodeid"]] = f"fails otherwise: {check['title']}"
    return found


def _is_budget(check: CheckEntry, catalogue: Catalogue) -> bool:
    kind = catalogue.checks.get(check["place"]["marker"])
    metric = next((m for m in kind.metrics if m.name == check["metric"]), None) if kind is not None else None
    return kind is not None and metric is not None and kind.argument(metric, "max") is not None
