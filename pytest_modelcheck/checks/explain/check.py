"""The marker `invariance_budget`: how it is read, and the values that its limits are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Check, Reading
from ...errors import NothingSeenError
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from .metrics import FEATURE_SHIFT, PROBABILITY

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .invariance import Invariance

TRANSFORM, TRANSFORMS = "transform", ("translation", "scale", "rotation")
FREE = ("target", "layers", "values")


class InvarianceCheck(Check):
    """How the model may respond as its images are moved, enlarged or turned."""

    name = "invariance_budget"
    doc = (
        "how the model responds as its images are moved, enlarged or turned (Zeiler and Fergus 2013): the target keeps "
        "at least min_probability, and the last layer's features move by at most max_feature_shift, |f - f0| / |f0|. "
        "target: a class, one per image, or a set of classes; layers, values: what to watch, and where."
    )
    metrics = (PROBABILITY, FEATURE_SHIFT)
    section = "invariance"
    bounds: Mapping[str, Metric] = {"min_probability": PROBABILITY, "max_feature_shift": FEATURE_SHIFT}

    def signature(self) -> Signature:
        """The transform, then keywords."""
        first = Parameter(TRANSFORM, Parameter.POSITIONAL_OR_KEYWORD)
        return Signature([first, *arguments.keyword_parameters(dict.fromkeys([*self.bounds, *FREE]))])

    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """One limit for each bound that is given."""
        given = {**({TRANSFORM: args[0]} if args else {}), **kwargs}
        problems = [*arguments.unknown(self.name, kwargs, self.signature().parameters)]
        if len(args) > 1 or (args and TRANSFORM in kwargs) or TRANSFORM not in given:
            problems.append(f"{self.name}: give {TRANSFORM} once, as the only argument without a keyword")
        problems += arguments.not_allowed(self.name, TRANSFORM, given, TRANSFORMS)
        problems += arguments.common_problems(self.name, given)
        options = {TRANSFORM: given.get(TRANSFORM, TRANSFORMS[0])}
        options |= {key: given[key] for key in FREE if given.get(key) is not None}
        limits = [limit for key in self.bounds for limit in self._limit(key, given, options, problems)]
        if all(given.get(key) is None for key in self.bounds):
            problems.append(f"{self.name}: no limit; give {' or '.join(f'{key}=' for key in self.bounds)}")
        return Reading(tuple(limits), tuple(problems))

    def _limit(self, key: str, given: Given, options: Given, problems: list[str]) -> list[Limit]:
        metric = self.bounds[key]
        value = arguments.bound(self.name, key, given, metric.unit, problems)
        if value is None:
            return []
        spelled = metric.unit.spelled(given[key])
        if metric.more == "better":
            return [Limit(metric, min=value, options=options, written={"min": spelled})]
        return [Limit(metric, max=value, options=options, written={"max": spelled})]

    def observe(self, subject: Subject, *, transform: str, **options: Any) -> Invariance:
        """The curves of one transform."""
        from .invariance import invariance

        return invariance(subject, transform, **options)

    def read(self, observed: Invariance, limit: Limit) -> Measurement:
        """The lowest probability or the largest feature shift, with the place where it was met.

        Raises NothingSeenError where it would be the same for any image.
        """
        if limit.metric.name == PROBABILITY.name:
            _refuse_deaf(observed, "probability", "the probability of the target")
            value = observed.min_probability
            return Measurement(value, notes=(_where(observed, observed.probability, value),))
        layer, shifts = list(observed.distance.items())[-1]
        _refuse_deaf(observed, layer, f"what layer {layer!r} gives")
        value = observed.max_feature_shift
        return Measurement(value, notes=(f"features of {layer!r}; {_where(observed, shifts, value)}",))


def _refuse_deaf(seen: Invariance, name: str, what: str) -> None:
    if name in seen.deaf:
        raise NothingSeenError(
            f"{what} is the same for any image: nothing was seen of the {seen.transform}.\n"
            "Give a model, weights, a target or layers= that answer to the image."
        )


def _where(seen: Invariance, rows: Sequence[Sequence[float]], value: float) -> str:
    step, sample = next((i, row.index(value)) for i, row in enumerate(rows) if value in row)
    return f"met at {seen.axis} {seen.values[step]:.3g}, sample {sample}"
