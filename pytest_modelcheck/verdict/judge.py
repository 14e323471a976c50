"""Limit + Measurement -> Verdict. The only place that compares, and the same rule for every check."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from html import escape

from .limit import Limit
from .measurement import Contributor, Measurement


class Outcome(str, Enum):
    """How a check can end; there is no other way.

    `ACCEPTED`: a breach that the change owns up to, or a snapshot taken over by `--snapshot-update`. `EXPECTED`: a
    breach in a test that is marked xfail. `SKIPPED`: pytest skipped the test. `NOT_RUN`: pytest never came to it.
    """

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_GATED = "not gated"
    ACCEPTED = "accepted"
    EXPECTED = "expected"
    SKIPPED = "skipped"
    NOT_RUN = "not run"
    ERROR = "error"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Change:
    """A module's part of a value at the base and now; 0 where there is no such module."""

    module: str
    base: float
    value: float


def changes(base: Iterable[Contributor], now: Iterable[Contributor]) -> tuple[Change, ...]:
    """The modules whose parts differ, the largest difference first; those that moved and cost the same are left out."""
    old, new = ({c.module: c.value for c in parts} for parts in (base, now))
    pairs = [Change(name, old.get(name, 0), new.get(name, 0)) for name in {**old, **new}]
    differing = _without_moved([change for change in pairs if change.base != change.value])
    return tuple(sorted(differing, key=lambda c: -abs(c.value - c.base)))


def _without_moved(changes: Sequence[Change]) -> list[Change]:
    """Without pairs of one that went and one that came, of one name in two modules, which leave the sum as it was."""
    left = list(changes)
    for gone in (change for change in changes if not change.value):
        twins = [c for c in left if not c.base and c.value == gone.base and _shared(c, gone)]
        if twins:
            left.remove(gone)
            left.remove(max(twins, key=lambda twin: _shared(twin, gone)))
    return left


def _shared(one: Change, other: Change) -> int:
    """How many names both paths end with."""
    pairs = zip(reversed(one.module.split(".")), reversed(other.module.split(".")), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


@dataclass(frozen=True)
class Acceptance:
    """A commit owns up to a breach: why, and up to which value in base units where it says so (`limit`).

    `problem` says why it accepts nothing; `line` of the commit's message tells it apart from others there.
    """

    reason: str
    commit: str
    limit: float | None = None
    problem: str = ""
    line: int = 0

    def __str__(self) -> str:
        return f"by commit {self.commit[:12]}: {self.reason}"


@dataclass(frozen=True)
class Verdict:
    """One limit, judged: all that a message, the report and an annotation are made from."""

    subject: str
    limit: Limit
    outcome: Outcome
    measurement: Measurement | None = None
    bound: float | None = None  # the bound that decided, in base units
    error: str = ""
    base: float | None = None  # the value at the base: of a relative limit, and of a breach where it is known
    changes: tuple[Change, ...] = ()  # the modules that differ from the base's, the largest change first
    reason: str = ""  # why a relative limit is not gated, or who accepts a breach
    source: str = ""  # what the test says about its subject, to tell subjects of one test apart
    signature: str = ""  # the subject's, where there is one
    demand: str = ""  # which demand of its test it answers
    accepted: Acceptance | None = None  # by whom; of a breach that goes beyond what was accepted, too
    trailer: str = ""  # what a commit's trailer that accepts a breach begins with, where one would be read
    instead: str = ""  # what is said in the place of a value, where there is none: "another shape"
    details: tuple[str, ...] = ()  # of an error: what is told where all is asked for

    @property
    def fails(self) -> bool:
        """Whether the test must fail for it (strictness aside)."""
        return self.outcome is Outcome.ERROR or (self.outcome is Outcome.FAIL and self.limit.level == "fail")

    @property
    def excess(self) -> float:
        """By how much the deciding bound is missed, in base units; negative within it."""
        if self.measurement is None or self.bound is None:
            return 0.0
        value = self.measurement.value
        return self.bound - value if self.at_minimum else value - self.bound

    @property
    def headroom(self) -> float | None:
        """Share of the bound that is still free; negative when it is missed; None without a value and a bound.

        A slowdown has none: the line that decides is not the limit that was asked for.
        """
        if self.measurement is None or not self.bound or self.limit.has_line:
            return None
        share = -self.excess / self.bound
        return share if math.isfinite(share) else None

    @property
    def overshoot(self) -> float:
        """By which share of the bound it is missed, to rank breaches by; without end where nothing is allowed."""
        if self.outcome is not Outcome.FAIL or self.excess <= 0:
            return 0.0
        return self.excess / self.bound if self.bound else math.inf

    def __str__(self) -> str:
        """In short: `net slowdown: 11 % (9.2 % to 13 %), max 5 % above the base: fail`; `message` has it at length."""
        seen, unit = self.measurement, self.limit.shown
        value = self.error.partition("\n")[0] if seen is None else seen.instead or unit.format(seen.value)
        span = f" ({unit.span(*seen.interval)})" if seen is not None and seen.interval else ""
        return f"{self.subject} {self.limit.metric.words}: {value}{span}, {self.limit}: {self.outcome}"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    @property
    def at_minimum(self) -> bool:
        """Whether the bound that decided is the lower one; of two equal ones, by the side the value lies on."""
        if self.limit.min is None or self.bound != self.limit.min:
            return False
        below = self.measurement is not None and self.measurement.value < self.limit.min
        return below or self.limit.min != self.limit.max


@dataclass(frozen=True)
class BaseValue:
    """What the base had: the value, and each module's part of it; `reason` says why there is none."""

    value: float | None = None
    parts: tuple[Contributor, ...] = ()
    reason: str = ""
    notes: tuple[str, ...] = ()  # what to bear in mind when comparing
    pair: Mapping[str, object] | None = None  # a comparison in pairs, for checks that are judged by one


def judge(subject: str, limit: Limit, measurement: Measurement, base: BaseValue | None = None) -> Verdict:
    """Compare. An interval that contains the bound decides nothing; a relative limit without a base is not gated.

    NaN is no value, and what lies within an interval without an end is not known: errors, since the one would pass
    every comparison, and the other none. A value without end may miss a limit; it meets none.
    """
    if any(map(math.isnan, (measurement.value, measurement.low, measurement.high))):
        return Verdict(subject, limit, Outcome.ERROR, error="the measured value is NaN: nothing was measured")
    if limit.max_regression is not None:
        return _judge_against(base or BaseValue(), subject, limit, measurement)
    return _judged(Verdict(subject, limit, Outcome.PASS, measurement), limit.min, limit.max)


def compared(verdict: Verdict, base: BaseValue) -> Verdict:
    """With the base's value, and the modules that differ from the base's."""
    parts = verdict.measurement.contributors if verdict.measurement is not None else ()
    return replace(verdict, base=base.value, changes=changes(base.parts, parts))


def accept(verdict: Verdict, acceptances: Sequence[Acceptance], trailer: str = "") -> Verdict:
    """The verdict, where the change owns up to it: a breach of a relative limit that one of them covers is accepted.

    So is one that statistics could not tell. A breach beyond what was accepted stays one; where an acceptance may mean
    another subject nothing is accepted: an error. All else stays as it is.
    """
    if verdict.limit.max_regression is None or verdict.outcome not in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        return verdict
    verdict = replace(verdict, trailer=trailer)
    problems = [one.problem for one in acceptances if one.problem]
    if problems:
        return replace(verdict, outcome=Outcome.ERROR, error="\n".join(problems))
    measurement = verdict.measurement
    for one in acceptances:
        if measurement is not None and _above(measurement, one.limit) is not Outcome.FAIL:
            return replace(verdict, outcome=Outcome.ACCEPTED, accepted=one, reason=str(one))
    return replace(verdict, accepted=acceptances[0]) if acceptances else verdict


def decides(limit: Limit, measurement: Measurement) -> bool:
    """Whether the measurement is precise enough to be judged: what a sequential measurement goes on until."""
    if limit.max_regression is not None:
        return True
    return _within(limit.min, limit.max, measurement)[0] is not Outcome.INCONCLUSIVE


PRECISION = 0.05  # share of the value


def is_precise(measurement: Measurement) -> bool:
    """Whether both ends of its interval are near the value, so that a limit can be made of it."""
    most = PRECISION * abs(measurement.value)
    return max(measurement.high - measurement.value, measurement.value - measurement.low) <= most


def _judged(verdict: Verdict, low: float | None, high: float | None) -> Verdict:
    """With the outcome and the bound that decided it."""
    measurement = verdict.measurement
    assert measurement is not None
    outcome, bound = _within(low, high, measurement)
    if outcome is Outcome.PASS and math.isinf(measurement.value):
        words = f"the measured value is {measurement.value}: nothing was measured"
        return replace(verdict, outcome=Outcome.ERROR, measurement=None, error=words)
    if outcome is Outcome.INCONCLUSIVE and not all(map(math.isfinite, (measurement.low, measurement.high))):
        stands_on = f" ({measurement.notes[0]})" if measurement.notes else ""
        ends = {"upper": measurement.high, "lower": measurement.low}
        missing = " and no ".join(f"{end} end" for end, value in ends.items() if math.isinf(value))
        words = (
            f"the interval has no {missing}: too little was measured in the time there is{stands_on}.\n"
            "Use a smaller input (batch, resolution, length), or limit a statistic that needs less."
        )
        return replace(verdict, outcome=Outcome.ERROR, measurement=None, error=words)
    return replace(verdict, outcome=outcome, bound=bound)


def _judge_against(base: BaseValue, subject: str, limit: Limit, measurement: Measurement) -> Verdict:
    measurement = replace(measurement, notes=(*measurement.notes, *base.notes))
    if base.value is None:
        return Verdict(subject, limit, Outcome.NOT_GATED, measurement, reason=base.reason)
    if not math.isfinite(base.value):
        return Verdict(
            subject,
            limit,
            Outcome.ERROR,
            error=f"the base's value is {base.value}: nothing was measured there",
        )
    high = base.value * (1 + (limit.max_regression or 0))
    seen = compared(Verdict(subject, limit, Outcome.PASS, measurement), base)
    return _judged(seen, None, high)


def _within(low: float | None, high: float | None, measurement: Measurement) -> tuple[Outcome, float | None]:
    """The outcome, and the bound that decided it."""
    outcomes = [(_above(measurement, high), high), (_below(measurement, low), low)]
    return min(outcomes, key=lambda pair: (_SEVERITY[pair[0]], pair[1] is None))


_SEVERITY = {Outcome.FAIL: 0, Outcome.INCONCLUSIVE: 1, Outcome.PASS: 2}


def _above(measurement: Measurement, bound: float | None) -> Outcome:
    if bound is None or measurement.high <= bound:
        return Outcome.PASS
    return Outcome.FAIL if measurement.low > bound else Outcome.INCONCLUSIVE


def _below(measurement: Measurement, bound: float | None) -> Outcome:
    if bound is None or measurement.low >= bound:
        return Outcome.PASS
    return Outcome.FAIL if measurement.high < bound else Outcome.INCONCLUSIVE
