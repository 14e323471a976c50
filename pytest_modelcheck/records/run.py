"""The record of a run: collected from the tests' reports, on the process that writes the report."""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from .environment import environment
from .subjects import SubjectTable
from .types import (
    SCHEMA_VERSION,
    BoundEntry,
    CheckEntry,
    FailureEntry,
    PanelEntry,
    Record,
    RunEntry,
    TestPart,
)
from .unanswered import End, completed

BY_LIMITS = "by limits"


@dataclass(frozen=True)
class Phase:
    """One phase of a test, as pytest reported it.

    `when`: setup, call, teardown, or xdist's "???" for a test whose process died. `status`: in pytest's words, empty
    where the phase says nothing; `reason`: of a skip or an expected failure. `part`: the JSON that came with it.
    """

    nodeid: str
    when: str
    status: str
    reason: str = ""
    failure: FailureEntry | None = None
    part: str | None = None


@dataclass
class _Test:
    """What is known of one test."""

    parts: list[TestPart] = field(default_factory=list)
    status: str = ""
    reason: str = ""
    failures: list[FailureEntry] = field(default_factory=list)

    def see(self, phase: Phase) -> None:
        if phase.status and self.status not in ("failed", "error"):
            self.status, self.reason = phase.status, phase.reason
        if phase.failure is not None:
            self.failures.append(phase.failure)

    @property
    def failed_by_limits(self) -> bool:
        """Whether it failed, and by nothing but limits that were missed."""
        return len(self.failures) == 1 and any(part.get("is_by_limits") for part in self.parts)

    @property
    def end(self) -> End:
        return End(self.status, self.reason, tuple(self.failures))


class RunRecord:
    """Collects what the tests report, and builds the record."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.tests: dict[str, _Test] = {}
        self.planned: dict[str, list[CheckEntry]] = {}
        self.failures: dict[str, FailureEntry] = {}  # of files
        self.lost: list[str] = []
        self.environment: dict[str, str] = {}
        self.bounds: dict[str, list[BoundEntry]] = {}

    def log(self, phase: Phase) -> None:
        """Take one phase of a test."""
        if phase.when == "setup":  # with reruns only the last attempt counts
            self.tests.pop(phase.nodeid, None)
        if phase.when == "???":
            self.lost.append(phase.nodeid)
        self._test(phase.nodeid).see(phase)
        if phase.part:
            self.add(phase.nodeid, json.loads(phase.part))

    def _test(self, nodeid: str) -> _Test:
        return self.tests.setdefault(nodeid, _Test())

    def add(self, nodeid: str, part: TestPart) -> None:
        """Add what one phase of a test reported."""
        self.environment.update(part.get("environment", {}))
        self.planned.update(part.get("planned", {}))
        self.bounds.update(part.get("bounds", {}))
        self._test(nodeid).parts.append(part)

    def fail(self, failure: FailureEntry) -> None:
        """Note a file that could not be collected; each of xdist's workers tells it."""
        self.failures.setdefault(failure["nodeid"], failure)

    def ending(self, nodeid: str) -> str:
        """How a test ended, in pytest's words: "" where it did not run, "by limits" where it failed by these alone."""
        test = self.tests.get(nodeid)
        if test is None:
            return ""
        return BY_LIMITS if test.failed_by_limits else test.status

    @property
    def failed(self) -> int:
        """How many tests."""
        return sum(test.status in ("failed", "error") for test in self.tests.values())

    @property
    def waited(self) -> float:
        """Seconds that timed checks of all tests waited for each other."""
        parts = [part for test in self.tests.values() for part in test.parts]
        return sum(sum(part.get("waited", ())) for part in parts)

    def build(
        self, exit_status: int, root: Path, *, interrupted: bool = False, options: Sequence[str] = ()
    ) -> Record:
        """The whole record."""
        tests = [self.tests[nodeid] for nodeid in sorted(self.tests)]
        parts = [part for test in tests for part in test.parts]
        subjects = SubjectTable()
        for part in parts:
            for entry in part.get("subjects", ()):
                subjects.add(entry)
        checks = list(self._checks())
        panels = [cast("PanelEntry", {**panel}) for part in parts for panel in part.get("panels", ())]
        subjects.name(checks, panels)
        return {
            "schema_version": SCHEMA_VERSION,
            "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "environment": {**environment(root), **self.environment},
            "run": self._run(exit_status, interrupted, options),
            "subjects": subjects.entries,
            "checks": checks,
            "panels": panels,
            "failures": [*self.failures.values(), *(failure for test in tests for failure in test.failures)],
        }

    def _checks(self) -> Iterator[CheckEntry]:
        """What was demanded, test by test, with what became of it."""
        for nodeid in sorted({*self.tests, *self.planned}):
            test = self.tests.get(nodeid) or _Test()
            given = [cast("CheckEntry", {**check}) for part in test.parts for check in part.get("checks", ())]
            yield from completed(self.planned.get(nodeid, ()), given, test.end)

    def _run(self, exit_status: int, interrupted: bool, options: Sequence[str]) -> RunEntry:
        counts: dict[str, int] = {}
        for test in self.tests.values():
            if test.status:
                counts[test.status] = counts.get(test.status, 0) + 1
        return {
            "exit_status": exit_status,
            "options": list(options),
            "interrupted": interrupted,
            "seconds": round(time.monotonic() - self.started, 3),
            "tests": counts,
            "no_result": self.lost,
            "waited": round(self.waited, 3),
        }
