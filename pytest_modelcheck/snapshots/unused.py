"""Which stored files are unused: syrupy finds them, and may call so only those whose tests are known not to need them.

A test that was skipped, deselected, failed or never reached has not said what it needs, and a file of tests that could
not be collected says nothing about them. syrupy knows some of these cases, and those only for endings with one dot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import syrupy.session
from syrupy.data import SnapshotCollections
from syrupy.extensions.base import SnapshotCollectionStorage
from syrupy.location import PyTestLocation
from syrupy.report import SnapshotReport

from .files import is_ours, may_own


class CarefulReport(SnapshotReport):
    """syrupy's report of a run, without the stored files of ours that a test may still need."""

    uncollected: ClassVar[Sequence[Path]] = ()  # files and folders of tests that could not be
    cut_short: ClassVar[bool] = False  # the run: then nothing is unused, of whatever extension

    @property
    def unused(self) -> SnapshotCollections:  # a cached property in some releases
        """Overrides what summary, exit status and removal are made from."""
        found = SnapshotCollections()
        for collection in () if self.cut_short else super().unused:
            if not self._may_be_needed(Path(collection.location)):
                found.add(collection)
        return found

    def _may_be_needed(self, path: Path) -> bool:
        if not is_ours(path):
            return False
        lost = any(path.parent == _folder(tests) or path.is_relative_to(tests) for tests in self.uncollected)
        return lost or any(may_own(test, path.name) for test in self._undecided.get(path.parent, ()))

    @cached_property
    def _undecided(self) -> dict[Path, list[str]]:
        """By the folder of their stored files, the names of the tests that did not run to a good end."""
        names: dict[Path, list[str]] = {}
        for item in self.collected_items:
            status = self.selected_items.get(item.nodeid)
            if status is None or status.value != "passed":
                names.setdefault(_folder(item.path), []).append(PyTestLocation(item).snapshot_name)
        return names


def _folder(tests: Path) -> Path:
    """Where what a file of tests stores lies."""
    return tests.absolute().parent / SnapshotCollectionStorage.snapshot_dirname / tests.stem


def store_ours(uncollected: Sequence[Path]) -> bool:
    """Whether one of these files of tests has stored files of ours."""
    return any(path.is_file() and is_ours(path) for tests in uncollected for path in _folder(tests).glob("*"))


@contextmanager
def careful(uncollected: Sequence[Path], cut_short: bool) -> Iterator[None]:
    """Within this, syrupy's session ends with our report."""
    kind = type("CarefulReport", (CarefulReport,), {"uncollected": uncollected, "cut_short": cut_short})
    session: Any = syrupy.session
    before, session.SnapshotReport = session.SnapshotReport, kind
    try:
        yield
    finally:
        session.SnapshotReport = before
