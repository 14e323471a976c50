"""Looks whether tests have to do with us, so that all others pay next to nothing. The first that has wakes the rest."""

from __future__ import annotations

import sys
from collections.abc import Generator, Iterable
from types import FunctionType
from typing import TYPE_CHECKING

import pytest

from .injection import marks_of, marks_of_parameters, reaches

if TYPE_CHECKING:
    from .state import Run

SNAPSHOTS = ("heatmap_snapshot", "complexity_snapshot", "structure_snapshot", "output_snapshot")
FIXTURES = ("modelcheck", *SNAPSHOTS)


class Spotting:
    """Hooks that run for each test of each suite: a few microseconds together (benchmarks/startup.py)."""

    def __init__(self, run: Run) -> None:
        self.run = run
        # Whether a class, a module or a folder has our markers, and whether arguments there reach our fixtures.
        self._marked: dict[pytest.Collector, bool] = {}
        self._reaching: dict[tuple[pytest.Collector, tuple[str, ...]], bool] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: pytest.Collector, name: str, obj: object) -> object:
        if self.run.is_awake or not self._concerns(collector, obj):
            return None
        self.run.wake()  # and have it made once more, by all hooks that there are now
        return collector.ihook.pytest_pycollect_makeitem(collector=collector, name=name, obj=obj)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Of a file or class; here since the first with checks wakes the rest in the midst of it."""
        report = yield
        if not self.run.is_awake:
            return report
        from .collection import with_mistakes

        return with_mistakes(self.run, report)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Markers that a hook added, and items that no function was made into."""
        if not self.run.is_awake and any(self._is_marked(item) for item in items):
            self.run.wake()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Markers that a fixture added."""
        if item.own_markers and not self.run.is_awake and self._has_ours(item.own_markers):
            self.run.wake()

    def _concerns(self, collector: pytest.Collector, obj: object) -> bool:
        function = getattr(obj, "__func__", obj)
        if type(function) is not FunctionType:
            return isinstance(obj, type) and _is_unittest(obj) and self._is_marked_class(obj)
        if "pytestmark" in function.__dict__:
            marks = marks_of(function)
            if self._has_ours([*marks, *marks_of_parameters(marks)]):
                return True
        return self._is_marked_collector(collector) or self._asks_for_ours(collector, function)

    def _is_marked_collector(self, collector: pytest.Collector) -> bool:
        if collector not in self._marked:
            self._marked[collector] = self._has_ours(collector.iter_markers())
        return self._marked[collector]

    def _asks_for_ours(self, collector: pytest.Collector, function: FunctionType) -> bool:
        """Whether a fixture of ours is among its arguments, or behind one of them."""
        code = function.__code__
        arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if not arguments or arguments == ("self",):
            return False
        key = collector, arguments
        if key not in self._reaching:
            self._reaching[key] = any(reaches(arguments, name, collector) for name in FIXTURES)
        return self._reaching[key]

    def _is_marked(self, item: pytest.Item) -> bool:
        if item.own_markers and self._has_ours(item.own_markers):
            return True
        parent = item.parent
        return isinstance(parent, pytest.Collector) and self._is_marked_collector(parent)

    def _is_marked_class(self, cls: type) -> bool:
        """Methods of unittest's classes are made into items by no hook."""
        return any(
            self._has_ours(marks_of(value))
            for base in cls.__mro__
            for value in (base, *vars(base).values())
            if hasattr(value, "pytestmark")
        )

    def _has_ours(self, marks: Iterable[pytest.Mark]) -> bool:
        return any(mark.name in self.run.names for mark in marks)


def _is_unittest(cls: type) -> bool:
    unittest = sys.modules.get("unittest")
    return unittest is not None and issubclass(cls, unittest.TestCase)
