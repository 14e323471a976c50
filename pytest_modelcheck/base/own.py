"""What the base gated: the demands of its own tests, on its own sources. Their markers are read, nothing runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from typing_extensions import TypedDict

from ..records.entries import loss_entry
from ..records.load import MAX_BYTES
from ..records.schema import problem
from ..records.types import CheckEntry, LossEntry
from .attempts import Attempts
from .git import git
from .process import tail
from .testcode import SETTINGS, is_test_code

if TYPE_CHECKING:
    from .rerun import Rerun

WHAT = "collecting the base's own tests"


class Demands(TypedDict):
    """What the tests demand, and why that is not known of some."""

    own: list[CheckEntry]
    unknown: list[LossEntry]


class OwnTests:
    """The base's own tests within what the run selects; in its block a process may collect them, beside the one that
    measures. Where no test code differs from this tree's, these are the same tests, and no process is needed.
    """

    def __init__(
        self, run: Rerun, root: Path, folder: Path, job: dict[str, Any], changed: Sequence[str]
    ) -> None:
        self.run, self.root, self.tree = run, root, folder / "tree"
        self.folder, self.job, self.changed = folder / "own", job, changed
        self.selected = list(self._selected(job["moves"]["tests"]))
        self.ending = ExitStack()
        self.attempts: Attempts | None = None

    def __enter__(self) -> OwnTests:
        if self.changed and self.selected:
            self.folder.mkdir()
            attempts = Attempts(self.folder, self._job(), self._there(self.run.cwd), self.run.timeout, WHAT)
            self.attempts = self.ending.enter_context(attempts)
        return self

    def __exit__(self, *error: object) -> None:
        self.ending.close()

    @property
    def reads(self) -> list[Path]:
        """The file that says what the process read, if there is one."""
        return [self.attempts.reads] if self.attempts is not None else []

    def demands(self, of_same_tests: list[CheckEntry]) -> Demands:
        """What they demand; `of_same_tests`: what this tree's tests demand at the base."""
        if self.attempts is None:
            return {"own": [] if self.changed else of_same_tests, "unknown": []}
        error = self.attempts.error()
        return _nothing_known(error) if error else self._read(self.attempts.result)

    def _read(self, path: Path) -> Demands:
        try:
            found = json.loads(path.read_bytes()[:MAX_BYTES])
        except ValueError as error:
            return _nothing_known(f"the process for {WHAT} left no list: {error}")
        if "error" in found:
            return _nothing_known(f"{found['error']}\n{tail(self.folder / 'log')}")
        wrong = problem(found, Demands)
        return _nothing_known(f"the process for {WHAT} left no list: {wrong}") if wrong else found

    def _job(self) -> dict[str, Any]:
        arguments = [*self._arguments(), *dict.fromkeys(path for path, _ in self.selected)]
        return {
            **self.job,
            "patterns": None,
            "moves": None,
            "path": [str(self._there(Path(entry))) for entry in self.run.path],
            "arguments": arguments,
            "selected": [start for _, start in self.selected],
        }

    def _arguments(self) -> Iterator[str]:
        """The run's, with the base's paths in place of this tree's."""
        given = iter(self.run.arguments)
        for argument in given:
            if argument == "-c":
                file = self._there(Path(next(given)))
                yield from ("-c", str(file)) if file.exists() else ()
                continue
            option, equals, value = argument.rpartition("=")
            inside = Path(value).is_absolute() and Path(value).is_relative_to(self.root)
            yield f"{option}{equals}{self._there(Path(value))}" if inside else argument

    def _selected(self, moved: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Paths at the base for pytest, each with what the node ids begin with there: of all that this run names."""
        for given in self.run.tests:
            file, _, rest = given.partition("::")
            here = (self.run.cwd / file).resolve()
            if not here.is_relative_to(self.root):
                continue
            name = here.relative_to(self.root).as_posix()
            there = self.tree / moved.get(name, name)
            if there.exists():
                rootdir = self._there(self.run.rootdir)
                start = there.relative_to(rootdir).as_posix() if there.is_relative_to(rootdir) else ""
                yield str(there), f"{start}::{rest}" if rest else "" if start == "." else start

    def _there(self, path: Path) -> Path:
        """The same path at the base."""
        resolved = path.resolve()
        return self.tree / resolved.relative_to(self.root) if resolved.is_relative_to(self.root) else path


def changed_tests(root: Path, commit: str, index: Path, patterns: Sequence[str]) -> list[str]:
    """The test code, and the files that say which tests there are, that is another at the base, or not there."""
    names = git(root, "diff", "--name-only", "--no-renames", "-z", commit, index=index).split("\0")
    return [
        name
        for name in names
        if name and (is_test_code(PurePosixPath(name), patterns) or PurePosixPath(name).name in SETTINGS)
    ]


def _nothing_known(text: str) -> Demands:
    return {"own": [], "unknown": [loss_entry("", "process", text)]}
