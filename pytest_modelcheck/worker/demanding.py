"""What the other tree's own tests demand: they are collected on that tree's sources, and nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..plugin.measuring import checked_tests, demands_of
from ..records.entries import loss_entry
from .contained import Contained, last_line
from .given import GivenOptions

if TYPE_CHECKING:
    from ..records.types import CheckEntry, LossEntry


def demanded(job: dict[str, Any]) -> dict[str, Any]:
    """`own`: the demands of all tests that the job selects; `unknown`: why some files could not say theirs."""
    run = Collected(job)
    plugins = [run, Contained(job), GivenOptions(job["options"])]
    status = pytest.main([*job["arguments"], "--collect-only"], plugins=plugins)
    if not run.ended:
        return {"error": f"pytest ended with status {int(status)} before it had collected them"}
    return {"own": run.own, "unknown": run.unknown}


class Collected:
    """A pytest plugin: keeps what the tests demand, of those whose node ids begin with one of the job's `selected`."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.selected: list[str] = job["selected"]
        self.own: list[CheckEntry] = []
        self.unknown: list[LossEntry] = list(job["lost"])  # what earlier processes died of
        self.ended = False

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and report.nodeid not in (loss["nodeid"] for loss in self.unknown):
            self.unknown.append(loss_entry(report.nodeid, "collect", last_line(report)))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.ended = True
        for test in checked_tests(session.config, session.items):
            if any(_begins(test.nodeid, start) for start in self.selected):
                self.own += demands_of(test)


def _begins(nodeid: str, start: str) -> bool:
    return not start or nodeid == start or nodeid.startswith((f"{start}::", f"{start}/", f"{start}["))
