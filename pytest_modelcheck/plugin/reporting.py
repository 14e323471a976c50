"""Collecting what tests saw, on the process that writes the report; record, report, terminal and GitHub at the end."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

from ..text import log_safe

if TYPE_CHECKING:
    from ..records.run import RunRecord
    from ..records.types import Record
    from .state import Run

GOOD = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)


class Reporting:
    """Hooks that hear of tests' reports, and of the end."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        run = self.run
        if run.settings.report or run.collected or hasattr(report, "modelcheck"):
            status = run.config.hook.pytest_report_teststatus(report=report, config=run.config)[0]
            part = getattr(report, "modelcheck", None)
            self._collected().log(report.nodeid, report.when or "", status, part)

    def _collected(self) -> RunRecord:
        if self.run.collected is None:
            from ..records.run import RunRecord

            self.run.collected = RunRecord()
        return self.run.collected

    def pytest_keyboard_interrupt(self) -> None:
        self.run.interrupted = True

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

    def _finish(self, session: pytest.Session, exitstatus: int) -> None:
        run = self.run
        if run.config.option.collectonly or not (run.collected or run.settings.report):
            return
        record = self._collected().build(int(exitstatus), run.config.rootpath, interrupted=run.interrupted)
        if run.base is not None:
            run.base.tell(record)
        run.record = record
        if run.settings.report and not self._write(record) and session.exitstatus in GOOD:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED  # it was asked for
        if self._tells_github(record):
            self._summarise(record)

    def _tells_github(self, record: Record) -> bool:
        if "GITHUB_ACTIONS" not in os.environ or not (record["checks"] or record["subjects"]):
            return False
        from ..report.github import active

        return active(self.run.settings.github)

    def _summarise(self, record: Record) -> None:
        from ..report.github import write_summary

        try:
            write_summary(record, self.run.registry)
        except OSError as error:  # in a container that knows the name of the file and has it not
            self.run.troubles.append(f"the job summary was not written: {error}")

    def _write(self, record: Record) -> bool:
        """Whether the report was written."""
        from ..errors import ModelCheckError
        from ..report.write import write_report

        try:
            self.run.report_path = write_report(record, self.run.settings.output, self.run.registry)
        except ModelCheckError as error:
            self.run.troubles.append(f"the report was not written: {error}")
        return self.run.report_path is not None

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._lines(terminalreporter):
            terminalreporter.write_line(log_safe(line))
        run = self.run
        if run.record is not None and self._tells_github(run.record):
            from ..report.github import commands

            for line in commands(run.record, run.config.rootpath):
                terminalreporter.ensure_newline()
                terminalreporter.write_line(line)
        for trouble in run.troubles:
            terminalreporter.write_line(log_safe(f"modelcheck: {trouble}"), red=True, bold=True)
        if run.report_path is not None:
            terminalreporter.write_line(f"modelcheck report: {run.report_path}")

    def _lines(self, reporter: pytest.TerminalReporter) -> Iterator[str]:
        """The table of checks, and what changed."""
        run, writer = self.run, reporter._tw
        if run.collected is not None and run.collected.checks:
            from ..report.terminal import summary_lines

            reporter.section("modelcheck")
            verbose = run.config.option.verbose > 0
            yield from summary_lines(self._shown(), writer.fullwidth, writer.hasmarkup, verbose)
        if run.record is not None and run.record.get("changes"):
            from ..report.terminal import changes_lines

            yield from changes_lines(run.record, run.registry)

    def _shown(self) -> Record:
        """The record; where the session ended before there was one, what had been collected."""
        if self.run.record is not None:
            return self.run.record
        return self._collected().build(1, self.run.config.rootpath, interrupted=self.run.interrupted)
