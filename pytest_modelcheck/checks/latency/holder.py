"""Who holds a lock, as far as the system says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ...text import printable, shorten

PROC = Path("/proc")  # of Linux


class Holder(NamedTuple):
    """A process: its number, its command, and whether it is stopped (Ctrl-Z, SIGSTOP, a debugger)."""

    process: int
    command: str
    is_stopped: bool

    def __str__(self) -> str:
        return f"process {self.process} ({self.command}{', stopped' * self.is_stopped})"

    @property
    def advice(self) -> str:
        """What to do about it."""
        go_on = f"Let it go on (kill -CONT {self.process}) or end it" if self.is_stopped else "End it"
        return f"{go_on} (kill -KILL {self.process}), and run this again."


def holder_of(path: str | os.PathLike[str]) -> Holder | None:
    """The process that holds a lock on a file; None where nobody knows."""
    with suppress(OSError, ValueError, IndexError):
        inode = os.stat(path).st_ino
        for process in _processes(inode):
            folder = PROC / str(process)
            command = (folder / "cmdline").read_bytes().decode("utf-8", "replace").replace("\0", " ")
            state = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
            return Holder(process, shorten(printable(command.strip()), 80), state in "Tt")
    return None


def _processes(inode: int) -> Iterator[int]:
    """Those with a lock of `flock` on that file: `1: FLOCK  ADVISORY  WRITE 77 00:1b:1234 0 EOF`; `->` is one that
    waits.
    """
    for line in (PROC / "locks").read_text("ascii").splitlines():
        fields = line.split()
        if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
            yield int(fields[4])
