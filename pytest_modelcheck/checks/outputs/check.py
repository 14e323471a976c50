"""The marker `drift_budget`: how far a model's answers may be from the base's, or from its own in another way."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Argument, Check, Reading
from ...errors import MeasurementError, NothingSeenError
from ...text import as_written
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from ...verdict.units import RATIO
from .metrics import DISAGREEMENT, DRIFT
from .words import BASE, WORDS, row_words, words

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .drift import Drift

EXAMPLE = "drift_budget('0.1 %', against='base')"
LEAST = (
    sys.float_info.min
)  # what is the same but for the sign of a zero is apart by no more, and not by nothing


class DriftBudget(Check):
    """A limit on the largest error of the outputs, and on how many arg-maxes are others."""

    name = "drift_budget"
    doc = (
        "at most this far are the answers from those of the base with this model's weights (against='base'), or from "
        f"the model's own in another way ({', '.join(word for word in WORDS if word != BASE)}): the largest error as "
        "a share of the output's scale, of whole numbers and truth values the share that differs; 0 is bit for bit. "
        "min_agreement: the least share of positions whose arg-max over classes is the same."
    )
    metrics = (DRIFT, DISAGREEMENT)
    section = "drift"
    asks = True

    def signature(self) -> Signature:
        """The limit, then keywords."""
        first = Parameter("max", Parameter.POSITIONAL_OR_KEYWORD, default=None)
        own = {"against": BASE, "min_agreement": None}
        return Signature([first, *arguments.keyword_parameters(own)])

    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """A limit on the error, and one on the arg-maxes that differ; with the base both are relative ones."""
        given = {**dict(zip(["max"], args, strict=False)), **kwargs}
        problems = [
            *arguments.unknown(self.name, kwargs, self.signature().parameters),
            *arguments.too_many(self.name, args, 1, EXAMPLE),
            *_against_problems(given),
            *arguments.common_problems(self.name, given),
        ]
        if args and "max" in kwargs:
            problems.append(f"{self.name}: the upper limit is given twice, by position and as max=")
        most = arguments.bound(self.name, "max", given, RATIO, problems)
        least = arguments.bound(self.name, "min_agreement", given, RATIO, problems)
        if least is not None and least > 1:
            problems.append(
                f"{self.name}: min_agreement={as_written(given['min_agreement'])} is more than all (100 %)"
            )
        against = given.get("against")
        options = {"against": against if isinstance(against, str) else BASE}
        if given.get("max") is None and given.get("min_agreement") is None:
            blank = (_limit(DRIFT, math.inf, options, None),) if options["against"] != BASE else ()
            return Reading(
                (), tuple(problems), f"{self.name}: no limit; give one, for example {EXAMPLE}", blank
            )
        bounds = [(DRIFT, most, given.get("max")), (DISAGREEMENT, None if least is None else 1 - least, None)]
        limits = [
            _limit(metric, bound, options, spelled) for metric, bound, spelled in bounds if bound is not None
        ]
        return Reading(tuple(limits), tuple(problems))

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """The limit, or the least that agree."""
        if metric is DISAGREEMENT:
            return Argument("min_agreement", RATIO, rest=True)
        return Argument(bound, RATIO, 0)

    def observe(
        self, subject: Subject, *, against: str, ask: Callable[[str, Any], Any] | None = None
    ) -> Drift:
        """The drift. Raises MeasurementError, ModelRunError, UngatedError."""
        if against == BASE:
            from .base import drift_from_base

            assert ask is not None  # without a base nobody measures
            return drift_from_base(subject, ask)
        from .against import drift_against

        return drift_against(subject, against)

    def read(self, observed: Drift, limit: Limit) -> Measurement:
        """The largest error, or the share of arg-maxes that differ. Raises NothingSeenError where agreement is vacuous,
        MeasurementError where no output has classes.
        """
        if observed.vacuous:
            advice = _COMPILED if observed.idle else _SAYING
            raise NothingSeenError(
                f"the outputs agree, but vacuously: {observed.vacuous}, so that no drift could show.\n{advice}"
            )
        notes = tuple(_notes(observed))
        if limit.metric is DISAGREEMENT:
            return _disagreement(observed, notes)
        value = observed.max_error or (0.0 if observed.bit_for_bit else LEAST)
        instead = "no match" if math.isinf(value) else "not bit for bit" if value == LEAST else ""
        return Measurement(value, aka=words(observed.figures), notes=notes, instead=instead)


_SAYING = "Give example inputs or weights for which the model says something."
_COMPILED = "Mend what stands in the way: `modelcheck.compile()` tells where that is."


def _against_problems(given: Given) -> Iterator[str]:
    """What is wrong with against=; of an object its class is told, since a module's repr is lines long."""
    against = given.get("against")
    if against is None or isinstance(against, str):
        yield from arguments.not_allowed(DriftBudget.name, "against", given, WORDS)
        return
    yield (
        f"{DriftBudget.name}: against= takes one of {', '.join(map(repr, WORDS))}, not an object "
        f"({type(against).__name__}); modelcheck.drift(module) compares with another module"
    )


def _limit(metric: Metric, bound: float, options: Mapping[str, object], given: object) -> Limit:
    if options["against"] == BASE:
        return Limit(metric, max_regression=bound, options=options)
    return Limit(metric, max=bound, options=options, written={"max": RATIO.spelled(given)})


def _disagreement(drift: Drift, notes: tuple[str, ...]) -> Measurement:
    if drift.incomparable:
        return Measurement(1.0, aka=words(drift.figures), notes=notes, instead="no match")
    if drift.agreement is None:
        raise MeasurementError(
            "no output has classes, so that there is no arg-max to compare (a floating tensor of shape (N, C), "
            "(N, T, C) or (N, C, H, W)).\nLeave out min_agreement."
        )
    told = f"the same for {drift.agreed:,} of {drift.positions:,}, {RATIO.format(drift.agreement)} agree"
    return Measurement(1 - drift.agreement, aka=told, notes=notes)


def _notes(drift: Drift) -> list[str]:
    rows = [row for row in drift.outputs if row.max_error or not row.is_same]
    notes = [f"{row.path}: {row_words(row)}" for row in rows[:5]]
    notes += [f"and {len(rows) - 5} more outputs"] if len(rows) > 5 else []
    return [*notes, *drift.notes, *([drift.stands] if drift.stands else [])]
