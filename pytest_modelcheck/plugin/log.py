"""What of ours goes to the log, made inert there: GitHub Actions takes lines in it for commands (`text.log_safe`).

pytest prints what its reports hold, so these are made inert, and what we write on its terminal ourselves. Errors and
warnings see to it themselves (`errors`), as do progress and the command line.
"""

from __future__ import annotations

from typing import TypeVar

import pytest
from _pytest._code.code import TerminalRepr

from ..text import log_safe

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
SECTION = "modelcheck"  # of a report, with a text of ours


def write(terminal: pytest.TerminalReporter, line: str, **markup: bool) -> None:
    """Print a line."""
    terminal.write_line(log_safe(line), **markup)


def inert(report: Report) -> Report:
    """The report, with a failure and sections of ours that run no commands."""
    report.longrepr = _inert(report.longrepr)  # type: ignore[assignment]  # of the same type
    report.sections = [(name, log_safe(text) if SECTION in name else text) for name, text in report.sections]
    return report


def _inert(shown: object) -> object:
    """A failure as pytest shows it: text, or a tree of objects with lines."""
    if isinstance(shown, str):
        return log_safe(shown)
    if isinstance(shown, (list, tuple)):
        return type(shown)(_inert(part) for part in shown)
    if isinstance(shown, TerminalRepr):
        for name, part in vars(shown).items():
            setattr(shown, name, _inert(part))
    return shown
