"""Plan: what a test's markers demand, of which subject. Made at collection, from markers alone: nothing runs here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..errors import SubjectError
from ..settings import Settings
from ..verdict.judge import Outcome, Verdict
from ..verdict.limit import Limit
from ..verdict.phases import FORWARD
from .check import Check
from .markers import Marker
from .source import Source, merge

THREE_WAYS = (
    "Say which model to check in one of three ways:\n"
    "  1. on the marker itself: @pytest.mark.{marker}(..., model=my_factory, input_size=(1, 3, 224, 224))\n"
    "  2. on the test, its class or its module: @pytest.mark.modelcheck(model=my_factory, input_size=...)\n"
    "  3. with fixtures named {model!r} and {inputs!r}, for example in conftest.py (other names: ini keys\n"
    "     modelcheck_model_fixture and modelcheck_inputs_fixture)"
)


@dataclass(frozen=True)
class Demand:
    """One limit on one subject."""

    check: Check
    limit: Limit
    source: Source
    left_out: str = ""  # why it does not run, if it does not

    @property
    def identity(self) -> str:
        """Which one it is among those of its test, on any sources."""
        place, options = self.limit.place, repr(sorted(self.limit.options.items()))
        facts = [place.node, place.marker, place.index, self.limit.metric.name, options]
        return json.dumps([*facts, self.limit.max_regression])

    def unmeasured(self, outcome: Outcome, error: str = "") -> Verdict:
        """The verdict on it where there is no figure, and perhaps no subject."""
        written = self.source.written
        return Verdict(
            self.source.label, self.limit, outcome, error=error, source=written, demand=self.identity
        )

    @property
    def is_paired(self) -> bool:
        """Whether it is judged by timing base and head in turns."""
        is_forward = self.limit.options.get("phase") in (None, FORWARD)
        return self.check.paired and self.limit.max_regression is not None and is_forward


@dataclass(frozen=True)
class Plan:
    """All demands of one test, and the source that its `modelcheck` fixture is bound to."""

    demands: tuple[Demand, ...] = ()
    source: Source = field(default_factory=lambda: Source({}))
    problems: tuple[str, ...] = ()


class Found(NamedTuple):
    """A marker of a test: its file and line, and how far from the test it stands (0: at one of its parameters)."""

    marker: Marker
    where: str
    distance: int


def make_plan(found: Sequence[Found], settings: Settings) -> Plan:
    """The plan of the markers of one test, the closest first."""
    problems = [f"{one.where}: {problem}" for one in found for problem in one.marker.problems]
    shared = [one.marker.subject for one in found if one.marker.check is None]
    demands = [
        (
            one.distance,
            _demand(one.marker.check, limit, merge([one.marker.subject, *shared], settings), settings),
        )
        for one in found
        if one.marker.check is not None
        for limit in one.marker.limits
    ]
    return Plan(tuple(_closest(demands)), merge(shared, settings), tuple(problems))


def _demand(check: Check, limit: Limit, source: Source, settings: Settings) -> Demand:
    return Demand(check, limit, source, settings.left_out(*check.names(limit.metric)))


def _closest(demands: Sequence[tuple[int, Demand]]) -> Iterator[Demand]:
    """Without the bounds that a closer one of the same kind replaces: of the same metric, options and subject.

    Another kind adds to it, and those of one place all hold. A limit says what it replaces.
    """
    nearest: dict[Bound, tuple[int, int]] = {}  # -> how far away, and which demand
    replaced: dict[int, list[str]] = {}
    left: dict[int, Limit] = {}
    for number, (distance, demand) in enumerate(demands):
        left[number] = demand.limit
        for bound in _bounds(demand):
            closest, by = nearest.setdefault(bound, (distance, number))
            if closest < distance:
                left[number] = left[number].without(bound.kind)
                replaced.setdefault(by, []).append(f"{demand.limit} at {demand.limit.where}")
    for number, (_, demand) in enumerate(demands):
        if left[number].bounds:
            yield replace(demand, limit=replace(left[number], replaces=tuple(replaced.get(number, ()))))


class Bound(NamedTuple):
    """What a limit bounds, and from which side: a closer one replaces a farther one that is equal."""

    metric: str
    options: str
    source: tuple[object, ...]
    kind: str


def _bounds(demand: Demand) -> list[Bound]:
    limit = demand.limit
    options = repr(sorted(limit.options.items()))
    return [Bound(limit.metric.name, options, demand.source.identity, kind) for kind in limit.bounds]


def problems_text(plans: Mapping[str, Plan]) -> str:
    """All problems of the tests (by node id), each once with the tests it concerns; empty if there is none."""
    tests: dict[str, list[str]] = {}
    for nodeid, plan in plans.items():
        for problem in plan.problems:
            tests.setdefault(problem, []).append(nodeid)
    if not tests:
        return ""
    lines = [f"  {problem}   [{_and_more(nodeids)}]" for problem, nodeids in tests.items()]
    return "\n".join(["modelcheck: markers that cannot be understood", *lines])


def _and_more(nodeids: list[str], shown: int = 3) -> str:
    rest = len(nodeids) - shown
    return ", ".join(nodeids[:shown]) + (f" and {rest} more" if rest > 0 else "")


def missing_model(marker: str, name: str, settings: Settings, *, unittest: bool = False) -> SubjectError:
    """The error of a test whose model cannot be found: the three ways to say it, or what is wrong with the one way."""
    if name != settings.model_fixture:
        return _no_such_fixture(marker, name)
    ways = THREE_WAYS.format(marker=marker, model=settings.model_fixture, inputs=settings.inputs_fixture)
    extra = "\nMethods of unittest.TestCase cannot take fixtures: for them use the first or the second way."
    return SubjectError(
        f"{marker}: no model to check: there is no fixture {name!r} here and no marker names a model.\n"
        f"{ways}{extra if unittest else ''}"
    )


def _no_such_fixture(marker: str, name: str) -> SubjectError:
    from ..model.mistaken import hint, is_checkpoint

    ways = "Write 'package.module:factory', 'torchvision:resnet18', 'timm:NAME', or the name of a fixture."
    found = f"{marker}: there is no fixture {name!r} here, and model={name!r} is no import string."
    return SubjectError(f"{found}\n{hint(name) if is_checkpoint(name) else ways}")
