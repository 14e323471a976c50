"""Collecting what tests saw, on the process that writes the report; record, report, terminal and GitHub at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from .log import write

if TYPE_CHECKING:
    from ..records.run import RunRecord
    from ..records.types import Record
    from .state import Run

GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Reporting:
    """Hooks that hear of tests' reports, and of the end."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.before = sys.exc_info()[1]  # who calls pytest may be handling an error of his own

    @pytest.hookimpl(tryfirst=True)  # before the terminal's
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        run = self.run
        if run.settings.report or run.collected or hasattr(report, "modelcheck"):
            from .phases import phase_of

            self._collected().log(phase_of(report, run.config))
        if report.failed and run.collected is not None:  # a suite without checks does not pay for it
            from .failing import paint

            paint(report, run.config)

    def _collected(self) -> RunRecord:
        if self.run.collected is None:
            from ..records.run import RunRecord

            self.run.collected = RunRecord()
        return self.run.collected

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.run.interrupted = excinfo.type is KeyboardInterrupt or not self._enough_failed()

    def _enough_failed(self) -> bool:
        """As many as `--maxfail` allows: xdist ends the run by an interrupt of its own then."""
        most = self.run.config.getoption("maxfail")
        return bool(most) and self.run.collected is not None and self.run.collected.failed >= most

    @pytest.hookimpl(
        wrapper=True, trylast=True
    )  # after all others, also one that raises; before the terminal's
    def pytest_sessionfinish(
        self, session: pytest.Session, exitstatus: int
    ) -> Generator[None, object, object]:
        try:
            return (yield)
        finally:
            self._finish(session, exitstatus)

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self) -> None:
        """What ends pytest after the record was built makes the run red: an interrupt, or a plugin that raises."""
        error, record = sys.exc_info()[1], self.run.record
        if error is None or error is self.before or record is None:
            return
        from .phases import failure_at_the_end

        interrupted = isinstance(error, KeyboardInterrupt)
        status = pytest.ExitCode.INTERRUPTED if interrupted else pytest.ExitCode.TESTS_FAILED
        record["run"]["exit_status"] = record["run"]["exit_status"] or int(status)
        record["run"]["interrupted"] |= interrupted
        record["failures"] = [
            *record.get("failures", []),
            failure_at_the_end(error, self.run.config.rootpath),
        ]
        if self.run.settings.report:
            self._write(record)

    def _finish(self, session: pytest.Session, exitstatus: int) -> None:
        run = self.run
        seen = run.is_awake or run.collected or run.base
        if not run.runs_tests or not (seen or run.settings.report):
            return
        run.record = record = self._record(session, int(exitstatus))
        if run.settings.updates:
            self._write_limits(record, int(exitstatus))
        is_written = not run.settings.report or self._write(record)
        if session.exitstatus in GOOD and not (is_written and record["run"]["exit_status"] in GOOD):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if self._tells_github(record):
            self._summarise(record)

    def _record(self, session: pytest.Session, exit_status: int) -> Record:
        """What was seen, what was demanded and never came to run, and what changed since the base.

        A check that is bad in it, or never came to run, makes the run red, whatever pytest knows of it.
        """
        from ..records.outcome import lost_checks
        from .announcing import Announcements
        from .phases import failure_of
        from .state import nodeid_of

        run, collected = self.run, self._collected()
        for report in run.uncollected:
            collected.fail(failure_of(report, "collect", run.config))
        # none ran where a file could not be collected
        untold = [
            item
            for item in getattr(session, "items", ())
            if nodeid_of(item, run.config) not in collected.planned
        ]
        collected.planned |= Announcements(run).of(untold)
        record = collected.build(
            exit_status, run.config.rootpath, interrupted=run.interrupted, options=run.settings.deciding
        )
        if run.base is not None:
            run.base.tell(record)
        if exit_status in GOOD and lost_checks(record):
            record["run"]["exit_status"] = int(pytest.ExitCode.TESTS_FAILED)
        return record

    def _tells_github(self, record: Record) -> bool:
        known = record["checks"] or record["subjects"] or record.get("failures")
        if "GITHUB_ACTIONS" not in os.environ or not known:
            return False
        from ..report.github import active

        return active(self.run.settings.github)

    def _summarise(self, record: Record) -> None:
        from ..report.github import write_summary

        try:
            write_summary(record, self.run.registry, self._updates_markdown())
        except OSError as error:  # in a container that knows the name of the file and has it not
            self.run.troubles.append(f"the job summary was not written: {error}")

    def _write_limits(self, record: Record, exit_status: int) -> None:
        from .updating import write_limits

        try:
            self.run.updates = write_limits(self.run, record, exit_status)
            if self.run.updates is None:
                self.run.troubles.append("no limit was written: the run did not come to its end")
        except Exception as error:  # the report is to be written all the same
            self.run.troubles.append(f"limits could not be written: {type(error).__name__}: {error}")

    def _updates_markdown(self) -> str:
        if self.run.updates is None:
            return ""
        from ..updating.tell import markdown

        return markdown(self.run.updates)

    def _write(self, record: Record) -> bool:
        """Whether the report was written."""
        from ..errors import ModelCheckError
        from ..report.write import write_report

        try:
            self.run.report_path = write_report(
                record, self.run.settings.output, self.run.registry, made=self.run.makes_folder
            )
        except ModelCheckError as error:
            self.run.troubles.append(f"the report was not written: {error}")
        except Exception as error:  # of what a third party registered, or ours
            told = f"{type(error).__name__}: {error}"
            self.run.troubles.append(f"the page could not be drawn, there is report.json alone: {told}")
        return self.run.report_path is not None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._lines(terminalreporter):
            write(terminalreporter, line)
        run = self.run
        if run.record is not None and self._tells_github(run.record):
            from ..report.github import commands

            for line in commands(run.record, run.config.rootpath):
                terminalreporter.ensure_newline()
                terminalreporter.write_line(line)
        for trouble in run.troubles:
            write(terminalreporter, f"modelcheck: {trouble}", red=True, bold=True)
        if run.report_path is not None:
            write(terminalreporter, f"modelcheck report: {run.report_path}")

    def _lines(self, reporter: pytest.TerminalReporter) -> Iterator[str]:
        """The table of checks, and what changed."""
        run, writer = self.run, reporter._tw
        if run.record is not None and run.record["checks"]:
            from ..report.terminal import summary_lines

            reporter.section("modelcheck")
            verbose = run.config.option.verbose
            yield from summary_lines(run.record, writer.fullwidth, writer.hasmarkup, verbose)
        if run.record is not None and run.record.get("changes"):
            from ..report.terminal import changes_lines

            yield from changes_lines(run.record, run.registry)
        if run.updates is not None:
            from ..updating.tell import lines

            yield from lines(run.updates)
