"""What a marker stands for. A check answers for itself: how its marker is written and read, how it measures, and which
value of what it observed a limit is about.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ..text import as_written
from ..verdict.limit import Limit
from ..verdict.metric import Metric
from ..verdict.units import RATIO, Unit, named
from . import arguments
from .arguments import SUBJECT_KEYWORDS, SUBJECT_SHOWN, Choice, Given, default_of

if TYPE_CHECKING:
    from ..model.subject import Subject
    from ..settings import Settings
    from ..verdict.judge import Verdict
    from ..verdict.measurement import Measurement


class Catalogue(Protocol):
    """The checks that there are."""

    @property
    def names(self) -> Sequence[str]:
        """The markers that stand for a check; asking loads nothing."""

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by marker name."""


@dataclass(frozen=True)
class Reading:
    """The limits that a marker sets; `problems` is empty for a good one.

    `missing`: what to say of a marker that sets none, which is a problem too; `blank`: the limits that are to be
    written into it, where somebody wants that, each with a bound without end.
    """

    limits: tuple[Limit, ...] = ()
    problems: tuple[str, ...] = ()
    missing: str = ""
    blank: tuple[Limit, ...] = ()


@dataclass(frozen=True)
class Argument:
    """The argument of a marker that says a bound: its keyword, the unit that it is written in, and, where it may stand
    without its keyword, its place among those that do.

    `rest`: it says what is left of 1: the least share that agrees, where the bound is the most that differs.
    """

    key: str
    unit: Unit
    place: int | None = None
    rest: bool = False


class Check(ABC):
    """What a marker stands for; `AmountCheck` and `Budget` are the usual kinds.

    `name`: the marker's; `doc`: a line for `pytest --markers`; `metrics`: what its limits are about.
    """

    name: str
    doc: str
    metrics: tuple[Metric, ...]

    settings: ClassVar[tuple[str, ...]] = ()
    """Fields of the settings that `observe` wants as further keywords."""
    sequential: ClassVar[bool] = False
    """Whether `observe` also takes `decided(observed so far)`, which tells it when to stop."""
    paired: ClassVar[bool] = False
    """Whether a relative limit is judged by timing base and head in turns (`judge_pair`), not by the base's value."""
    asks: ClassVar[bool] = False
    """Whether `observe` takes `ask` too: what it asks the base's own model for a relative limit, or None. That limit is
    judged by the value itself: how far base and head are apart."""
    section: str | None = None
    """The section of the record that what `observe` returns (it has `to_dict()`) is added to."""
    restores: bool = False
    """Whether all that `observe` does to the model is undone. Without it `observe` must leave no trace by itself."""

    @abstractmethod
    def signature(self) -> Signature:
        """The marker's signature."""

    @abstractmethod
    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """The limits that `name(*args, **kwargs)` sets, or what is wrong with it."""

    @abstractmethod
    def observe(self, subject: Subject, *args: Any, **options: Any) -> Any:
        """The costly part, given the options by keyword; limits with equal options share its result."""

    @property
    def shares(self) -> object:
        """Equal for checks that observe the same thing: with equal options they share one measurement."""
        return type(self).observe

    @abstractmethod
    def read(self, observed: Any, limit: Limit) -> Measurement:
        """The value that `limit` is about. Raises MeasurementError where there is none."""

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """The marker's argument that says the `bound` ("max", "min") of `metric`, so that a figure can be written
        there; None where it is no budget.
        """
        return None

    def judge_pair(
        self, subject: str, limit: Limit, pair: Mapping[str, object]
    ) -> tuple[Verdict, Any]:  # pragma: no cover - only where `paired`
        """The verdict of a comparison in pairs, and what the record keeps of it."""
        raise NotImplementedError

    def names(self, metric: Metric) -> tuple[str, ...]:
        """What `--modelcheck-only` may call it: its marker, with and without `_budget`, the metric, its folder."""
        folder = type(self).__module__.rpartition(".")[0].rpartition(".")[2]
        return (self.name, self.name.removesuffix("_budget"), metric.name, folder)

    def options(self, limit: Limit, settings: Settings) -> dict[str, object]:
        """The keywords for `observe`: the marker's, or what the settings say where it is silent."""
        given = {name: getattr(settings, name) for name in self.settings if limit.options.get(name) is None}
        return {**limit.options, **given}

    def marker_line(self) -> str:
        """The line that `pytest --markers` prints."""
        shown = [p for p in self.signature().parameters.values() if p.name not in SUBJECT_KEYWORDS]
        return (
            f"{self.name}{Signature(shown)}: {self.doc} Takes the subject's keywords too ({SUBJECT_SHOWN})."
        )


class AmountCheck(Check):
    """A check of one metric against max=, min= and max_regression=.

    `choices` are the marker's own keywords with what each may be, `leading` those of them that stand, without a name,
    before the limit, and `fixed` is the upper limit of a marker that takes none.
    """

    choices: Mapping[str, Choice] = {}
    leading: tuple[str, ...] = ()
    fixed: float | None = None
    examples: Mapping[str, str] = {}
    """What messages write for a leading argument: `{"operator": "'aten::copy_'"}`."""

    @property
    def metric(self) -> Metric:
        """The one it is about."""
        return self.metrics[0]

    def signature(self) -> Signature:
        """Leading arguments, the limit, the other bounds and keywords."""
        first = [Parameter(key, Parameter.POSITIONAL_OR_KEYWORD) for key in self.leading]
        own = {key: default_of(choice) for key, choice in self.choices.items() if key not in self.leading}
        if self.fixed is None:
            default = Parameter.empty if first else None
            first.append(Parameter("max", Parameter.POSITIONAL_OR_KEYWORD, default=default))
            own = {"min": None, "max_regression": None, **own}
        return Signature([*first, *arguments.keyword_parameters(own)])

    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """One limit for max and min, one for max_regression."""
        given, problems = self._given(args, kwargs)
        bounds = {
            "max": arguments.bound(self.name, "max", given, self.metric.unit, problems),
            "min": arguments.bound(self.name, "min", given, self.metric.unit, problems),
            "max_regression": arguments.bound(self.name, "max_regression", given, RATIO, problems),
        }
        is_blank = all(given.get(key) is None for key in bounds)
        if bounds["min"] is not None and bounds["max"] is not None and bounds["min"] > bounds["max"]:
            problems.append(
                f"{self.name}: min={as_written(given['min'])} lies above max={as_written(given['max'])}"
            )
        for key, allowed in self.choices.items():
            problems += arguments.not_allowed(self.name, key, given, allowed)
        problems += arguments.common_problems(self.name, given)
        if is_blank:
            missing = f"{self.name}: no limit; give one, for example {self._example()}"
            return Reading((), tuple(problems), missing, self._limits({**bounds, "max": math.inf}, given))
        return Reading(self._limits(bounds, given), tuple(problems))

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """`max`, the first after the leading ones, or `min`; of the fixed limit none."""
        if self.fixed is not None or metric is not self.metric:
            return None
        return Argument(bound, metric.unit, len(self.leading) if bound == "max" else None)

    def _given(self, args: Sequence[object], kwargs: Given) -> tuple[Given, list[str]]:
        """All arguments by name, and what is wrong with how they stand."""
        places = [*self.leading, "max"] if self.fixed is None else list(self.leading)
        problems = [
            *arguments.unknown(self.name, kwargs, self.signature().parameters),
            *arguments.too_many(self.name, args, len(places), self._example()),
        ]
        positional = dict(zip(places, args, strict=False))
        problems += [
            f"{self.name}: {'the upper limit' if key == 'max' else key} is given twice, by position and as {key}="
            for key in positional
            if key in kwargs
        ]
        given = {**positional, **kwargs, **({} if self.fixed is None else {"max": self.fixed})}
        problems += [
            f"{self.name}: {key} is missing; write for example {self._example()}"
            for key in self.leading
            if key not in given
        ]
        return given, problems

    def _limits(self, bounds: Mapping[str, float | None], given: Given) -> tuple[Limit, ...]:
        options = {key: given.get(key, default_of(choice)) for key, choice in self.choices.items()}
        limit = Limit(self.metric, options=options)
        limits = []
        if bounds["max"] is not None or bounds["min"] is not None:
            written = {key: self.metric.unit.spelled(given.get(key)) for key in ("max", "min")}
            limits.append(replace(limit, max=bounds["max"], min=bounds["min"], written=written))
        if bounds["max_regression"] is not None:
            limits.append(replace(limit, max_regression=bounds["max_regression"]))
        return tuple(limits)

    def _example(self) -> str:
        shown = [self.examples.get(key, repr(key)) for key in self.leading]
        shown += [repr(self.metric.unit.example)] if self.fixed is None else []
        return f"{self.name}({', '.join(shown)})"


class Budget(AmountCheck):
    """A check made of two functions: `observe(subject, **options)` and `read(observed, **options) -> Measurement`.

    `metric`: a name, in `unit` (a Unit, or the noun of one: "FLOPs", "bytes", "calls", "seconds"), or a Metric (then
    `unit` is None). `choices`: the marker's own keywords, each with its allowed values, the default first: they are
    the options.
    `observe` runs where nothing is restored, unless `restores=True` asks for it: then the model's training flags,
    parameters, buffers, gradients, hooks, random numbers and global settings are afterwards as they were, and in it
    the model is in eval mode. `section`: where the report keeps what `observe` returns (it has `to_dict()`).
    """

    def __init__(
        self,
        name: str,
        metric: Metric | str,
        unit: Unit | str | None,
        doc: str,
        observe: Callable[..., Any],
        read: Callable[..., Measurement],
        choices: Mapping[str, Choice] | None = None,
        *,
        section: str | None = None,
        restores: bool = False,
    ) -> None:
        if isinstance(metric, str):
            metric = Metric(metric, unit if isinstance(unit, Unit) else named(unit or ""))
        self.name, self.doc, self.metrics, self.section = name, doc, (metric,), section
        self.choices, self.restores = choices or {}, restores
        self._observe, self._read = observe, read

    def observe(self, subject: Subject, **options: Any) -> Any:
        """What the first function returns."""
        return self._observe(subject, **options)

    @property
    def shares(self) -> object:
        """The first function."""
        return self._observe

    def read(self, observed: Any, limit: Limit) -> Measurement:
        """What the second function makes of it."""
        return self._read(observed, **limit.options)
