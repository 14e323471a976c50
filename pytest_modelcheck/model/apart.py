"""Work in a process of its own: a fork of this one, which has all that this one has and leaves nothing behind in it."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from io import FileIO
from threading import Thread
from typing import Any, NoReturn, TypeVar

import torch

from ..errors import MeasurementError, in_short
from ..text import duration, ended, memory_hint
from .undoing import at_once, undoing

Made = TypeVar("Made")
LONGEST = 900.0  # seconds of one measurement
STALLED = 90.0  # seconds without any work of the process's own: it waits for what does not come


def in_a_fork(work: Callable[[], Made]) -> Made:
    """What `work` returns, done on one thread in a fork of this process, with no output. It must be picklable.

    Raises what `work` raises, and MeasurementError for a process that died, that hangs, or that takes too long.
    """
    pipes: list[FileIO] = []  # the result's, and one whose other end is open as long as this process lives
    child: list[int] = []

    def begin() -> None:
        for _ in range(2):
            pipes.extend(FileIO(end, mode) for end, mode in zip(os.pipe(), "rw", strict=True))
        child.append(os.fork())
        if child == [0]:
            reading, writing, watching, held = pipes
            reading.close()
            held.close()
            _work(work, writing.fileno(), watching.fileno())

    def end() -> None:
        for one in pipes:
            one.close()
        for process in child:
            with suppress(ProcessLookupError, ChildProcessError):  # it was waited for
                os.kill(process, signal.SIGKILL)
                os.waitpid(process, 0)
        child.clear()

    with undoing(end), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of threads: they do not go along, and none is waited for
        at_once(begin)
        reading, writing, watching, _ = pipes
        writing.close()
        watching.close()
        data = _received(child[0], reading.fileno())
        _, status = os.waitpid(child[0], 0)
        child.clear()
    return _result(data, os.waitstatus_to_exitcode(status))  # type: ignore[no-any-return]


def _work(work: Callable[[], object], writing: int, watching: int) -> NoReturn:
    """The child: nothing that it inherited is closed, flushed or finalised."""
    status = 1
    try:
        gc.freeze()
        Thread(target=_end_with_parent, args=(watching,), daemon=True).start()
        _silence()
        torch.set_num_threads(1)
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(_outcome(work))
        status = 0
    finally:
        os._exit(status)


def _end_with_parent(watching: int) -> None:
    """A model that hangs must not outlive a parent that was killed."""
    os.read(watching, 1)
    os._exit(1)


def _silence() -> None:
    """No output of the model's a second time; what the parent has not written yet stays the parent's."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    streams = {0, 1, 2}
    for stream in (sys.stdout, sys.stderr):  # where these are captured in files, somebody else may hold them
        with suppress(Exception):
            streams.add(stream.fileno())
    for number in streams:
        os.dup2(nowhere, number)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the process
    logging.Logger.callHandlers = _unheard  # type: ignore[method-assign, assignment] # a handler may write to a file


def _unheard(logger: logging.Logger, record: logging.LogRecord) -> None:
    """What a logger does with a record."""


def _outcome(work: Callable[[], object]) -> bytes:
    try:
        return pickle.dumps((True, work()))
    except BaseException as error:
        with suppress(Exception):  # those that cannot be taken apart, or not be put together again
            data = pickle.dumps((False, error))
            pickle.loads(data)
            return data
        return pickle.dumps((False, MeasurementError("".join(traceback.format_exception(error)))))


def _received(child: int, reading: int) -> bytes:
    """All that the child writes. Raises MeasurementError where it takes too long."""
    began = worked = time.monotonic()
    spent = 0.0
    parts: list[bytes] = []
    pipe = select.poll()  # not `select`, which knows the first 1024 files alone
    pipe.register(reading, select.POLLIN)
    while True:
        if pipe.poll(1000):
            part = os.read(reading, 2**16)
            if not part:
                return b"".join(parts)
            parts.append(part)
        now, used = time.monotonic(), _seconds(child)
        if used is None or used > spent:
            worked, spent = now, used or 0.0
        if now - worked > STALLED:
            raise MeasurementError(_hanging(f"did nothing for {duration(STALLED)}"))
        if now - began > LONGEST:
            raise MeasurementError(_hanging(f"was not done after {duration(LONGEST)}"))


def _hanging(what: str) -> str:
    return (
        f"the process that compiles the model {what}, and was ended.\n"
        "It is a fork of this one, on one thread: a model that waits for other threads, or for a lock that one of them "
        "holds, waits for ever. Start no threads before, or give a model that needs none; a large one: smaller inputs."
    )


def _seconds(process: int) -> float | None:
    """Of processor time that it and what it waited for (a C++ compiler) used; None where that is not known."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _result(data: bytes, status: int) -> Any:
    if status or not data:  # half a result is none
        raise MeasurementError(
            f"the process that compiles the model {ended(status)}, without a result: compiling or running it there "
            f"crashed.{memory_hint(status)}"
        )
    try:
        done, result = pickle.loads(data)
    except Exception as error:
        raise MeasurementError(
            f"the process that compiles the model left half a result, or one that cannot be read: {in_short(error)}"
        ) from error
    if done:
        return result
    raise result
