"""This tree's tests, measuring only: what they demand of the other tree's sources, without their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..errors import ModelCheckError
from ..plugin.measuring import CheckedTest, checked_tests, compare_runs, record_of
from .given import GivenOptions
from .missing import StandIns

if TYPE_CHECKING:
    from ..demand.source import Source


def measured(job: dict[str, Any]) -> dict[str, Any]:
    """The record of the job's tests."""
    run = BaseRun()
    pytest.main(job["arguments"], plugins=[run, StandIns(Path(job["tree"])), GivenOptions(job["options"])])
    return run.record


class BaseRun:
    """A pytest plugin: keeps the tests that check a model, skips their bodies, keeps the record."""

    def __init__(self) -> None:
        self.record: dict[str, Any] = {"error": "the tests of the base did not run"}
        self.broken: list[str] = []
        self.timed: list[tuple[str, str]] = []  # limits for which both revisions are to be timed

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        compare_runs(session.config)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {str(report.longrepr).strip().splitlines()[-1]}")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        tests = checked_tests(config, items)
        items[:] = [test.item for test in tests]
        for test in tests:
            paired = [demand for demand in test.demands if demand.is_paired]
            self.timed += [(test.nodeid, demand.identity) for demand in paired]
            test.replace_body(partial(_note_subjects, test, [demand.source for demand in paired]))
            # times of two processes, minutes apart: a comparison of those is a coin flip
            test.demand_only(demand for demand in test.demands if not demand.check.paired)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        record = record_of(session.config, int(exitstatus))
        self.record = {**record, "broken": self.broken, "timed": self.timed}


def _note_subjects(test: CheckedTest, sources: Sequence[Source]) -> None:
    """In place of the body, which has nothing to do with the base: note subjects that are only timed."""
    for source in sources:
        with suppress(ModelCheckError):
            test.subject(source)
