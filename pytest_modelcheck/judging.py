"""Enforce a plan: measure each subject once, judge every limit. No limit is lost to another's failure."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .checks import limit_options
from .errors import ModelCheckError
from .plan import Demand, Source
from .verdict import Measurement, Outcome, Verdict, judge

if TYPE_CHECKING:
    from .subject import Subject


def enforce(
    demands: Iterable[Demand], subject_of: Callable[[Source], Subject], settings: object
) -> list[Verdict]:
    """One verdict per demand. What cannot be measured becomes an error verdict, with the reason."""
    observed: dict[Any, Any] = {}
    return [_verdict(demand, subject_of, settings, observed) for demand in demands]


def _verdict(
    demand: Demand, subject_of: Callable[[Source], Subject], settings: object, observed: dict[Any, Any]
) -> Verdict:
    name = demand.source.label
    try:
        subject = subject_of(demand.source)
        name = subject.name
        return judge(name, demand.limit, _measure(demand, subject, settings, observed))
    except ModelCheckError as error:
        return Verdict(name, demand.limit, Outcome.ERROR, error=str(error))
    except Exception as error:
        return Verdict(name, demand.limit, Outcome.ERROR, error=_unexpected(error))


def _measure(demand: Demand, subject: Subject, settings: object, observed: dict[Any, Any]) -> Measurement:
    options = limit_options(demand.check, demand.limit, settings)
    key = (demand.check.observe, demand.source.identity, tuple(sorted(options.items(), key=str)))
    if key not in observed:
        observed[key] = _attempt(demand.check.observe, subject, options)
    result = observed[key]
    if isinstance(result, Exception):
        raise result
    return demand.check.read(result, **options)


def _attempt(observe: Callable[..., Any], subject: Subject, options: dict[str, Any]) -> Any:
    """The result, or the exception: budgets that share a measurement share its failure too."""
    try:
        return observe(subject, **options)
    except Exception as error:
        return error


def _unexpected(error: Exception) -> str:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return f"unexpected {type(error).__name__} while measuring\n{''.join(lines).rstrip()}"
