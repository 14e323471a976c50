"""Measure the base: its sources in a worktree, this tree's tests in a process of its own, a record as the result."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from ..records.load import MAX_BYTES, RecordError, read_record
from ..records.section import Catalogue
from .asking import Asking, socket_in
from .attempts import Attempts
from .contents import fill
from .git import (
    BaseError,
    changed_dependencies,
    files,
    merge_base,
    own_prefix,
    sweep,
    toplevel,
    worktree,
)
from .gone import marked_tests
from .kept import Kept
from .moves import Moves, find_moves
from .own import OwnTests, changed_tests
from .pairs import measure_pairs
from .process import tail
from .rerun import Rerun
from .testcode import is_test_code

WINDOWS = sys.platform == "win32"


def find_base(run: Rerun, revision: str) -> str:
    """The commit that is the base. Raises BaseError where there is no such revision or no merge-base."""
    if WINDOWS:
        raise BaseError(
            "measuring another revision needs the process groups of POSIX systems, which Windows has not.\n"
            "Write a report there (--modelcheck-report) and compare with it: --modelcheck-base-report=PATH"
        )
    return merge_base(toplevel(run.rootdir), revision)


def measure_base(
    run: Rerun, commit: str, catalogue: Catalogue, stay: ExitStack
) -> tuple[dict[str, Any], Asking]:
    """The record of `commit`, kept from an earlier run or measured; `{"error": ...}` if it could not be. And who asks
    its models: the process that measured lives, with its sources, until `stay` is closed; of a record that was kept one
    is started when it is first asked.

    Raises BaseError where git fails. Nothing stays behind.
    """
    root, started = toplevel(run.rootdir), time.monotonic()
    sweep(root)
    with tempfile.TemporaryDirectory(prefix=own_prefix()) as scratch:
        moves = find_moves(root, commit, Path(scratch), run.patterns)
        changed = changed_tests(root, commit, Path(scratch) / "index", run.patterns)
    kept = Kept(run.kept, _facts(run, root, commit, moves, changed))
    record, notes = kept.find(catalogue), list[str]()
    there = _There(run, root, commit, moves, stay)
    asking = Asking("", run.timeout, there.serve)
    if record is None or record.get("timed"):
        _ = there.job
        notes = there.notes
        if record is None:
            record, reads = _measured(there, changed, catalogue)
            kept.keep({**record, "notes": notes}, reads, catalogue)
            asking.address = there.address
        if record.get("timed"):
            record["pairs"] = measure_pairs(there.folder, there.job, record["timed"], run.cwd, run.timeout)
    record["seconds"] = round(time.monotonic() - started, 3)
    if "error" in record:
        return {**record, "error": "\n".join([record["error"], *notes])}, asking
    record["environment"]["commit"] = commit
    record |= {
        "marked": list(_marked(run, root, changed)),
        "moves": {"tests": _from(run.rootdir, root, moves["tests"]), "names": _renamed(moves)},
        "dependencies": changed_dependencies(root, commit),
        "notes": notes,
    }
    return record, asking


class _There:
    """The base's sources in a folder, and a process with them; made when they are first needed, gone with `stay`."""

    def __init__(self, run: Rerun, root: Path, commit: str, moves: Moves, stay: ExitStack) -> None:
        self.run, self.root, self.commit, self.moves, self.stay = run, root, commit, moves, stay
        self.notes: list[str] = []

    @cached_property
    def folder(self) -> Path:
        """The worktree's."""
        return self.stay.enter_context(worktree(self.root, self.commit))

    @cached_property
    def job(self) -> dict[str, Any]:
        """What the processes at the base are told."""
        self.notes = fill(self.root, self.folder / "tree", self.commit)
        return _job(self.run, self.root, self.folder, self.moves)

    @cached_property
    def address(self) -> str:
        """Where its models can be asked."""
        return self.stay.enter_context(socket_in(self.folder))

    def process(self, *, alone: bool = False) -> Attempts:
        """One that measures, and then answers; `alone`: that only answers."""
        serve = {"address": self.address, "alone": alone, "arguments": list(self.run.arguments)}
        given = {**self.job, "arguments": [*self.run.arguments, *self.run.tests]}
        given |= {"serve": serve} if self.address else {}
        what = "asking the base" if alone else "measuring the base"
        return self.stay.enter_context(Attempts(self.folder, given, self.run.cwd, self.run.timeout, what))

    def serve(self) -> str:
        """Start one that answers; where. Raises BaseError where it does not."""
        error = self.process(alone=True).error() if self.address else ""
        if error:
            raise BaseError(error)
        return self.address


def _measured(
    there: _There, changed: Sequence[str], catalogue: Catalogue
) -> tuple[dict[str, Any], list[Path]]:
    """The record, or its `error`; and the files that say what its processes read."""
    run, folder = there.run, there.folder
    with OwnTests(run, there.root, folder, there.job, changed) as own:
        attempts = there.process()
        error = attempts.error()
        record: dict[str, Any] = {"error": error} if error else _read(attempts.result, folder, catalogue)
        if "error" not in record:
            record |= own.demands(record["own"])
        return record, [attempts.reads, *own.reads]


def _marked(run: Rerun, root: Path, changed: Sequence[str]) -> Iterator[str]:
    """Tests that check a model in test files that differ from the base's, read from their sources."""
    for name in changed:
        path = root / name
        if path.suffix == ".py" and path.is_file() and path.is_relative_to(run.rootdir):
            tests = marked_tests(path.read_text("utf-8", errors="replace"), run.names)
            yield from (f"{path.relative_to(run.rootdir).as_posix()}::{test}" for test in tests)


def _from(rootdir: Path, root: Path, moved: Mapping[str, str]) -> dict[str, str]:
    """Files of the repository as node ids have them, which are relative to pytest's own root."""
    both = ((root / new, root / old) for new, old in moved.items())
    return {
        new.relative_to(rootdir).as_posix(): old.relative_to(rootdir).as_posix()
        for new, old in both
        if new.is_relative_to(rootdir) and old.is_relative_to(rootdir)
    }


def _renamed(moves: Moves) -> dict[str, str]:
    """Names of definitions that have another one at the base."""
    return {new: old for table in moves["names"].values() for new, (_, old) in table.items() if new != old}


def _facts(run: Rerun, root: Path, commit: str, moves: Moves, changed: Sequence[str]) -> dict[str, object]:
    """What a base's record is made from, besides what the processes that measure it read.

    Of this tree's files the names of the test code: what is new there may be collected.
    """
    tests = [name for name in files(root) if is_test_code(Path(name), run.patterns)]
    asked = {
        name: getattr(run, name) for name in ("rootdir", "cwd", "path", "patterns", "arguments", "tests")
    }
    known = {"commit": commit, "root": root, "options": dict(run.options), "moves": moves, "changed": changed}
    return {**known, "code": tests, **asked}


def _job(run: Rerun, root: Path, folder: Path, moves: Moves) -> dict[str, Any]:
    """What the processes at the base are told, as JSON."""
    return {
        "root": str(root),
        "rootdir": str(run.rootdir),
        "tree": str(folder / "tree"),
        "files": files(root),
        "patterns": list(run.patterns),
        "path": list(run.path),
        "arguments": list(run.arguments),
        "options": dict(run.options),
        "moves": moves,
    }


def _read(path: Path, folder: Path, catalogue: Catalogue) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes()[:MAX_BYTES])
        if found.get("error"):
            log = tail(folder / "log") if found.get("see_log") else ""
            return {"error": f"{found['error']}\n{log}".rstrip()}
        return {**read_record(path, catalogue)}
    except (RecordError, ValueError, AttributeError) as error:
        return {"error": f"the process that measures the base left no record: {error}"}
