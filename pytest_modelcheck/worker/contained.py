"""What ends a run of pytest costs only the file or the test that did it; and who watches sees where the run is."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import pytest

ENDING = (SystemExit, KeyboardInterrupt, pytest.exit.Exception)


class Contained:
    """A pytest plugin. Where the run is goes to the job's file `journal`, also read when this process dies; `lost` are
    the files and tests that others died of: these are not touched again.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.journal = Path(job["journal"])
        self.dead = {loss["nodeid"]: loss["reason"] for loss in job["lost"]}

    def note(self, phase: str, text: str) -> None:
        """Add a line to the journal."""
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(f"{phase} {text!a}\n")

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        self.note("collect", collector.nodeid)

    @pytest.hookimpl(tryfirst=True, specname="pytest_make_collect_report")
    def pytest_refuse_dead(self, collector: pytest.Collector) -> pytest.CollectReport | None:
        if isinstance(collector, pytest.Session) or collector.nodeid not in self.dead:
            return None
        return pytest.CollectReport(collector.nodeid, "failed", self.dead[collector.nodeid], [])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        try:
            return (yield)
        except ENDING as error:
            return pytest.CollectReport(collector.nodeid, "failed", _told(error), [])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        session.items[:] = [item for item in session.items if item.nodeid not in self.dead]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        self.note("call", item.nodeid)
        yield from _contained()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, None, None]:
        yield from _contained()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, None, None]:
        yield from _contained()


def _contained() -> Generator[None, None, None]:
    try:
        return (yield)
    except ENDING as error:
        raise RuntimeError(_told(error)) from None


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def last_line(report: pytest.CollectReport | pytest.TestReport) -> str:
    """A failure in one line: its last."""
    lines = str(report.longrepr).strip().splitlines()
    return (lines[-1] if lines else "it failed").removeprefix("E").strip()
