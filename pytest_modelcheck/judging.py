"""Enforce a plan: measure each subject once, judge every limit. No limit is lost to another's failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .checks import limit_options
from .errors import ModelCheckError
from .plan import Demand, Source
from .verdict import Contributor, Limit, Measurement, Outcome, Verdict, judge

if TYPE_CHECKING:
    from .baseline import Baseline
    from .subject import Subject


Keep = Callable[["Subject", str, Any], None]  # (subject, section, result): into the record


def enforce(
    demands: Iterable[Demand],
    subject_of: Callable[[Source], Subject],
    settings: object,
    keep: Keep,
    baseline: Baseline | None = None,
) -> list[Verdict]:
    """One verdict per demand. What cannot be measured becomes an error verdict, with the reason."""
    enforcement = _Enforcement(subject_of, settings, keep, baseline)
    return [enforcement.verdict(demand) for demand in demands]


class _Enforcement:
    """The measurements of one test: demands that ask for the same one share it, and its failure."""

    def __init__(
        self,
        subject_of: Callable[[Source], Subject],
        settings: object,
        keep: Keep,
        baseline: Baseline | None,
    ) -> None:
        self.subject_of, self.settings, self.keep = subject_of, settings, keep
        self.baseline = baseline
        self.observed: dict[Any, Any] = {}

    def verdict(self, demand: Demand) -> Verdict:
        name = demand.source.label
        try:
            subject = self.subject_of(demand.source)
            name = subject.name
            measurement = self._measure(demand, subject)
            return judge(name, demand.limit, measurement, *self._base(name, demand.limit))
        except ModelCheckError as error:
            return Verdict(name, demand.limit, Outcome.ERROR, error=str(error))
        except Exception as error:
            return Verdict(name, demand.limit, Outcome.ERROR, error=_unexpected(error))

    def _base(self, subject: str, limit: Limit) -> tuple[float | None, tuple[Contributor, ...], str]:
        """What a relative limit is judged against."""
        if self.baseline is None or limit.max_regression is None:
            return None, (), ""
        found = self.baseline.value(subject, limit)
        return found.value, found.contributors, found.reason

    def _measure(self, demand: Demand, subject: Subject) -> Measurement:
        check = demand.check
        options = limit_options(check, demand.limit, self.settings)
        key = (check.observe, demand.source.identity, tuple(sorted(options.items(), key=str)))
        if key not in self.observed:
            self.observed[key] = result = _attempt(check.observe, subject, options)
            if check.section and not isinstance(result, Exception):
                self.keep(subject, check.section, result)
        result = self.observed[key]
        if isinstance(result, Exception):
            raise result
        return check.read(result, **options)


def _attempt(observe: Callable[..., Any], subject: Subject, options: dict[str, Any]) -> Any:
    """The result, or the exception."""
    try:
        return observe(subject, **options)
    except Exception as error:
        return error


def _unexpected(error: Exception) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return f"unexpected {type(error).__name__} while measuring\n{''.join(lines).rstrip()}"
