"""Enforce a plan: measure each subject once, judge every limit. No limit is lost to another's failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RAISED, MeasurementError, ModelCheckError, UngatedError, unsaved_text
from ..model.undoing import unharmed
from ..settings import Settings
from ..verdict.judge import BaseValue, Outcome, Verdict, compared, decides, is_precise, judge
from ..verdict.limit import Limit
from ..verdict.measurement import Measurement
from ..verdict.message import metric_title
from .check import Check
from .plan import Demand
from .source import Source

if TYPE_CHECKING:
    from ..model.subject import Subject


PACKAGE = Path(__file__).parents[1]
BaseOf = Callable[[Demand], BaseValue]  # what the base had
Accept = Callable[[Demand, Verdict], Verdict]  # the verdict, where the change owns up to a breach
Ask = Callable[
    [str, Any], Any
]  # (section, what it wants to know) -> what the section answers of the base's subject
AskOf = Callable[[Demand], Ask]
Keep = Callable[["Subject", str, Any], None]  # (subject, section, result): into the record


def enforce(
    demands: Iterable[Demand],
    subject_of: Callable[[Source], Subject],
    settings: Settings,
    keep: Keep,
    base: BaseOf | None = None,
    accept: Accept | None = None,
    ask: AskOf | None = None,
) -> list[Verdict]:
    """One verdict per demand; relative limits are judged against what `base` says, or against what its own models
    answer (`ask`), and `accept` is asked of them.

    What cannot be measured becomes an error verdict, with the reason.
    """
    demands = list(demands)
    enforcement = _Enforcement(demands, subject_of, settings, keep, base, accept, ask)
    return [
        replace(enforcement.verdict(demand), source=demand.source.written, demand=demand.identity)
        for demand in demands
    ]


class _Enforcement:
    """The measurements of one test: demands that ask for the same one share it, and its failure."""

    def __init__(
        self,
        demands: list[Demand],
        subject_of: Callable[[Source], Subject],
        settings: Settings,
        keep: Keep,
        base: BaseOf | None,
        accept: Accept | None,
        ask: AskOf | None,
    ) -> None:
        self.demands, self.subject_of, self.settings, self.keep = demands, subject_of, settings, keep
        self.base, self.accept, self.ask = base, accept, ask
        self.observed: dict[object, Any] = {}
        self.raised: dict[str, Demand] = {}  # by their texts, with the demand that was told first

    @unharmed
    def verdict(self, demand: Demand) -> Verdict:
        if demand.left_out:
            return replace(demand.unmeasured(Outcome.SKIPPED), reason=demand.left_out)
        name, signature, doing = demand.source.label, "", "making the model and its inputs"
        try:
            subject, doing = self.subject_of(demand.source), "measuring"
            name, signature = subject.name, subject.signature
            verdict = self._judge(demand, subject)
            if self.accept is not None and demand.limit.max_regression is not None:
                verdict = self.accept(demand, verdict)
        except ModelCheckError as error:
            details = tuple(filter(None, [error.details]))
            verdict = Verdict(name, demand.limit, Outcome.ERROR, error=str(error), details=details)
        except RAISED as error:
            verdict = Verdict(name, demand.limit, Outcome.ERROR, error=self._unexpected(error, doing, demand))
        return replace(verdict, signature=signature)

    def _unexpected(self, error: BaseException, doing: str, demand: Demand) -> str:
        """What was raised, with its traceback; once, where it leaves several demands without a verdict."""
        text = f"unexpected {type(error).__name__} while {doing}\n{_traceback(error)}"
        first = self.raised.setdefault(text, demand)
        if first is demand:
            return text
        last = "".join(traceback.format_exception_only(error)).rstrip()
        title = metric_title(first.limit.metric, first.limit.options)
        return f"{last}\nwhile {doing}; the traceback stands with {title}"

    def _judge(self, demand: Demand, subject: Subject) -> Verdict:
        if demand.check.asks and demand.limit.max_regression is not None:
            return self._judge_asked(demand, subject)
        relative = self.base is not None and demand.limit.max_regression is not None
        base = self.base(demand) if self.base is not None and relative else None
        if base is not None and base.pair is not None and demand.check.paired:
            return self._judge_pair(demand, subject, base)
        verdict = judge(subject.name, demand.limit, self._measure(demand, subject), base)
        return self._with_changes(demand, verdict)

    def _with_changes(self, demand: Demand, verdict: Verdict) -> Verdict:
        """A breach of an absolute limit, with what changed since the base where that is known: it decides nothing."""
        seen = verdict.measurement
        if verdict.outcome is not Outcome.FAIL or verdict.base is not None or self.base is None:
            return verdict
        if seen is None or not seen.contributors or demand.check.paired:
            return verdict
        try:
            base = self.base(demand)
        except ModelCheckError:
            return verdict
        return verdict if base.value is None else compared(verdict, base)

    def _judge_asked(self, demand: Demand, subject: Subject) -> Verdict:
        """By how far base and head are apart; without a base, or where that has no such subject, it is not gated."""
        if self.ask is None:
            return Verdict(subject.name, demand.limit, Outcome.NOT_GATED)
        try:
            measured = self._measure(demand, subject)
        except UngatedError as error:
            return Verdict(subject.name, demand.limit, Outcome.NOT_GATED, reason=str(error))
        bounded = replace(demand.limit, max=demand.limit.max_regression, max_regression=None)
        return replace(judge(subject.name, bounded, measured), limit=demand.limit)

    def _judge_pair(self, demand: Demand, subject: Subject, base: BaseValue) -> Verdict:
        """By a comparison that was measured in pairs, which stands in the record like any other measurement."""
        assert base.pair is not None
        verdict, result = demand.check.judge_pair(subject.name, demand.limit, base.pair)
        if demand.check.section:
            self.keep(subject, demand.check.section, result)
        if verdict.measurement is None:
            return verdict
        notes = (*verdict.measurement.notes, *base.notes)
        return replace(verdict, measurement=replace(verdict.measurement, notes=notes))

    def _measure(self, demand: Demand, subject: Subject) -> Measurement:
        check = demand.check
        key = self._key(demand)
        if key not in self.observed:
            options = check.options(demand.limit, self.settings)
            more: dict[str, Any] = {"decided": self._decided(key)} if check.sequential else {}
            if check.asks:
                relative = demand.limit.max_regression is not None
                more["ask"] = self.ask(demand) if self.ask is not None and relative else None
            self.observed[key] = result = _attempt(check, subject, {**options, **more})
            if check.section and not isinstance(result, RAISED):
                self.keep(subject, check.section, result)
        result = self.observed[key]
        if isinstance(result, RAISED):
            raise result
        measured = _measured(check, check.read(result, demand.limit))
        notes = filter(None, [unsaved_text(subject.unsaved)])
        return replace(measured, notes=(*measured.notes, *notes))

    def _key(self, demand: Demand) -> object:
        """Equal for demands that share a measurement."""
        options = demand.check.options(demand.limit, self.settings)
        return (demand.check.shares, demand.source.identity, repr(sorted(options.items(), key=str)))

    def _decided(self, key: object) -> Callable[[Any], bool]:
        """Whether what was observed so far decides every limit on it: the measurement itself knows none."""
        sharing = [demand for demand in self.demands if self._key(demand) == key]

        def decided(observed: Any) -> bool:
            read = [(d.limit, d.check.read(observed, d.limit)) for d in sharing]
            return all(decides(limit, found) and self._suffices(limit, found) for limit, found in read)

        return decided

    def _suffices(self, limit: Limit, found: Measurement) -> bool:
        """Whether it is precise enough for what is to be written of it."""
        settings = self.settings
        is_met = judge("", limit, found).outcome is Outcome.PASS and not limit.is_blank
        if not settings.updates or limit.max_regression is not None:
            return True
        return (is_met and not settings.tighten_budgets) or is_precise(found)


def _measured(check: Check, read: object) -> Measurement:
    if isinstance(read, Measurement):
        return read
    raise MeasurementError(f"{check.name}: its `read` returned {read!r:.200}, not a Measurement")


def _attempt(check: Check, subject: Subject, options: dict[str, Any]) -> Any:
    """The result, or the exception."""
    try:
        return _observed(check, subject, options)
    except RAISED as error:
        return error


@unharmed
def _observed(check: Check, subject: Subject, options: dict[str, Any]) -> Any:
    if not check.restores:
        return check.observe(subject, **options)
    with subject.restored():
        return check.observe(subject, **options)


def _traceback(error: BaseException) -> str:
    told = traceback.TracebackException.from_exception(error)
    if told.stack and not _is_own(told.stack[-1]):  # what lies between the user's code and ours is no news
        _hide_own(told)
    return "".join(told.format()).rstrip()


def _hide_own(told: traceback.TracebackException | None) -> None:
    """In this exception, and in those that led to it."""
    while told is not None:
        told.stack[:] = [frame for frame in told.stack if not _is_own(frame)]
        told = told.__cause__ or told.__context__


def _is_own(frame: traceback.FrameSummary) -> bool:
    return Path(frame.filename).is_relative_to(PACKAGE)
