"""Files that somebody else put there: what one is, and how large, is looked at before its first byte is read.

A pipe without a writer would be waited for without end, a device read without end, a huge file read into all memory.
"""

from __future__ import annotations

import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

DIGITS = 30  # of a whole number; longer ones are no count of anything, and slow
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}
_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class RefusedFile(OSError):
    """A path at which there is no file that can be read, or one that is larger than it may be."""


def opened(path: Path | str) -> BinaryIO:
    """The file, to be read. Raises OSError; RefusedFile where there is no regular file."""
    _refuse_other(_look(path))  # devices act when they are opened
    handle = os.open(path, os.O_RDONLY | _AT_ONCE)
    try:
        _refuse_other(os.fstat(handle))  # another one may be there by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def contents(path: Path | str, most: int) -> bytes:
    """What a file of at most `most` bytes holds. Raises OSError; RefusedFile for a larger one, and what is no file."""
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(most + 1) if size <= most else b""
    if max(size, len(data)) > most:
        raise RefusedFile(f"it is larger than {most:,} bytes")
    return data


def from_json(data: bytes) -> Any:
    """What JSON says. Raises ValueError for what is none, what is nested too deep, and for numbers that are none of
    JSON's or that nobody can hold.
    """
    try:
        return json.loads(data, parse_constant=_refuse, parse_int=_int, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _int(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text):,} digits")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:DIGITS]} is no number we can hold")
    return value


def _look(path: Path | str) -> os.stat_result:
    try:
        return os.stat(path)
    except ValueError as error:  # a name that no file can have
        raise RefusedFile(str(error)) from error


def _refuse_other(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise RefusedFile(f"it is {_KINDS.get(stat.S_IFMT(found.st_mode), 'no file')}, not a file")
