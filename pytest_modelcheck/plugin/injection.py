"""Give tests the user's fixtures that they do not name: `model` and `example_inputs`, or those a marker names.

They are added as `usefixtures` while the test is made into items, the only moment at which parametrised fixtures
of any scope still work. Asking for them later fails ("no parameter defined").
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import TYPE_CHECKING

import pytest
from _pytest.mark import ParameterSet

if TYPE_CHECKING:
    from ..demand.source import Source
    from ..settings import Settings


@contextmanager
def injected(function: object, names: list[str]) -> Iterator[None]:
    """Have `usefixtures(names)` on `function` for the block only: classes may share a function."""
    if not names or not isinstance(function, FunctionType):
        yield
        return
    before = function.__dict__.get("pytestmark")
    function.__dict__["pytestmark"] = [*marks_of(function), pytest.mark.usefixtures(*names).mark]
    try:
        yield
    finally:
        if before is None:
            del function.__dict__["pytestmark"]
        else:
            function.__dict__["pytestmark"] = before


def plain_function(obj: object) -> FunctionType | None:
    """The function whose attributes pytest reads marks from; None if `obj` is no function."""
    function = getattr(obj, "__func__", obj)
    return function if inspect.isfunction(function) else None


def wanted_fixtures(
    function: FunctionType, collector: pytest.Collector, names: Collection[str], settings: Settings
) -> list[str]:
    """The fixtures to add to a test: those of its subjects that exist and that it does not ask for itself.

    `names`: of the markers that stand for a check.
    """
    marks = [*marks_of(function), *collector.iter_markers()]
    marks += marks_of_parameters(marks)
    arguments = list(inspect.signature(function).parameters)
    asks = reaches(arguments, "modelcheck", collector)
    asked = [name for source in _sources(marks, names, settings, asks) for name in source.fixtures]
    manager = collector.session._fixturemanager
    return [n for n in dict.fromkeys(asked) if n not in arguments and manager.getfixturedefs(n, collector)]


def marks_of(owner: object) -> list[pytest.Mark]:
    """The marks on a function, or those of a `pytestmark`, one or several."""
    marks = getattr(owner, "pytestmark", owner)
    listed = marks if isinstance(marks, (list, tuple)) else [marks]
    plain = [getattr(mark, "mark", mark) for mark in listed]
    return [mark for mark in plain if isinstance(mark, pytest.Mark)]


def marks_of_parameters(marks: Iterable[pytest.Mark]) -> list[pytest.Mark]:
    """The marks that stand in `pytest.param(marks=)` of a `parametrize`."""
    given = [mark.args[1] for mark in marks if mark.name == "parametrize" and len(mark.args) > 1]
    given += [mark.kwargs["argvalues"] for mark in marks if "argvalues" in mark.kwargs]
    sets = [one for values in given if isinstance(values, (list, tuple)) for one in values]
    return [mark for one in sets if isinstance(one, ParameterSet) for mark in marks_of(list(one.marks))]


def _sources(
    marks: list[pytest.Mark], names: Collection[str], settings: Settings, asks: bool
) -> list[Source]:
    """The subjects that the marks demand, and where the test `asks` for it the one of the fixture `modelcheck`."""
    from ..demand import SUBJECT
    from ..demand.arguments import subject_part
    from ..demand.source import merge

    shared = [subject_part(mark.kwargs) for mark in marks if mark.name == SUBJECT]
    own = [subject_part(mark.kwargs) for mark in marks if mark.name in names]
    return [merge([subject, *shared], settings) for subject in (*own, *[{}] * asks)]


def reaches(names: Iterable[str], wanted: str, node: pytest.Collector) -> bool:
    """Whether a fixture among `names` is `wanted`, or depends on it."""
    manager = node.session._fixturemanager
    seen: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name == wanted:
            return True
        if name not in seen:
            seen.add(name)
            todo += [
                arg for definition in manager.getfixturedefs(name, node) or () for arg in definition.argnames
            ]
    return False
