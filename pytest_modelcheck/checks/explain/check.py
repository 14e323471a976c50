"""The marker `invariance_budget`: how it is read, and the values that its limits are about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from inspect import Parameter, Signature
from typing import TYPE_CHECKING, Any

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Argument, Check, Reading
from ...errors import NothingSeenError
from ...text import as_written, not_one_of
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from .metrics import FEATURE_SHIFT, PROBABILITY
from .named import Named
from .words import PROBABILITIES, TRANSFORMS

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .invariance import Invariance

TRANSFORM = "transform"
FREE = ("target", "layers", "values", "image", "probability")


class InvarianceCheck(Check):
    """How the model may respond as its images are moved, enlarged or turned."""

    name = "invariance_budget"
    doc = (
        "how the model responds as its images are moved, enlarged or turned (Zeiler and Fergus 2013): the target keeps "
        "at least min_probability, and the last layer's features move by at most max_feature_shift, |f - f0| / |f0|. "
        "target: a class, one per image, a set of classes, or a callable on the output that returns a score; layers, "
        "values: what to watch, and where. image: which of the inputs is the picture, the n-th tensor or an argument's "
        "name. probability: how it is made of the output, 'softmax', 'sigmoid', 'given' or a callable; None: as the "
        "model means it."
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
        problems += arguments.not_allowed(self.name, TRANSFORM, given, tuple(TRANSFORMS))
        problems += arguments.common_problems(self.name, given)
        problems += _free_problems(self.name, given)
        options = {TRANSFORM: given.get(TRANSFORM, next(iter(TRANSFORMS)))}
        options |= {key: _option(given[key]) for key in FREE if given.get(key) is not None}
        limits = [limit for key in self.bounds for limit in self._limit(key, given, options, problems)]
        if all(given.get(key) is None for key in self.bounds):
            missing = f"{self.name}: no limit; give {' or '.join(f'{key}=' for key in self.bounds)}"
            blank = Limit(PROBABILITY, min=-math.inf, options=options)
            return Reading((), tuple(problems), missing, (blank,))
        return Reading(tuple(limits), tuple(problems))

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """The keyword of the bound."""
        key = next(key for key, known in self.bounds.items() if known is metric)
        return Argument(key, metric.unit)

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
            made = f"probability: {observed.how}"
            return Measurement(value, notes=(_where(observed, observed.probability, value), made))
        layer, shifts = list(observed.distance.items())[-1]
        _refuse_deaf(observed, layer, f"what layer {layer!r} gives")
        value = observed.max_feature_shift
        return Measurement(value, notes=(f"features of {layer!r}; {_where(observed, shifts, value)}",))


def _free_problems(name: str, given: Given) -> Iterator[str]:
    probability, image = given.get("probability"), given.get("image")
    if probability is not None and not callable(probability) and probability not in PROBABILITIES:
        yield f"{name}: {not_one_of('probability', probability, PROBABILITIES)}; or a callable on the output"
    if image is not None and not isinstance(image, str) and (type(image) is not int or image < 0):
        yield f"{name}: image={as_written(image)} is neither the number of an input, from 0 on, nor an argument's name"


def _option(value: object) -> object:
    """As the record holds it and as options are compared: numbers as lists, callables by what they do."""
    if callable(value):
        return Named(value)
    return value.tolist() if hasattr(value, "tolist") else value


def _refuse_deaf(seen: Invariance, name: str, what: str) -> None:
    if name in seen.deaf:
        raise NothingSeenError(
            f"{what} is the same for any image: nothing was seen of the {seen.transform}.\n"
            "Give a model, weights, a target or layers= that answer to the image."
        )


def _where(seen: Invariance, rows: Sequence[Sequence[float]], value: float) -> str:
    step, sample = next((i, row.index(value)) for i, row in enumerate(rows) if value in row)
    what, _, unit = seen.axis.removesuffix(", ratio").partition(", ")
    return f"met at {what} {seen.places[step]:.3g}{unit and f' {unit}'}, sample {sample}"
