"""A timed region: one at a time on this machine, on a fixed number of threads, without garbage collection."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ...errors import MeasurementError
from ...model.undoing import undoing
from ...text import duration
from .holder import holder_of

if TYPE_CHECKING:
    from filelock import BaseFileLock

PATIENCE = 1800.0  # seconds; another timed region takes a minute at most
LOOK = 60.0  # seconds between two looks at who holds the lock


@contextmanager
def timed_region(threads: int) -> Iterator[float]:
    """For the block: hold the machine's lock, compute on `threads`, collect no garbage. Gives the seconds waited.

    The number of threads is left as it is: the block stands inside `observe()`, which restores it.
    """
    with machine_lock() as waited, no_collection():
        torch.set_num_threads(threads)
        yield waited


@contextmanager
def machine_lock(path: Path | None = None) -> Iterator[float]:
    """Keep the timed regions of other processes of this user (pytest-xdist's workers) out. Gives the seconds waited.

    The operating system takes the lock from a process that dies. Raises MeasurementError after half an hour, after a
    minute if the process that has it is stopped, and where there can be no lock.
    """
    from filelock import FileLock

    lock = FileLock(path or lock_path())
    start = time.perf_counter()
    with undoing(partial(lock.release, force=True)):
        _acquire(lock)
        yield time.perf_counter() - start


def _acquire(lock: BaseFileLock) -> None:
    from filelock import Timeout

    start = time.monotonic()
    while True:
        try:
            lock.acquire(timeout=LOOK)
            return
        except Timeout:
            holder, waited = holder_of(lock.lock_file), time.monotonic() - start
            if waited < PATIENCE and not (holder and holder.is_stopped):
                continue
            raise MeasurementError(
                f"waited {duration(waited)} for another timed check to end: {holder or 'a process'} holds "
                f"{lock.lock_file}.\n{holder.advice if holder else f'Find it, and end it: fuser {lock.lock_file}'}"
            ) from None
        except (OSError, NotImplementedError) as error:
            raise MeasurementError(
                f"timed checks cannot take turns, since {lock.lock_file} cannot be locked: {error}.\n"
                "Take away what stands there, or name another temporary folder (TMPDIR)."
            ) from error


def lock_path() -> Path:
    """One file for all processes of this user on this machine."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
    return Path(tempfile.gettempdir()) / f"pytest-modelcheck-{user}.lock"


@contextmanager
def no_collection() -> Iterator[None]:
    """A collection costs milliseconds at a moment of its own choosing."""
    was_enabled, was_frozen = gc.isenabled(), gc.get_freeze_count() > 0

    def restore() -> None:
        if not was_frozen:
            gc.unfreeze()
        if was_enabled:
            gc.enable()

    with undoing(restore):
        gc.collect()
        if not was_frozen:
            gc.freeze()
        gc.disable()
        yield


def load_average() -> float:
    """Of the last minute; NaN on systems without one."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
