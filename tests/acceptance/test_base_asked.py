"""The base's models are asked by a run: whatever becomes of who answers, and of who asks, there is a line or a reason,
and nothing stays behind.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LATER = "if {there!r} and __import__('os').path.exists({there!r}): "  # when this tree's model has run
DIES = "__import__('os')._exit(3)"
TESTS = """
import pathlib, time, pytest
from nets.model import net

@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget(max_regression="2%")
@pytest.mark.parametrize("n", [0, 1])
def test_net(n):
    pathlib.Path("PLACE", f"at{n}").write_text(str(__import__("os").getpid()))
    time.sleep(n * SLEEP)
"""


@pytest.fixture
def asked(repository):
    """A repository whose base is asked, since this tree's model scales its answer; `at_base`: what it does then."""
    there = str(repository.path.parent / "there")

    def made(at_base: str):
        repository.git("checkout", "-q", "main")
        guard = LATER.format(there=there) + at_base
        repository.edit(
            "src/nets/model.py", "        return self.fc", f"        {guard}\n        return self.fc"
        )
        repository.commit()
        repository.git("checkout", "-q", "-B", "asks")
        told = f"open({there!r}, 'w').close()"
        repository.edit(
            "src/nets/model.py",
            f"        {guard}\n        return self.fc(",
            f"        {told}\n        return 2 * self.fc(",
        )
        return repository

    return made


def test_who_answers_dies(asked):
    repository = asked(DIES)
    ran = repository.run()
    assert ran.returncode == 0, ran.out
    text = "at the base: its process died while it was asked of tests/test_net.py::test_net, or before"
    assert re.search(rf"outputs: cannot be compared: {re.escape(text)}", ran.out), ran.out
    assert repository.left_behind() == [" M src/nets/model.py"]


def test_kept_figures_are_asked_too(asked):
    """By several workers."""
    repository = asked("pass")
    for more in ((), ("-n", "2")):
        out = repository.run("-p", "cacheprovider", *more).out
        assert re.search(r"outputs: 5\.0e-1 of their scale", out), out
    assert "kept" in out
    assert [line for line in repository.left_behind() if "modelcheck-base" in line] == []


@pytest.mark.usefixtures("real_interpreter")
@pytest.mark.parametrize("worker", [False, True], ids=["run", "worker"])
def test_who_asks_is_killed(asked, worker, tmp_path):
    repository = asked("pass")
    repository.write(
        "tests/test_net.py", TESTS.replace("PLACE", str(tmp_path)).replace("SLEEP", "3" if worker else "60")
    )
    more = ("-n", "1") if worker else ()
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--modelcheck-base=main", *more]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        see_what_is_left(process, worker, repository, tmp_path / "at1")
    finally:
        process.kill()


def see_what_is_left(process, worker, repository, place):
    """After a SIGKILL to the run, or to its worker, in the second test: before it the base was measured."""
    wait_for(lambda: place.exists() and place.read_text())
    answers = of_run(process.pid)
    assert answers
    os.kill(int(place.read_text()) if worker else process.pid, signal.SIGKILL)
    process.wait(timeout=90)
    wait_for(lambda: not [line for line in repository.left_behind() if "modelcheck" in line])
    wait_for(lambda: not list(Path("/tmp").glob(f"modelcheck-base-{process.pid}-*")))
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in answers))


def of_run(pid: int) -> list[int]:
    """The processes with a base's models that a run has started."""
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid,ppid,args"], capture_output=True, text=True
    ).stdout.splitlines()
    rows = [line.split(None, 2) for line in listed[1:]]
    return [int(own) for own, parent, args in rows if int(parent) == pid and "worker/main.py" in args]


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
