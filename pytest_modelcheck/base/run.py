"""Measure the base: its sources in a worktree, this tree's tests in a process of its own, a record as the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..progress import busy
from ..records.load import MAX_BYTES, RecordError, read_record
from ..records.section import Catalogue
from .contents import fill
from .git import BaseError, changed_dependencies, files, merge_base, toplevel, worktree
from .gone import gone_checks
from .kept import Kept
from .pairs import measure_pairs
from .process import supervise, tail
from .testcode import is_test_code

WINDOWS = sys.platform == "win32"


@dataclass(frozen=True)
class Rerun:
    """A run of pytest, as another process can repeat it: what it collects, where, with which options.

    `path` is its sys.path, `patterns` name its test files, `options` are those that conftest files declare, `names`
    the markers and fixtures that check a model; `timeout` in seconds; `kept` is a folder that keeps records of bases.
    """

    rootdir: Path
    cwd: Path
    path: Sequence[str]
    patterns: Sequence[str]
    arguments: Sequence[str]
    tests: Sequence[str]
    options: Mapping[str, Any]
    names: Sequence[str]
    timeout: float
    kept: Path | None = None


def measure_base(run: Rerun, revision: str, catalogue: Catalogue) -> dict[str, Any]:
    """The record of the merge-base with `revision`; `{"error": ...}` if it could not be measured.

    Raises BaseError where there is no such revision or no merge-base. Nothing stays behind.
    """
    if WINDOWS:
        raise BaseError(
            "measuring another revision needs the process groups of POSIX systems, which Windows has not.\n"
            "Write a report there (--modelcheck-report) and compare with it: --modelcheck-base-report=PATH"
        )
    root = toplevel(run.rootdir)
    commit = merge_base(root, revision)
    kept, notes = Kept(run.kept, _facts(run, root, commit)), []
    record = kept.find(catalogue)
    if record is None or record.get("timed"):
        with worktree(root, commit) as folder:
            notes = fill(root, folder / "tree", commit)
            job = _job(run, root, folder)
            if record is None:
                with busy("measuring the base"):
                    record = _run(folder, {**job, "arguments": [*run.arguments, *run.tests]}, run, catalogue)
                kept.keep({**record, "notes": notes}, [folder / "reads.json"], catalogue)
            if record.get("timed"):
                record["pairs"] = measure_pairs(folder, job, record["timed"], run.cwd, run.timeout)
    if "error" in record:
        return {"error": "\n".join([record["error"], *notes])}
    record["environment"]["commit"] = commit
    return {
        **record,
        "dependencies": changed_dependencies(root, commit),
        "gone": gone_checks(root, commit, run.patterns, run.names),
        "notes": notes,
    }


def _facts(run: Rerun, root: Path, commit: str) -> dict[str, object]:
    """What a base's record is made from, besides what the process that measures it reads.

    Of this tree's files the names of the test code: what is new there may be collected.
    """
    tests = [name for name in files(root) if is_test_code(Path(name), run.patterns)]
    asked = {
        name: getattr(run, name) for name in ("rootdir", "cwd", "path", "patterns", "arguments", "tests")
    }
    return {"commit": commit, "root": root, "options": dict(run.options), "code": tests, **asked}


def _job(run: Rerun, root: Path, folder: Path) -> dict[str, Any]:
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
        "result": str(folder / "record.json"),
    }


def _run(folder: Path, job: dict[str, Any], run: Rerun, catalogue: Catalogue) -> dict[str, Any]:
    """The record that a worker left."""
    said = supervise(folder, job, run.cwd, run.timeout)
    path = folder / "record.json"
    if not path.exists():
        text = f"the process that measures the base {said} without a result"
        return {"error": f"{text}\n{tail(folder / 'log')}".rstrip()}
    try:
        error = json.loads(path.read_bytes()[:MAX_BYTES]).get("error")
        if error:
            return {"error": f"{error}\n{tail(folder / 'log')}".rstrip()}
        return {**read_record(path, catalogue)}
    except (RecordError, ValueError, AttributeError) as error:
        return {"error": f"the process that measures the base left no record: {error}"}
