"""A base's record, kept for the next run against the same base: JSON in a folder of pytest's cache.

It is used again where all is the same that it was made from: the base's commit, how pytest was called, machine,
environment and installed distributions (together they are the entry's name), and the contents of all files outside
the base's sources that the process read. In doubt the base is measured. Never kept: what failed, what is timed, and
what is another figure in each run.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict

from ..records.load import MAX_BYTES, RecordError, check_record
from ..records.plain import to_json
from ..records.reading import contents, from_json
from ..records.schema import problem
from ..records.section import Catalogue, sections_of
from ..records.whole import sweep, write_whole
from .contents import sha256
from .surroundings import surroundings

FORMAT = 1
ENTRIES = 8  # that are kept, the newest
MOST_FILES = 5_000
MOST_BYTES = 128 * 2**20  # of all entries
NO_FILE = "no file"
SET = 1_000_000_000  # nanoseconds by which clocks that nobody set do not come apart
LARGE = 512 * 2**20  # bytes; a larger file is the same if its size and time are


class Entry(TypedDict):
    """What is in a file. `files` and `folders`: by path what they held."""

    format: int
    key: str
    created: float
    files: dict[str, str]
    folders: dict[str, str]
    record: dict[str, object]


class Kept:
    """The entry of a run's `facts`, in `folder` (None: there is no cache)."""

    def __init__(self, folder: Path | None, facts: Mapping[str, object]) -> None:
        self.folder, self.started, self.began = folder, time.time_ns(), time.monotonic_ns()
        self.key = ""
        if folder is not None:
            known = {"format": FORMAT, **facts, **surroundings()}
            self.key = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()

    @property
    def path(self) -> Path:
        """The entry's."""
        assert self.folder is not None
        return self.folder / f"{self.key[:32]}.json"

    def find(self, catalogue: Catalogue) -> dict[str, Any] | None:
        """The record, with `kept` (when it was made, in seconds since 1970); None where the base is to be measured."""
        if self.folder is None:
            return None
        entry = self._read()
        if (
            entry is None
            or len(entry["files"]) > MOST_FILES
            or not _same(entry["files"], _file)
            or not _same(entry["folders"], _listing)
        ):
            return None
        try:
            record = check_record(entry["record"], self.path, catalogue)
        except RecordError:
            return None
        return {**record, "kept": entry["created"]}

    def _read(self) -> Entry | None:
        """What the file says, if it is one of ours."""
        try:
            found = from_json(contents(self.path, MAX_BYTES))
        except (OSError, ValueError):
            return None
        good = not problem(found, Entry) and (found["format"], found["key"]) == (FORMAT, self.key)
        return found if good else None

    def keep(self, record: Mapping[str, Any], reads: Iterable[Path], catalogue: Catalogue) -> None:
        """Write the record down, where it may be used again; `reads`: what the processes say that they read."""
        told = [_told(path) for path in reads] if self.folder is not None else []
        if not told or None in told or self._was_set or not is_steady(record, catalogue):
            return
        files = {name: _file(name) for one in told if one for name in one["files"]}
        folders = {name: _listing(name) for one in told if one for name in one["folders"]}
        contents = [name for name, held in files.items() if not held.startswith(NO_FILE)]
        if len(files) > MOST_FILES or any(self._is_newer(name) for name in (*contents, *folders)):
            return
        entry = {
            "format": FORMAT,
            "key": self.key,
            "created": time.time(),
            "files": files,
            "folders": folders,
        }
        with suppress(OSError):
            self._write(to_json({**entry, "record": record}))

    @property
    def _was_set(self) -> bool:
        """Whether somebody set the clock since, by which files are older and newer."""
        return abs(time.time_ns() - self.started - (time.monotonic_ns() - self.began)) > SET

    def _is_newer(self, name: str) -> bool:
        """Whether a file was written after the base began to be measured: nobody knows which contents were read."""
        try:
            return os.stat(name).st_mtime_ns > self.started
        except OSError:
            return False

    def _write(self, text: str) -> None:
        assert self.folder is not None
        sweep(self.folder)
        write_whole(self.path, text.encode("ascii"))
        others = [path for path in self.folder.glob("*.json") if path != self.path]
        newest = [self.path, *sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)]
        sizes = itertools.accumulate(path.stat().st_size for path in newest)
        for number, (path, size) in enumerate(zip(newest, sizes, strict=True)):
            if number >= ENTRIES or size > MOST_BYTES:
                path.unlink(missing_ok=True)


class Told(TypedDict):
    """What `worker/reads.py` writes."""

    files: list[str]
    folders: list[str]
    doubts: list[str]


def _told(path: Path) -> Told | None:
    """What a process read; None where that is in doubt."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return None if problem(found, Told) or found["doubts"] else found


def is_steady(record: Mapping[str, Any], catalogue: Catalogue) -> bool:
    """Whether another run of the same would give the same record, and nothing in it failed."""
    if any(record.get(key) for key in ("panels", "error", "notes", "unknown")):
        return False
    if any(loss["phase"] != "skip" and not loss["absent"] for loss in record.get("lost", ())):
        return False
    for check in record["checks"]:
        known = catalogue.metrics.get(check["metric"])
        if known is None or known.nature != "figure" or check["outcome"] in ("error", "not run"):
            return False
    for entry in record["subjects"]:
        for name, content in sections_of(entry).items():
            section = catalogue.sections.get(name)
            failed = isinstance(content, dict) and content.get("failed")
            if section is None or not section.steady or failed:
                return False
    return True


def _same(known: Mapping[str, str], look: Any) -> bool:
    return all(look(name) == content for name, content in known.items())


def _file(name: str) -> str:
    """What a file holds; empty where there is none."""
    try:
        found = os.stat(name)
        if not stat.S_ISREG(found.st_mode):
            return f"{NO_FILE}: {stat.S_IFMT(found.st_mode)}"
        if found.st_size > LARGE:
            return f"{found.st_size} {found.st_mtime_ns}"
        return sha256(Path(name))
    except OSError:
        return ""


def _listing(name: str) -> str:
    """The names in a folder."""
    try:
        return hashlib.sha256(
            "\0".join(sorted(os.listdir(name))).encode("utf-8", "surrogatepass")
        ).hexdigest()
    except OSError:
        return ""
