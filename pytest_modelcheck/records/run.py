"""The record of a run: collected from the tests' reports, on the process that writes the report."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path
from typing import cast

from .environment import environment
from .subjects import SubjectTable
from .types import SCHEMA_VERSION, CheckEntry, PanelEntry, Record, RunEntry, TestPart


class RunRecord:
    """Collects what the tests report, and builds the record."""

    def __init__(self) -> None:
        self.started = time.time()
        self.tests: dict[str, list[TestPart]] = {}
        self.outcomes: dict[str, str] = {}
        self.lost: list[str] = []
        self.environment: dict[str, str] = {}

    def log(self, nodeid: str, when: str, status: str, part: str | None) -> None:
        """Take one phase of a test: its status as pytest names it, and the JSON that came with its report."""
        if when == "setup":  # with reruns only the last attempt counts
            self.tests.pop(nodeid, None)
            self.outcomes.pop(nodeid, None)
        if when == "???":  # xdist's word for a test whose worker died
            self.lost.append(nodeid)
        if status and self.outcomes.get(nodeid) not in ("failed", "error"):
            self.outcomes[nodeid] = status
        if part:
            self.add(nodeid, json.loads(part))

    def add(self, nodeid: str, part: TestPart) -> None:
        """Add what one phase of a test reported."""
        self.environment.update(part.get("environment", {}))
        self.tests.setdefault(nodeid, []).append(part)

    @property
    def checks(self) -> list[CheckEntry]:
        """All checks, in the order in which the tests were reported."""
        return [check for parts in self.tests.values() for part in parts for check in part.get("checks", ())]

    @property
    def waited(self) -> float:
        """Seconds that timed checks of all tests waited for each other."""
        return sum(sum(part.get("waited", ())) for parts in self.tests.values() for part in parts)

    def build(self, exit_status: int, root: Path, *, interrupted: bool = False) -> Record:
        """The whole record."""
        parts = [part for nodeid in sorted(self.tests) for part in self.tests[nodeid]]
        subjects = SubjectTable()
        for part in parts:
            for entry in part.get("subjects", ()):
                subjects.add(entry)
        checks = [cast("CheckEntry", {**check}) for part in parts for check in part.get("checks", ())]
        panels = [cast("PanelEntry", {**panel}) for part in parts for panel in part.get("panels", ())]
        subjects.name(checks, panels)
        return {
            "schema_version": SCHEMA_VERSION,
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "environment": {**environment(root), **self.environment},
            "run": self._run(exit_status, interrupted),
            "subjects": subjects.entries,
            "checks": checks,
            "panels": panels,
        }

    def _run(self, exit_status: int, interrupted: bool) -> RunEntry:
        counts: dict[str, int] = {}
        for outcome in self.outcomes.values():
            counts[outcome] = counts.get(outcome, 0) + 1
        return {
            "exit_status": exit_status,
            "interrupted": interrupted,
            "seconds": round(time.time() - self.started, 3),
            "tests": counts,
            "no_result": self.lost,
            "waited": round(self.waited, 3),
        }
