"""Failures of ours as pytest shows them: whole once, in one line elsewhere, and in colour where the terminal has it."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest
from _pytest._code.code import ExceptionChainRepr, ReprFileLocation, TerminalRepr
from _pytest._io import TerminalWriter

from ..errors import ModelCheckError
from ..text import log_safe

if TYPE_CHECKING:
    from .state import ItemState

OURS = "modelcheck_told"  # on a report, travels with it: its failure is a text of ours
_TITLE = re.compile(r"modelcheck: |next: ")
_LABEL = re.compile(r"  (\S.{0,11}\S|\S) {2,}")


def shorten_crash(report: pytest.TestReport, error: BaseException, state: ItemState) -> None:
    """Leave one line of what pytest repeats of a failure that we explain, with the test's place where we raised it.

    pytest's short summary has this line, whole under CI; so have `--tb=line` and JUnit's `message`.
    """
    crash = getattr(report.longrepr, "reprcrash", None)
    if not isinstance(crash, ReprFileLocation):
        return
    if error is state.raised:
        path, line, _ = state.item.location
        crash.message = log_safe(state.failure)
        crash.path, crash.lineno = str(state.run.config.rootpath / path), (line or 0) + 1
        setattr(report, OURS, True)
    elif isinstance(error, AssertionError) and state.explained and state.explained in str(error):
        crash.message = log_safe(state.failure)
    elif isinstance(error, ModelCheckError):
        crash.message = crash.message.partition("\n")[0]


def paint(report: pytest.TestReport, config: pytest.Config) -> None:
    """Have a failure of ours shown in colour, on the process that has the terminal; with `--tb=line` not at all, where
    pytest prints its line beside it.
    """
    shown = report.longrepr
    if hasattr(report, OURS) and isinstance(shown, ExceptionChainRepr):
        report.longrepr = painted = Painted(shown.chain)
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and config.option.tbstyle == "line":
            painted.hidden_from = terminal._tw


class Painted(ExceptionChainRepr):
    """A failure of ours; as a string it has no colours, whatever the environment says."""

    hidden_from: TerminalWriter | None = None

    def toterminal(self, tw: TerminalWriter) -> None:
        """Titles in bold, the first in red; labels faint."""
        if tw is self.hidden_from:
            return
        text = str(self)
        for number, line in enumerate(text.splitlines() if tw.hasmarkup else ()):
            _write(tw, line, number == 0)
        if not tw.hasmarkup:
            tw.line(text)

    def __str__(self) -> str:
        return plain(self.reprtraceback)


def plain(shown: TerminalRepr) -> str:
    """As pytest prints it where there are no colours: it asks the environment for them, whatever it writes to."""
    text = io.StringIO()
    writer = TerminalWriter(text)
    writer.hasmarkup = False
    shown.toterminal(writer)
    return text.getvalue().strip()


def _write(tw: TerminalWriter, line: str, is_first: bool) -> None:
    label = _LABEL.match(line)
    if is_first:
        tw.line(line, bold=True, red=True)
    elif label is not None:
        tw.write(label[0], light=True)
        tw.line(line[label.end() :])
    else:
        tw.line(line, bold=not line.startswith(" "))
