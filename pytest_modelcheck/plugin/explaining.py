"""Failed assertions about what we measure, explained in our own words."""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ..text import printable
from .state import state_of

if TYPE_CHECKING:
    from ..snapshots.assertion import TellingSnapshot
    from .state import Run

SNAPSHOTS = f"{__package__.rpartition('.')[0]}.snapshots.assertion"
SHORT, CI, WHOLE = (9, 660), (16, 4_000), (10**6, 10**9)
"""Lines of a block, and characters: what pytest cuts without -vv; in CI, where it cuts nothing; and all of it."""


class Explaining:
    """The hook of failed comparisons."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @pytest.hookimpl(tryfirst=True)  # before syrupy's
    def pytest_assertrepr_compare(
        self, config: pytest.Config, op: str, left: object, right: object
    ) -> list[str] | None:
        """What differs from a snapshot of ours, and the command that accepts it."""
        module = sys.modules.get(SNAPSHOTS)  # not loaded: nobody has one
        if module is None or op != "==":
            return None
        for snapshot, data in ((left, right), (right, left)):
            if isinstance(snapshot, module.TellingSnapshot):
                return self._explained(snapshot, data, getattr(config.option, "verbose", 0))
        return None

    def _explained(self, snapshot: TellingSnapshot, data: object, verbose: int) -> list[str] | None:
        item: Any = snapshot.test_location.item
        state = state_of(item)
        subject = state.recorder.owner(data)
        name = subject.name if subject is not None else str(getattr(data, "name", ""))
        command = shlex.join([item.nodeid, "--snapshot-update"])
        explanation = snapshot.explanation(printable(name), f"pytest {command}")
        if explanation is None:
            return None
        state.failure = printable(explanation.line)
        state.explained = explanation.title
        lines = explanation.block(*(WHOLE if verbose > 1 else CI if _is_in_ci() else SHORT))
        return [printable(line) for line in lines]


def _is_in_ci() -> bool:
    """As pytest says it."""
    return any(os.environ.get(name) for name in ("CI", "BUILD_NUMBER"))
