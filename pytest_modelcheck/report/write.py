"""Write `index.html` and `report.json`: whole, and both of one run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path

from ..errors import ModelCheckError
from ..records.plain import to_json
from ..records.reading import contents, from_json
from ..records.section import Catalogue
from ..records.types import Record
from ..records.whole import beside, sweep, write_whole
from .page import render

IGNORED = "# Made by pytest-modelcheck.\n*\n"
LARGEST = 2**30  # bytes of an earlier report
STAMP = '<meta name="generator" content="pytest-modelcheck">'
RECORD, PAGE = "report.json", "index.html"
PATIENCE = 10.0  # seconds; another run moves two files in a moment


def write_report(record: Record, directory: Path, catalogue: Catalogue, *, made: bool = False) -> Path:
    """Write both files into `directory` (made if need be) and return the page's path.

    A folder of ours, made here or by the run (`made`), tells git to ignore it.

    An earlier report stays until this one is whole; a page that cannot be drawn costs the page alone.
    Raises ModelCheckError naming the folder if it cannot be written, and what drawing the page raises.
    """
    is_first = not os.path.exists(directory / RECORD)
    try:
        made = made or not directory.exists()
        directory.mkdir(parents=True, exist_ok=True)
        sweep(directory)
        if made:
            write_whole(directory / ".gitignore", IGNORED.encode())
        text = to_json(record)
        if is_first:  # drawing the page takes memory: who is killed for that leaves the record
            _put(directory, {RECORD: text})
        try:
            page = render(record, catalogue)
        except Exception:
            _put(directory, {RECORD: text})
            raise
        _put(directory, {RECORD: text, PAGE: page})
    except OSError as error:
        if is_first:
            remove_report(directory)  # one of both is none, and knows nothing of what happened to the other
        raise ModelCheckError(
            f"cannot write the report to {directory}: {error.strerror or error}.\n"
            "Choose another folder with --modelcheck-output=DIR."
        ) from error
    return directory / PAGE


def _put(directory: Path, texts: dict[str, str]) -> None:
    """Put files into their places, of which an older page is no part; at no moment do two runs' files lie there."""
    with ExitStack() as stack:
        new = {
            directory / name: stack.enter_context(beside(directory / name, _encoded(text)))
            for name, text in texts.items()
        }
        stack.enter_context(_alone(directory))
        _remove(directory / PAGE, _is_page)
        try:
            for place, file in new.items():
                os.chmod(file, 0o644)  # whatever the umask says: a web server must read it
                os.replace(file, place)
        except OSError:
            _remove(directory / RECORD, _is_record)
            raise


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def remove_report(directory: Path) -> None:
    """Take an earlier run's report away, so that no one takes it for this run's; only files that we wrote."""
    if directory.is_dir():
        with _alone(directory):
            _remove(directory / RECORD, _is_record)
            _remove(directory / PAGE, _is_page)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """For the block other runs that write into the folder wait, where the system has such locks; not for long."""
    with ExitStack() as stack:
        with suppress(ImportError, OSError):  # Windows, and file systems without locks
            import fcntl

            handle = os.open(directory, os.O_RDONLY)
            stack.callback(os.close, handle)
            deadline = time.monotonic() + PATIENCE
            while not _is_locked(partial(fcntl.flock, handle, fcntl.LOCK_EX | fcntl.LOCK_NB)):
                if time.monotonic() > deadline:
                    break
                time.sleep(0.02)
        yield


def _is_locked(lock: Callable[[], None]) -> bool:
    try:
        lock()
    except BlockingIOError:
        return False
    return True


def _remove(path: Path, is_ours: Callable[[Path], bool]) -> None:
    with suppress(OSError, ValueError):  # there is none, or it is not ours to remove
        if path.is_file() and is_ours(path):
            path.unlink()


def _is_record(path: Path) -> bool:
    """Whether it says which version of ours wrote it."""
    found = from_json(contents(path, LARGEST))
    if not isinstance(found, dict) or not isinstance(found.get("schema_version"), int):
        return False
    environment = found.get("environment")
    return isinstance(environment, dict) and "pytest-modelcheck" in environment


def _is_page(path: Path) -> bool:
    """Whether its head, before anything of the user's, names us."""
    with path.open("rb") as file:
        start = file.read(2048)
    return start.startswith(b"<!doctype html>") and STAMP.encode() in start.partition(b"<title>")[0]
