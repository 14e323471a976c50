"""Writing a file: only a regular one below the root directory, that is as it was collected; at once, or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

INSTALLED = {"site-packages", "dist-packages"}  # also of an environment below the root directory
WRITABLE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


def refusal(root: Path, path: Path) -> str:
    """Why a file is not written; "" where it may be."""
    file, folder = path.resolve(), root.resolve()
    if not file.is_relative_to(folder):
        return "its file lies outside of the root directory"
    if INSTALLED & {*file.relative_to(folder).parts}:
        return "its file belongs to an installed package"
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        return f"its file cannot be read: {error.strerror}"
    if stat.S_ISLNK(mode):
        return "its file is a link"
    if not stat.S_ISREG(mode):
        return "it stands in no regular file"
    if not mode & WRITABLE or not os.access(path, os.W_OK):
        return "its file is read-only"
    return ""


def replace(path: Path, before: bytes, data: bytes) -> None:
    """Put `data` into the place of a file that holds `before`. Raises OSError, also where it holds something else."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise OSError(f"its folder cannot be written: {error.strerror}") from error
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(path, new)
        _keep_owner(path, new)
        if path.read_bytes() != before:
            raise OSError(CHANGED)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def _keep_owner(path: Path, new: Path) -> None:
    """Of a file that another user has: in a container the files of the machine around it."""
    known, made = path.stat(), new.stat()
    if hasattr(os, "chown") and (known.st_uid, known.st_gid) != (made.st_uid, made.st_gid):
        with suppress(PermissionError):
            os.chown(new, known.st_uid, known.st_gid)


CHANGED = "its file has changed since it was collected"
