"""Write `index.html` and `report.json`: whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import ModelCheckError
from ..records.plain import to_json
from ..records.section import Catalogue
from ..records.types import Record
from .page import render

IGNORED = "# Made by pytest-modelcheck.\n*\n"
STAMP = '<meta name="generator" content="pytest-modelcheck">'


def write_report(record: Record, directory: Path, catalogue: Catalogue, *, made: bool = False) -> Path:
    """Write both files into `directory` (made if need be) and return the page's path.

    A folder of ours, made here or by the run (`made`), tells git to ignore it.

    Each is written beside its place and moved there, so that no reader ever sees half of it; a page that cannot be
    drawn costs the page alone.
    Raises ModelCheckError naming the folder if it cannot be written, and what drawing the page raises.
    """
    try:
        made = made or not directory.exists()
        directory.mkdir(parents=True, exist_ok=True)
        if made:
            _replace(directory / ".gitignore", IGNORED)
        _replace(directory / "report.json", to_json(record))
        _replace(directory / "index.html", _drawn(record, directory, catalogue))
    except OSError as error:
        remove_report(directory)  # one of both is none, and knows nothing of what happened to the other
        raise ModelCheckError(
            f"cannot write the report to {directory}: {error.strerror or error}.\n"
            "Choose another folder with --modelcheck-output=DIR."
        ) from error
    return directory / "index.html"


def _drawn(record: Record, directory: Path, catalogue: Catalogue) -> str:
    """The page; where it cannot be drawn, an older one in its place is taken away."""
    try:
        return render(record, catalogue)
    except Exception:
        _remove(directory / "index.html", _is_page)
        raise


def remove_report(directory: Path) -> None:
    """Take an earlier run's report away, so that no one takes it for this run's; only files that we wrote."""
    _remove(directory / "report.json", _is_record)
    _remove(directory / "index.html", _is_page)


def _remove(path: Path, is_ours: Callable[[Path], bool]) -> None:
    with suppress(OSError, ValueError):  # there is none, or it is not ours to remove
        if path.is_file() and is_ours(path):
            path.unlink()


def _is_record(path: Path) -> bool:
    """Whether it says which version of ours wrote it."""
    found = json.loads(path.read_text("utf-8"))
    known = isinstance(found, dict) and isinstance(found.get("schema_version"), int)
    return known and "pytest-modelcheck" in (found.get("environment") or ())


def _is_page(path: Path) -> bool:
    """Whether its head, before anything of the user's, names us."""
    with path.open("rb") as file:
        start = file.read(2048)
    return start.startswith(b"<!doctype html>") and STAMP.encode() in start.partition(b"<title>")[0]


def _replace(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes it private, and a web server must read it
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
