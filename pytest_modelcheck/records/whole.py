"""Files that are written whole: beside their place first, then moved there, so that nobody ever finds half of one."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, SUFFIX = (
    ".modelcheck-",
    ".part",
)  # of a file's name while it is written; the writer's process between them


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` into a file. Raises OSError; then the file is as it was, and nothing lies beside it."""
    with beside(path, data) as new:
        new.replace(path)


@contextmanager
def beside(path: Path, data: bytes) -> Iterator[Path]:
    """A file with `data` in the same folder and with the same rights, to be moved into its place; gone afterwards.

    Raises OSError.
    """
    new = path.with_name(f"{PREFIX}{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")
    try:
        with new.open("xb") as file:
            file.write(data)
        with suppress(FileNotFoundError):
            shutil.copymode(path, new)
        yield new
    finally:
        with suppress(OSError):
            new.unlink()


def sweep(folder: Path) -> None:
    """Take away what processes that were killed while they wrote left in a folder."""
    for path in folder.glob(f"{PREFIX}*{SUFFIX}"):
        if not is_running(path.name.removeprefix(PREFIX).partition("-")[0]):
            with suppress(OSError):
                path.unlink()


def is_running(process: str) -> bool:
    """Whether there is a process of that number; in doubt there is."""
    if os.name == "nt":  # where asking might end it
        return True
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
