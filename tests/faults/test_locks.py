"""The lock by which timed checks take turns on a machine: left behind, held by the dead, the stopped and the slow, or
none to be had.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_modelcheck.checks.latency import holder, region
from pytest_modelcheck.checks.latency.region import machine_lock
from pytest_modelcheck.errors import MeasurementError

linux = pytest.mark.skipif(sys.platform != "linux", reason="who holds a lock is told on Linux")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lock"


@pytest.fixture
def held(path: Path) -> Iterator[int]:
    """A process that holds it until it is killed."""
    code = "import fcntl, sys, time\nf = open(sys.argv[1], 'w')\nfcntl.flock(f, fcntl.LOCK_EX)\nprint('held')"
    command = [sys.executable, "-S", "-c", f"{code}\nsys.stdout.flush()\ntime.sleep(600)", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process.pid
        process.kill()


def take(path: Path) -> bool:
    with machine_lock(path):
        return True


def test_a_file_that_was_left_behind_is_no_lock(path):
    path.write_text("12345")
    assert take(path)
    assert take(path)


def test_the_lock_of_a_process_that_was_killed(path, held):
    os.kill(held, signal.SIGKILL)
    assert take(path)


@linux
def test_a_process_that_is_stopped_is_named_soon(path, held, monkeypatch):
    monkeypatch.setattr(region, "LOOK", 0.1)
    os.kill(held, signal.SIGSTOP)
    while not (holder.holder_of(path) or pytest.fail("nobody holds it")).is_stopped:
        time.sleep(0.01)
    words = rf"(?s)to end: process {held} \(.*python.* -S -c .*, stopped\) holds .*kill -CONT {held}"
    with pytest.raises(MeasurementError, match=words):
        take(path)
    os.kill(held, signal.SIGCONT)


@linux
def test_a_process_that_takes_too_long_is_named(path, held, monkeypatch):
    monkeypatch.setattr(region, "LOOK", 0.05)
    monkeypatch.setattr(region, "PATIENCE", 0.2)
    with pytest.raises(
        MeasurementError, match=rf"(?s)process {held} \(.*\) holds .*End it \(kill -KILL {held}\)"
    ):
        take(path)


def test_where_nobody_knows_who_holds_it(path, held, monkeypatch, tmp_path):
    """macOS; a container that does not see the other."""
    monkeypatch.setattr(region, "LOOK", 0.05)
    monkeypatch.setattr(region, "PATIENCE", 0.2)
    monkeypatch.setattr(holder, "PROC", tmp_path / "nowhere")
    with pytest.raises(MeasurementError, match=r"(?s)a process holds .*Find it, and end it: fuser "):
        take(path)


def test_one_that_ends_lets_the_next_one_go_on(path, held):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.3)
        os.kill(held, signal.SIGTERM)
        os._exit(0)
    with machine_lock(path) as waited:
        assert waited > 0.2
    os.waitpid(pid, 0)


def no_file(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere" / "lock")


def no_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


@pytest.mark.parametrize("spoil", [no_file, a_link, no_folder])
def test_where_there_can_be_no_lock_nothing_is_timed(tmp_path, spoil):
    (tmp_path / "temporary").mkdir()
    path = tmp_path / "temporary" / "lock"
    spoil(path)
    with pytest.raises(
        MeasurementError, match=r"(?s)cannot take turns, since .*lock cannot be locked: .*TMPDIR"
    ):
        take(path)


def test_a_lock_that_is_not_to_be_had_is_an_error_of_the_check(project, monkeypatch):
    """And says nothing of the model."""
    monkeypatch.setattr(region, "lock_path", lambda: project.pytester.path)
    project.tests(
        '@pytest.mark.latency_budget("10 s", model=net, input_size=(1, 3, 8, 8))\ndef test_it(): ...'
    )
    assert project.run("--modelcheck-report").ret == 1
    (check,) = project.record()["checks"]
    assert check["outcome"] == "error"
    assert "timed checks cannot take turns" in check["message"]
    assert "Traceback" not in check["message"]
