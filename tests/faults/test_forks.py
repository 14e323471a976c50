"""The process that compiles a model dies, hangs or leaves half a result: an error in words, and nothing left."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model import apart


def send(number: int) -> None:
    """To itself; it may take a moment."""
    if number != signal.SIGKILL:
        signal.signal(number, signal.SIG_DFL)  # whoever started this may ignore it
    os.kill(os.getpid(), number)
    time.sleep(60)


def crash(end: Callable[[], object]) -> None:
    """Without a word of Python's about it."""
    faulthandler.disable()
    end()


PIPES: list[tuple[int, int]] = []  # that were opened here; the first is the one of the result


class Half:
    """Its process ends while it is written."""

    def __init__(self, end: Callable[[], None]) -> None:
        self.end = end

    def __reduce__(self) -> tuple[type, tuple[()]]:
        os.write(PIPES[0][1], b"\x80\x04half a result")
        self.end()
        return object, ()


@pytest.fixture(autouse=True)
def pipes_seen(monkeypatch):
    PIPES.clear()

    def pipe(made=os.pipe):
        PIPES.append(made())
        return PIPES[-1]

    monkeypatch.setattr(apart.os, "pipe", pipe)


ENDS = {
    "killed": (
        lambda: send(signal.SIGKILL),
        "was killed by signal 9, without a result.*where memory runs out",
    ),
    "ended": (lambda: send(signal.SIGTERM), "was killed by signal 15, without a result"),
    "hung up": (lambda: send(signal.SIGHUP), "was killed by signal 1, without a result"),
    "of real time": (lambda: send(signal.SIGRTMIN + 1), "was killed by signal 35, without a result"),
    "aborts": (lambda: crash(os.abort), "was killed by signal 6, without a result"),
    "reads nowhere": (
        lambda: crash(lambda: ctypes.string_at(0)),
        "was killed by signal 11, without a result",
    ),
    "exits": (lambda: os._exit(3), "ended with status 3, without a result"),
    "exits as if all were well": (lambda: os._exit(0), "ended with status 0, without a result"),
    "killed with half a result": (
        lambda: Half(lambda: send(signal.SIGKILL)),
        "was killed by signal 9, without",
    ),
    "exits with half a result": (lambda: Half(lambda: os._exit(1)), "ended with status 1, without a result"),
    "exits well with half a result": (
        lambda: Half(lambda: os._exit(0)),
        "left half a result, or one that",
    ),
    "memory ends": (lambda: bytearray(1 << 60), "^$"),
}


def children() -> set[str]:
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


def files() -> list[str]:
    return os.listdir("/proc/self/fd")


@pytest.mark.parametrize("name", ENDS)
def test_how_it_ends_is_said(name):
    work, words = ENDS[name]
    before = children(), files()
    with pytest.raises((MeasurementError, MemoryError), match=f"(?s){words}"):
        apart.in_a_fork(work)
    assert (children(), files()) == before


def test_one_that_is_stopped_is_given_up(monkeypatch):
    monkeypatch.setattr(apart, "STALLED", 2.0)
    before = children(), files()
    with pytest.raises(MeasurementError, match="did nothing for 2 seconds, and was ended"):
        apart.in_a_fork(lambda: os.kill(os.getpid(), signal.SIGSTOP))
    assert (children(), files()) == before


def test_one_that_works_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(apart, "LONGEST", 1.0)
    before = children(), files()

    def works():
        while True:
            pass

    with pytest.raises(MeasurementError, match="was not done after 1 second, and was ended"):
        apart.in_a_fork(works)
    assert (children(), files()) == before


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_it_does_not_outlive_who_asked(tmp_path, sent):
    """It hangs, and the run is killed."""
    place = tmp_path / "pid"

    def hangs():
        place.with_suffix(".new").write_text(str(os.getpid()))
        place.with_suffix(".new").rename(place)
        time.sleep(600)

    run = os.fork()
    if run == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        apart.in_a_fork(hangs)
        os._exit(0)
    wait_for(place.exists)
    os.kill(run, sent)
    os.waitpid(run, 0)
    wait_for(lambda: not is_running(int(place.read_text())))


def is_running(process: int) -> bool:
    """Not gone, and no zombie: whoever takes care of orphans may take its time."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
