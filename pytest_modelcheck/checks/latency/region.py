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

import torch

from ...errors import MeasurementError
from ...model.undoing import undoing

PATIENCE = 1800.0  # seconds; another timed region takes a minute at most


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

    The operating system takes the lock from a process that dies. Raises MeasurementError after half an hour.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path or lock_path())
    start = time.perf_counter()
    with undoing(partial(lock.release, force=True)):
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout as error:
            raise MeasurementError(
                f"waited {PATIENCE / 60:.0f} minutes for another timed check to end; its lock is {lock.lock_file}"
            ) from error
        yield time.perf_counter() - start


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
