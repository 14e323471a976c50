"""pytest's reports, read into what a record holds of them."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Literal, cast

import pytest

from ..errors import in_short
from ..records.run import Phase
from ..records.types import FailureEntry
from .state import nodeid_of

Report = pytest.TestReport | pytest.CollectReport

PACKAGE = Path(__file__).parents[1]
KEPT = 4_000  # characters of what pytest prints of a failure; its end says what happened
_PHASES = {"setup": "setup", "call": "call", "teardown": "teardown", "???": "process"}


def phase_of(report: pytest.TestReport, config: pytest.Config) -> Phase:
    """One phase of a test."""
    known = config.hook.pytest_report_teststatus(report=report, config=config)
    status = known[0] if known else report.outcome  # with `-p no:terminal` nobody has a word for it
    name = _PHASES.get(report.when or "", "call")
    return Phase(
        nodeid_of(report, config),
        report.when or "",
        status,
        _reason(report),
        failure_of(report, name, config) if report.failed else None,
        getattr(report, "modelcheck", None),
    )


def failure_of(report: Report, phase: str, config: pytest.Config) -> FailureEntry:
    """A failed report as an entry."""
    text = str(report.longreprtext).strip()
    said = (
        report.longrepr if isinstance(report.longrepr, str) else text
    )  # without a line about xdist's worker
    where, message = _crash(report, config.rootpath) or ("", _last_error(said))
    return {
        "nodeid": nodeid_of(report, config) if isinstance(report, pytest.TestReport) else report.nodeid,
        "phase": cast("Literal['collect', 'setup', 'call', 'teardown', 'process']", phase),
        "where": where,
        "message": message or "failed",
        "text": text[-KEPT:],
    }


def failure_at_the_end(error: BaseException, root: Path) -> FailureEntry:
    """What was raised when all tests had run."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    path = Path(last.filename)
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return {
        "nodeid": "the end of the run",
        "phase": "teardown",
        "where": f"{inside.as_posix()}:{last.lineno}",
        "message": in_short(error),
        "text": "".join(traceback.format_exception(error))[-KEPT:],
    }


def _crash(report: Report, root: Path) -> tuple[str, str] | None:
    """Where and with what it ended; where we failed it, it is the test that failed."""
    crash = getattr(report.longrepr, "reprcrash", None) or _of_doctest(report.longrepr)
    if crash is None:
        return None
    path, line = Path(crash.path), crash.lineno or 0
    if path.is_relative_to(PACKAGE) and report.location is not None:
        file, before, _ = report.location
        path, line = root / file, (before or 0) + 1
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{inside.as_posix()}:{line}", _first_line(crash.message)


def _of_doctest(shown: object) -> Any:
    places = getattr(shown, "reprlocation_lines", ())
    return places[0][0] if places else None


def _last_error(text: str) -> str:
    """pytest marks the lines of an error; a text without is one."""
    lines = text.splitlines()
    marked = [line[1:].strip() for line in lines if line.startswith("E ")]
    return marked[-1] if marked else _first_line(text)


def _first_line(text: str) -> str:
    return next((line.strip() for line in str(text).splitlines() if line.strip()), "")


def _reason(report: pytest.TestReport) -> str:
    """Why a test was skipped, or expected to fail."""
    if hasattr(report, "wasxfail"):
        return str(report.wasxfail).removeprefix("reason: ")
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return ""
