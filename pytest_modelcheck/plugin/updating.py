"""Limits written into the source: which tests there are, where their markers stand, and what is written at the end."""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..records.types import BoundEntry, SiteEntry
from ..updating.source import actual
from .sites import Sites
from .state import nodeid_of, state_of

if TYPE_CHECKING:
    from ..demand.plan import Demand
    from ..records.types import Record
    from ..updating.update import Updates
    from .state import Run

# Exit statuses of runs that nobody interrupted; the last is that of xdist where as many failed as `--maxfail` allows.
ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)


class Updating:
    """Hooks of collection, where `--modelcheck-update-budgets` or `--modelcheck-tighten-budgets` is given."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.sites = Sites(run.config)
        self._reports: dict[pytest.Collector, Sequence[pytest.Item | pytest.Collector]] = {}
        self._files: set[Path] = set()
        self._is_told = False

    @pytest.hookimpl(wrapper=True, trylast=True)  # before others leave out what is not wanted
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        self._reports[collector] = report.result or ()
        if isinstance(collector, pytest.Module):
            self._files.add(actual(collector.path))
            self.sites.locator.source(collector.path)  # as it is now
        return report

    def _collected(self) -> list[pytest.Item]:
        """All tests of the files that were collected, those too that were not chosen; once."""
        is_told, self._is_told = self._is_told, True
        nodes = () if is_told else itertools.chain.from_iterable(self._reports.values())
        return [item for node in nodes for item in self._items(node)]

    def _items(self, node: pytest.Item | pytest.Collector) -> Iterator[pytest.Item]:
        """Of a class that nobody chose, too."""
        if isinstance(node, pytest.Item):
            yield node
        elif isinstance(node, pytest.Class) and node not in self._reports:
            with suppress(Exception):  # one that cannot be collected has no tests
                for child in node.collect():
                    yield from self._items(child)

    def bounds(self, items: Sequence[pytest.Item]) -> dict[str, list[BoundEntry]]:
        """What tests demand of figures, by node id, and where that stands in the source; at first of all tests that
        were collected, too.
        """
        run, items = self.run, [*self._collected(), *items]
        known = {nodeid_of(item, run.config): item for item in items if run.marks(item)}
        for item in known.values():
            self.sites.learn(item, run.registry)
        return {nodeid: list(self._bounds(item)) for nodeid, item in known.items()}

    def _bounds(self, item: pytest.Item) -> Iterator[BoundEntry]:
        sites = self.sites.of(item, self.run.registry)
        for demand in state_of(item).plan.demands:
            yield from self._entries(demand, sites.get(demand.limit.place))

    def _entries(self, demand: Demand, site: SiteEntry | None) -> Iterator[BoundEntry]:
        limit = demand.limit
        where = f"{site['file']}:{site['span'][0]}" if site is not None else limit.where
        for bound, value in (("max", limit.max), ("min", limit.min)):
            if value is not None:
                yield {
                    "demand": demand.identity,
                    "source": demand.source.written,
                    "marker": demand.check.name,
                    "where": where,
                    "metric": limit.metric.name,
                    "bound": "max" if bound == "max" else "min",
                    "limit": None if limit.is_blank else value,
                    "site": site,
                    "is_shared": site is not None
                    and actual(self.run.config.rootpath / site["file"]) not in self._files,
                }


def is_whole(config: pytest.Config, name: str = "") -> bool:
    """Whether all tests below the folder of that file were collected, on the process that began the run; without one,
    all that there are.
    """
    option = config.option
    if any(getattr(option, key, None) for key in ("lf", "ignore", "ignore_glob", "pyargs")):
        return False
    if config.args_source is config.ArgsSource.TESTPATHS:
        return True
    path = (config.rootpath / name).resolve()
    given = [config.invocation_params.dir / argument for argument in config.args if "::" not in argument]
    return any(folder.is_dir() and path.is_relative_to(folder.resolve()) for folder in given)


def write_limits(run: Run, record: Record, exit_status: int) -> Updates | None:
    """Write what the run has measured into the source; None where it came to no end."""
    from ..updating.budgets import wanted
    from ..updating.imports import Uncollected
    from ..updating.update import update

    collected = run.collected
    if run.interrupted or collected is None or exit_status not in ENDED:
        return None
    config = run.config
    files = {nodeid.partition("::")[0] for nodeid in collected.bounds}
    patterns = config.getini("python_files"), config.getini("norecursedirs")
    others = Uncollected(config.rootpath, *patterns, files)

    def has_all(name: str, shared: bool) -> bool:
        """Whether no test that may have a marker of that file is missing."""
        return is_whole(config) or not (others.imports(name) or (shared and not is_whole(config, name)))

    budgets = wanted(collected.bounds, record, collected.ending, run.registry, run.settings, has_all)
    return update(budgets, run.settings)
