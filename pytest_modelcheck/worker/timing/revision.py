"""The subjects of one revision, made in this process: this tree's tests are collected and set up on its sources."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ...base.moves import Moves, no_moves
from ...errors import ModelCheckError
from ...model.draws import as_at, moment
from ..redirect import Redirect
from ..standins import Imports

if TYPE_CHECKING:
    import pytest

    from ...demand.plan import Demand
    from ...model.subject import Inputs, Subject
    from ...plugin.measuring import CheckedTest

Key = tuple[str, str]  # a limit: its test's node id, and which demand of it


@dataclass(frozen=True)
class Job:
    """What is to be compared: `root`, this tree; `tree`, the base's; `files`, the sources in `root`.

    `rootdir` is pytest's, which node ids are relative to: a folder in `root`.
    """

    root: str
    rootdir: str
    tree: str
    files: Sequence[str]
    patterns: Sequence[str]
    path: Sequence[str]
    arguments: Sequence[str]
    keys: Sequence[Key]
    results: str
    timeout: float
    cap: float
    options: Mapping[str, Any] = field(default_factory=dict)
    moves: Moves = field(default_factory=no_moves)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Job:
        """From JSON."""
        keys = [(str(nodeid), str(demand)) for nodeid, demand in given["keys"]]
        return cls(**{**given, "keys": keys})


@dataclass(frozen=True)
class Timed:
    """A subject and how it is to be timed."""

    subject: Subject
    threads: int
    max_regression: float


def collect(job: Job, keys: Sequence[Key] | None = None) -> tuple[dict[Key, Timed], dict[Key, str]]:
    """The subjects of `keys` (None: all of the job), and for those that could not be made why."""
    import pytest

    from ..given import GivenOptions

    wanted = list(job.keys if keys is None else keys)
    run = _Collection(wanted)
    tests = dict.fromkeys(nodeid for nodeid, _ in wanted)
    plugins = [run, GivenOptions(dict(job.options))]
    with as_at(moment()), _stand_ins():  # seeds that one revision chooses are no choice of the other
        pytest.main([*job.arguments, *(f"{job.rootdir}/{nodeid}" for nodeid in tests)], plugins=plugins)
    missing = {key: run.reason(key) for key in wanted if key not in run.found}
    return run.found, missing


def _stand_ins() -> AbstractContextManager[object]:
    """For what the base has not, where it is the base that is collected."""
    redirect = next((finder for finder in sys.meta_path if isinstance(finder, Redirect)), None)
    return Imports(redirect) if redirect is not None else nullcontext()


class _Collection:
    """A pytest plugin: instead of running a test, takes its subjects."""

    def __init__(self, wanted: Sequence[Key]) -> None:
        self.wanted = wanted
        self.found: dict[Key, Timed] = {}
        self.failed: dict[str, str] = {}
        self.errors: dict[Key, str] = {}

    def reason(self, key: Key) -> str:
        """Why there is no subject of `key`."""
        file = key[0].partition("::")[0]
        known = self.errors.get(key) or self.failed.get(key[0]) or self.failed.get(file)
        return known or "the test was not collected"

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        from ...plugin.measuring import draw_alike

        draw_alike(session.config)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.failed[report.nodeid] = _last_line(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed[report.nodeid] = _last_line(report)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        from ...plugin.measuring import checked_tests, default_threads

        tests = {nodeid for nodeid, _ in self.wanted}
        wanted = [test for test in checked_tests(config, items) if test.nodeid in tests]
        items[:] = [test.item for test in wanted]
        for test in wanted:
            demands = [demand for demand in test.demands if demand.is_paired]
            test.replace_body(partial(self._take, test, demands, default_threads(config)))
            test.demand_only(())

    def _take(self, test: CheckedTest, demands: Sequence[Demand], threads: int) -> None:
        for demand in demands:
            key = (test.nodeid, demand.identity)
            try:
                subject = test.subject(demand.source)
                subject.require_inputs()
                _ = subject.model  # built now, while its revision's modules are in sight
            except ModelCheckError as error:
                self.errors[key] = str(error)
                continue
            asked = demand.limit.options.get("threads")
            limit = demand.limit.max_regression or 0.0
            self.found[key] = Timed(subject, asked if isinstance(asked, int) else threads, limit)


def _last_line(report: Any) -> str:
    lines = str(report.longrepr).strip().splitlines()
    return lines[-1].removeprefix("E").strip() if lines else "it failed"


def with_inputs(subject: Subject, tensors: Sequence[torch.Tensor]) -> Subject:
    """The subject on these input tensors, in place of its own: both sides compute on the same numbers."""
    replaced = iter(tensors)

    def exchange(leaf: Any) -> Any:
        return next(replaced) if isinstance(leaf, torch.Tensor) else leaf

    return subject.on(subject.require_inputs().map(exchange))


class Incomparable(Exception):
    """The two revisions have nothing to compare; says why."""


def refuse_other_inputs(inputs: Inputs, shapes: str) -> None:
    """Raise Incomparable unless both revisions take tensors of the same shapes."""
    if str(inputs) != shapes:
        raise Incomparable(f"the inputs differ: {inputs} at the base, {shapes} now")


def foreign(subject: Subject, is_foreign: Callable[[Path], bool]) -> str | None:
    """A class of the model that a file of the other revision defines; None if there is none."""
    for kind in dict.fromkeys(type(module) for module in subject.module.modules()):
        file = getattr(kind.forward, "__globals__", {}).get("__file__")
        if file and is_foreign(Path(file).resolve()):
            return f"{kind.__qualname__} of {file}"
    return None
