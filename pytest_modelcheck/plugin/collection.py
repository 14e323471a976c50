"""Collection, once a test with checks was met: fixtures for tests, mistakes in markers, the check of no test file."""

from __future__ import annotations

from collections.abc import Generator
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from .injection import injected, plain_function, wanted_fixtures
from .log import inert
from .state import state_of

if TYPE_CHECKING:
    from .state import Run

Report = pytest.CollectReport


class Collection:
    """Hooks of collection."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(
        self, collector: pytest.Collector, obj: object
    ) -> Generator[None, object, object]:
        function = plain_function(obj)
        names = self._wanted(function, collector) if function is not None else []
        with injected(function, names):
            return (yield)

    @pytest.hookimpl(wrapper=True)  # before others deselect: their snapshots are not unused
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> Generator[None, object, object]:
        syrupy: Any = getattr(config, "_syrupy", None)
        if syrupy is not None:
            syrupy.collect_items(items)
        return (yield)

    def _wanted(self, function: FunctionType, collector: pytest.Collector) -> list[str]:
        if self.run.settings.off:  # then nothing needs them
            return []
        return wanted_fixtures(function, collector, self.run.registry.names, self.run.settings)


def with_mistakes(run: Run, report: Report) -> Report:
    """The report of a file or class, failed where a marker in it cannot be understood."""
    nodes = report.result or () if report.passed else ()
    items = [node for node in nodes if isinstance(node, pytest.Item) and run.marks(node)]
    if not items:
        return report
    from ..demand.plan import problems_text

    text = problems_text({item.nodeid: state_of(item).plan for item in items})
    return inert(Report(report.nodeid, "failed", text, [])) if text else report
