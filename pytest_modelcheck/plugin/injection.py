"""Give tests the user's fixtures that they do not name: `model` and `example_inputs`, or those a marker names.

They are added as `usefixtures` while the test is made into items, the only moment at which parametrised fixtures
of any scope still work. Asking for them later fails ("no parameter defined").
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

    from ..checks.registry import Registry
    from ..demand.plan import Source
    from ..settings import Settings


@contextmanager
def injected(function: Any, names: list[str], mark: Any) -> Iterator[None]:
    """Have `usefixtures(names)` on `function` for the block only: classes may share a function."""
    if not names:
        yield
        return
    before = function.__dict__.get("pytestmark")
    function.pytestmark = [*_marks(function), mark(*names).mark]
    try:
        yield
    finally:
        if before is None:
            del function.pytestmark
        else:
            function.pytestmark = before


def plain_function(obj: Any) -> Any:
    """The function whose attributes pytest reads marks from; None if `obj` is no function."""
    function = getattr(obj, "__func__", obj)
    return function if inspect.isfunction(function) else None


def wanted_fixtures(
    function: Any, collector: pytest.Collector, registry: Registry, settings: Settings
) -> list[str]:
    """The fixtures to add to a test: those of its subjects that exist and that it does not ask for itself."""
    marks = [*_marks(function), *collector.iter_markers()]
    arguments = list(inspect.signature(function).parameters)
    manager = collector.session._fixturemanager
    is_marked = any(mark.name in registry.names for mark in marks)
    if not is_marked and not _reaches(arguments, "modelcheck", manager, collector):
        return []
    names = [name for source in _sources(marks, registry, settings) for name in source.fixtures]
    return [n for n in dict.fromkeys(names) if n not in arguments and manager.getfixturedefs(n, collector)]


def _marks(function: Any) -> list[Any]:
    marks = getattr(function, "pytestmark", [])
    return list(marks) if isinstance(marks, (list, tuple)) else [marks]


def _sources(marks: list[Any], registry: Registry, settings: Settings) -> list[Source]:
    """The subjects that the marks demand, and the one that the fixture `modelcheck` is bound to."""
    from ..demand.markers import read_marker
    from ..demand.plan import merge

    shared = [mark.kwargs for mark in marks if mark.name == "modelcheck"]
    read = [read_marker(registry, mark.name, mark.args, mark.kwargs, "") for mark in marks]
    own = [marker.subject for marker in read if marker is not None and marker.check is not None]
    return [merge([subject, *shared], settings) for subject in [*own, {}]]


def _reaches(names: list[str], wanted: str, manager: Any, node: pytest.Collector) -> bool:
    """Whether a fixture among `names` is `wanted`, or depends on it."""
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
