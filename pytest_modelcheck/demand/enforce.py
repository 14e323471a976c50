"""Enforce a plan: measure each subject once, judge every limit. No limit is lost to another's failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import ModelCheckError
from ..verdict.judge import BaseValue, Limit, Measurement, Outcome, Verdict, judge
from .check import limit_options
from .plan import Demand, Source

if TYPE_CHECKING:
    from ..model.subject import Subject


Base = Callable[[str, Limit], BaseValue]  # (subject, limit): what the base had
Keep = Callable[["Subject", str, Any], None]  # (subject, section, result): into the record


def enforce(
    demands: Iterable[Demand],
    subject_of: Callable[[Source], Subject],
    settings: object,
    keep: Keep,
    base: Base | None = None,
) -> list[Verdict]:
    """One verdict per demand; relative limits are judged against what `base` says.

    What cannot be measured becomes an error verdict, with the reason.
    """
    demands = list(demands)
    enforcement = _Enforcement(demands, subject_of, settings, keep, base)
    return [enforcement.verdict(demand) for demand in demands]


class _Enforcement:
    """The measurements of one test: demands that ask for the same one share it, and its failure."""

    def __init__(
        self,
        demands: list[Demand],
        subject_of: Callable[[Source], Subject],
        settings: object,
        keep: Keep,
        base: Base | None,
    ) -> None:
        self.demands, self.subject_of, self.settings, self.keep = demands, subject_of, settings, keep
        self.base = base
        self.observed: dict[Any, Any] = {}

    def verdict(self, demand: Demand) -> Verdict:
        name = demand.source.label
        try:
            subject = self.subject_of(demand.source)
            name = subject.name
            base = (
                self.base(name, demand.limit)
                if self.base and demand.limit.max_regression is not None
                else None
            )
            if base is not None and base.pair is not None and demand.check.against is not None:
                return self._judge_pair(demand, subject, base)
            return judge(name, demand.limit, self._measure(demand, subject), base)
        except ModelCheckError as error:
            return Verdict(name, demand.limit, Outcome.ERROR, error=str(error))
        except Exception as error:
            return Verdict(name, demand.limit, Outcome.ERROR, error=_unexpected(error))

    def _judge_pair(self, demand: Demand, subject: Subject, base: BaseValue) -> Verdict:
        """By a comparison that was measured in pairs, which stands in the record like any other measurement."""
        check, pair = demand.check, base.pair
        assert check.against is not None
        assert pair is not None
        verdict, result = check.against(subject.name, demand.limit, pair)
        if check.section:
            self.keep(subject, check.section, result)
        if verdict.measurement is None:
            return verdict
        notes = (*verdict.measurement.notes, *base.notes)
        return replace(verdict, measurement=replace(verdict.measurement, notes=notes))

    def _measure(self, demand: Demand, subject: Subject) -> Measurement:
        check = demand.check
        options = limit_options(check, demand.limit, self.settings)
        key = self._key(demand)
        if key not in self.observed:
            until = {"decided": self._decided(key)} if check.sequential else {}
            self.observed[key] = result = _attempt(check.observe, subject, {**options, **until})
            if check.section and not isinstance(result, Exception):
                self.keep(subject, check.section, result)
        result = self.observed[key]
        if isinstance(result, Exception):
            raise result
        return self._read(demand, result)

    def _read(self, demand: Demand, observed: Any) -> Measurement:
        """The value that the demand's limit is about."""
        read = demand.check.read(observed, **limit_options(demand.check, demand.limit, self.settings))
        return read[demand.limit.metric] if isinstance(read, Mapping) else read

    def _key(self, demand: Demand) -> Any:
        """Equal for demands that share a measurement."""
        options = limit_options(demand.check, demand.limit, self.settings)
        return (demand.check.observe, demand.source.identity, repr(sorted(options.items(), key=str)))

    def _decided(self, key: Any) -> Callable[[Any], bool]:
        """Whether what was observed so far decides every limit on it: the measurement itself knows none."""
        sharing = [demand for demand in self.demands if self._key(demand) == key]

        def decided(observed: Any) -> bool:
            return all(demand.limit.decides(self._read(demand, observed)) for demand in sharing)

        return decided


def _attempt(observe: Callable[..., Any], subject: Subject, options: dict[str, Any]) -> Any:
    """The result, or the exception."""
    try:
        return observe(subject, **options)
    except Exception as error:
        return error


def _unexpected(error: Exception) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return f"unexpected {type(error).__name__} while measuring\n{''.join(lines).rstrip()}"
