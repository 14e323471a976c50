"""The marker `compile_budget`: how it is read, and what torch.compile made of a model as measurements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from inspect import Signature
from typing import TYPE_CHECKING, Any

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Argument, Check, Reading
from ...errors import MeasurementError, NothingSeenError
from ...text import as_written
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from ...verdict.units import Unit
from .result import advised, automatic_words, is_shape, size_words

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .calls import Size
    from .result import Break, Compiled, Recompile


def _counting(one: str, many: str) -> Unit:
    return replace(Unit.counting(one, many), scales={"": 1})  # none of these comes in thousands


BREAKS = Metric("graph_breaks", _counting("break", "breaks"), "graph breaks")
RECOMPILES = Metric("recompiles", _counting("recompile", "recompiles"), "recompiles")
GRAPHS = Metric("compiled_graphs", _counting("graph", "graphs"), "graphs of torch.compile")
LIMITS: Mapping[str, Metric] = {"graph_breaks": BREAKS, "recompiles": RECOMPILES, "graphs": GRAPHS}
DYNAMIC = (None, True, False)
EXAMPLE = "compile_budget(graph_breaks=0, recompiles=0)"
TOLD = 8  # breaks and guards in a message


class CompileBudget(Check):
    """At most so many graph breaks, recompiles and graphs."""

    name = "compile_budget"
    doc = (
        "under torch.compile (backend 'eager': traced only) at most so many graph breaks, graphs, and recompiles: in "
        "the first call, in a second one with the example inputs, and in calls with sizes: a list of shapes, "
        "[(2, 3, 224, 224), ...], or of lists with the shape of each tensor where the model takes several. dynamic: "
        "None, True or False, as torch.compile takes it."
    )
    metrics = (BREAKS, RECOMPILES, GRAPHS)
    section = "compile"

    def signature(self) -> Signature:
        """Keywords only."""
        return Signature(arguments.keyword_parameters(dict.fromkeys((*LIMITS, "sizes", "dynamic"))))

    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """A limit for each number that is given."""
        problems = [
            *arguments.unknown(self.name, kwargs, self.signature().parameters),
            *arguments.too_many(self.name, args, 0, ""),
            *arguments.common_problems(self.name, kwargs),
            *option_problems(kwargs),
        ]
        sizes = Sizes.of(None if problems else kwargs.get("sizes"))
        given = {"sizes": sizes or None, "dynamic": kwargs.get("dynamic")}
        options = {key: value for key, value in given.items() if value is not None}
        if all(kwargs.get(key) is None for key in LIMITS):
            blank = tuple(Limit(metric, max=math.inf, options=options) for metric in (BREAKS, RECOMPILES))
            missing = "" if problems else f"{self.name}: no limit; give one, for example {EXAMPLE}"
            return Reading((), tuple(problems), missing, blank)
        limits = []
        for key, metric in LIMITS.items():
            most = arguments.bound(self.name, key, kwargs, metric.unit, problems)
            if most is not None and most % 1:
                problems.append(f"{self.name}: {key}={as_written(kwargs[key])} is not a whole number")
            elif most is not None:
                written = {"max": metric.unit.spelled(kwargs[key])}
                limits.append(Limit(metric, max=most, options=options, written=written))
        return Reading(tuple(limits), tuple(problems))

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """The keyword of the number."""
        key = next(key for key, known in LIMITS.items() if known is metric)
        return Argument(key, metric.unit)

    def observe(
        self, subject: Subject, *, sizes: Sizes | None = None, dynamic: bool | None = None
    ) -> Compiled:
        """What torch.compile makes of it."""
        from .measure import compile_model

        return compile_model(subject, sizes=sizes.shapes if sizes else (), dynamic=dynamic)

    def read(self, observed: Compiled, limit: Limit) -> Measurement:
        """The number that is limited: without end for a model that torch does not compile at all.

        Raises NothingSeenError where there was nothing to compile, MeasurementError where a function was skipped whole
        and the numbers alone would be within the limit.
        """
        if observed.reason:
            details = (observed.details,) if observed.details else ()
            notes = (f"torch: {observed.reason}", *filter(None, (observed.hint,)))
            return Measurement(math.inf, beside="(not compilable)", notes=notes, details=details)
        key = next(key for key, metric in LIMITS.items() if metric is limit.metric)
        value = getattr(observed, key)
        if limit.max is not None and value <= limit.max:
            refuse_vacuous(observed)
        return Measurement(value, notes=tuple(_notes(observed, limit.metric)))


def refuse_vacuous(observed: Compiled) -> None:
    """Numbers say nothing of what dynamo did not look at. Raises MeasurementError, NothingSeenError."""
    if observed.fallback:
        raise MeasurementError("\n".join([*map(str, observed.fallback), *advised(observed.breaks[:TOLD])]))
    if observed.nothing or not observed.graphs:
        raise NothingSeenError(
            f"nothing was compiled: {observed.nothing}.\n"
            "A model without a graph has no graph breaks either: what stands in the way must go first."
        )


def _notes(observed: Compiled, metric: Metric) -> Iterator[str]:
    """What stands behind the number: of breaks and recompiles each with its line, or its guard, and what to change."""
    yield from map(str, observed.fallback)
    found: tuple[Break | Recompile, ...] = observed.breaks if metric is BREAKS else ()
    found = observed.guards if metric is RECOMPILES else found
    yield from advised(found[:TOLD])
    if len(found) > TOLD:
        yield f"and {len(found) - TOLD} more"
    if metric is RECOMPILES and observed.automatic and observed.dynamic is None:
        yield automatic_words(observed.guards)
    if metric is not RECOMPILES:
        yield "one graph" if observed.one_graph else f"{observed.graphs} graphs"
    if observed.shared:
        yield observed.shared


class Sizes(str):
    """Shapes, or lists of shapes, as an option: in words, `5x4, 1x4`, as the record has it; `shapes` are themselves."""

    shapes: tuple[Size, ...]

    @classmethod
    def of(cls, given: object) -> Sizes:
        """What a user wrote, where nothing is wrong with it."""
        sizes: Any = given or ()
        shapes = tuple(tuple(size) if is_shape(size) else tuple(map(tuple, size)) for size in sizes)
        made = cls(", ".join(map(size_words, shapes)))
        made.shapes = shapes
        return made


def option_problems(given: Given) -> Iterator[str]:
    """What is wrong with how it is to be compiled."""
    yield from arguments.not_allowed(CompileBudget.name, "dynamic", given, DYNAMIC)
    yield from _size_problems(given.get("sizes"))


def _size_problems(sizes: object) -> Iterator[str]:
    """What is wrong with sizes=."""
    if sizes is None or (isinstance(sizes, (list, tuple)) and not sizes):
        return
    write = "write a list of shapes, for example sizes=[(2, 3, 224, 224)]"
    if is_shape(sizes):
        yield f"compile_budget: sizes={as_written(sizes)} is one shape; {write}"
    elif not isinstance(sizes, (list, tuple)) or not all(map(_is_size, sizes)):
        yield (
            f"compile_budget: sizes={as_written(sizes)} are no shapes; {write}, or for each call a list of shapes "
            "where the model takes several tensors"
        )


def _is_size(size: object) -> bool:
    return is_shape(size) or (isinstance(size, (list, tuple)) and all(map(is_shape, size)))
