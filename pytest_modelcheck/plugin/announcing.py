"""What tests demand, told before any of it runs: so nothing that is lost on the way can count as good."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest

from .state import nodeid_of, state_of

if TYPE_CHECKING:
    from ..demand.plan import Plan
    from ..records.types import CheckEntry, TestPart
    from .state import Run


class Announcements:
    """The demands of tests as entries of a record, each told once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self._told: dict[str, Plan] = {}
        self._is_first = True

    def ahead(self, item: pytest.Item) -> None:
        """From one of xdist's workers, which may die in the first test's fixtures: a report of its own, of a setup."""
        if self._is_first and self.run.is_worker and (told := self.at_setup(item)):
            from ..records.plain import to_json

            report = pytest.TestReport(item.nodeid, item.location, {}, "passed", None, "setup")
            report.modelcheck = to_json(told)  # type: ignore[attr-defined]
            item.ihook.pytest_runtest_logreport(report=report)

    def at_setup(self, item: pytest.Item) -> TestPart:
        """Of all tests with the first one of this process; later of those that a hook or fixture gave more markers."""
        items = item.session.items if self._is_first else [item]
        self._is_first = False
        if not (planned := self.of(items)):
            return {}
        told: TestPart = {"planned": planned}
        if self.run.bounds is not None:
            told["bounds"] = self.run.bounds(items)
        return told

    def of(self, items: Iterable[pytest.Item]) -> dict[str, list[CheckEntry]]:
        """What was not told yet, by node id."""
        return {
            nodeid_of(item, self.run.config): entries for item in items if (entries := self._entries(item))
        }

    def _entries(self, item: pytest.Item) -> list[CheckEntry]:
        if not self.run.marks(item):
            return []
        plan = state_of(item).plan
        if self._told.get(item.nodeid) is plan:
            return []
        self._told[item.nodeid] = plan
        return planned_entries(nodeid_of(item, self.run.config), plan)


def planned_entries(nodeid: str, plan: Plan) -> list[CheckEntry]:
    """The entries of a test of which nothing ran yet."""
    from ..records.entries import check_entry
    from ..verdict.judge import Outcome
    from ..verdict.message import tell

    verdicts = [demand.unmeasured(Outcome.NOT_RUN) for demand in plan.demands]
    return [check_entry(nodeid, tell(verdict)) for verdict in verdicts]
