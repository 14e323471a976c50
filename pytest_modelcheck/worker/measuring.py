"""This tree's tests, measuring only: what they demand of the other tree's sources, without their bodies."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from _pytest.config import ConftestImportFailure

from ..plugin.measuring import CheckedTest, checked_tests, compare_runs, demands_of, record_of
from ..records.entries import loss_entry
from .absence import absent, reason
from .contained import ENDING, Contained, last_line
from .given import GivenOptions
from .standins import Imports

if TYPE_CHECKING:
    from ..demand.plan import Demand
    from ..records.types import CheckEntry, LossEntry, LossPhase
    from .redirect import Redirect


def measured(job: dict[str, Any], redirect: Redirect) -> dict[str, Any]:
    """The record of the job's tests."""
    with Imports(redirect) as imports:
        contained = Contained(job)
        run = BaseRun(job, imports, contained)
        pytest.main(job["arguments"], plugins=[run, contained, GivenOptions(job["options"])])
    return run.record


class BaseRun:
    """A pytest plugin: keeps the tests that check a model, skips their bodies, keeps the record; and why there is no
    figure of a file, a test or one of its subjects.
    """

    def __init__(self, job: dict[str, Any], imports: Imports, contained: Contained) -> None:
        self.tree, self.imports, self.contained = Path(job["tree"]), imports, contained
        self.lost: list[LossEntry] = list(job["lost"])
        self.paired: list[tuple[str, Demand]] = []  # for which both revisions are to be timed
        self.demanded: list[CheckEntry] = []
        self.record: dict[str, Any] = {"error": "the tests of the base did not run", "see_log": True}

    def _lose(self, nodeid: str, phase: LossPhase, text: str, *, source: str = "", lacks: str = "") -> None:
        known = {(loss["nodeid"], loss["source"]) for loss in self.lost}
        if (nodeid, source) not in known:
            self.lost.append(loss_entry(nodeid, phase, text, source=source, absent=lacks))

    def pytest_exception_interact(
        self, node: Any, call: pytest.CallInfo[Any], report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        error = call.excinfo.value if call.excinfo is not None else None
        if error is None or (report.when == "call" and isinstance(error, pytest.fail.Exception)):
            return  # our own verdicts; the record has them
        lacks = absent(error, self.tree)
        phase = cast("LossPhase", report.when or "call")
        self._lose(node.nodeid, phase, reason(error, self.tree), lacks=lacks)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self) -> Generator[None, None, None]:
        """A conftest file that fails on the base's sources ends pytest before there is any report."""
        try:
            return (yield)
        except (Exception, *ENDING) as error:
            file = f"{Path(error.path).name}: " if isinstance(error, ConftestImportFailure) else ""
            self.record = {"error": f"{file}{reason(error, self.tree)}"}
            raise pytest.UsageError(self.record["error"]) from error

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        compare_runs(session.config)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if not report.passed:
            self._lose(report.nodeid, "skip" if report.skipped else "collect", _said(report))

    # Before those are left out that others died of: they demand what they demand.
    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        tests = checked_tests(session.config, session.items)
        self.demanded = [entry for test in tests for entry in demands_of(test)]
        session.items[:] = [test.item for test in tests]
        self.contained.note("tests", str(len(tests)))
        for test in tests:
            self.paired += [(test.nodeid, demand) for demand in test.demands if demand.is_paired]
            test.replace_body(lambda: None)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """The subjects first: one that cannot be made costs what is demanded of it alone."""
        test = CheckedTest(item)
        for demand in test.demands:
            try:
                test.subject(demand.source)
            except (Exception, *ENDING) as error:
                lacks = absent(error, self.tree)
                self._lose(
                    item.nodeid, "call", reason(error, self.tree), source=demand.source.written, lacks=lacks
                )
        lost = {loss["source"] for loss in self.lost if loss["nodeid"] == item.nodeid}
        # times of two processes, minutes apart: a comparison of those is a coin flip
        test.demand_only(d for d in test.demands if not (d.check.paired or d.source.written in lost))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and report.when != "teardown":
            self._lose(report.nodeid, "skip", _said(report))

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self._lose("", "call", f"pytest itself failed: {reason(excinfo.value, self.tree)}")

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        record = record_of(session.config, int(exitstatus))
        lost = {(loss["nodeid"], loss["source"]) for loss in self.lost}
        timed = [
            (nodeid, demand.identity)
            for nodeid, demand in self.paired
            if not {(nodeid, ""), (nodeid, demand.source.written)} & lost
        ]
        self.record = {
            **record,
            "lost": self.lost,
            "timed": timed,
            "own": self.demanded,
            "uses": {
                os.path.relpath(file, session.config.rootpath): found
                for file, found in self.imports.uses.items()
            },
        }


def _said(report: pytest.CollectReport | pytest.TestReport) -> str:
    """A report that did not pass, in one line."""
    if report.skipped:
        shown = report.longrepr
        text = shown[2] if isinstance(shown, tuple) else getattr(report, "wasxfail", "expected to fail")
        return f"skipped at the base: {str(text).removeprefix('Skipped: ')}"
    return last_line(report)
