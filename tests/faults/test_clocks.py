"""Clocks that somebody sets, clocks that tell little, and threads that do nothing."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.base import kept
from pytest_modelcheck.checks.export import kept as exported
from pytest_modelcheck.checks.latency import clock, region
from pytest_modelcheck.checks.latency.compare import compare_latency
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.records.run import RunRecord

from ..acceptance.conftest import FIXTURES, MACS
from ..latency.test_waiting import Does, linux

DAY = 86_400.0
NOW = time.time  # what the clock says itself


@pytest.fixture(autouse=True)
def own_lock(monkeypatch, tmp_path):
    monkeypatch.setattr(region, "lock_path", lambda: tmp_path / "lock")


@pytest.fixture
def untold(monkeypatch):
    """A system on which nobody counts how often a thread waits: `resource` without its threads, or none at all."""
    monkeypatch.setitem(sys.modules, "resource", SimpleNamespace(getrusage=None))


def computes():
    for _ in range(20):
        torch.ones(64, 64) @ torch.ones(64, 64)


@pytest.mark.parametrize("what", [computes, lambda: time.sleep(0.002)], ids=["computes", "waits"])
def test_where_waiting_is_not_told_the_wall_decides_and_says_so(untold, what):
    seen = ModelCheck(Does(what), input_size=(1, 64)).latency(cap=0.3)
    assert (seen.clock, seen.samples) == ("wall time", seen.wall)
    assert "not thread CPU time: this system does not tell a thread that waits from one that computes" in str(
        seen
    )


def test_where_there_is_no_clock_of_a_thread_the_wall_decides(monkeypatch):
    for name in ("thread_time", "thread_time_ns"):
        monkeypatch.delattr(time, name)
    seen = ModelCheck(Does(computes), input_size=(1, 64)).latency(cap=0.3)
    assert (seen.clock, seen.unseen) == ("wall time", clock.UNTOLD)


def test_where_waiting_is_not_told_pairs_are_timed_on_the_wall_on_average(untold):
    """A wait in few calls is one."""
    calls = iter(range(10**9))
    waits = Does(lambda: time.sleep(0.05) if next(calls) % 10 == 0 else computes())
    seen = compare_latency(Does(computes), waits, torch.ones(1, 64), cap=1.0)
    assert seen.clock == f"wall time, since {clock.UNTOLD}"
    assert seen.regression > 0.5
    assert "on average" in seen.times
    assert seen.clock in seen.basis


def test_a_verdict_of_such_a_system_names_its_clock(untold, project):
    project.tests(
        '@pytest.mark.latency_budget("10 s", model=net, input_size=(1, 3, 8, 8))\ndef test_it(): ...'
    )
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    (check,) = project.record()["checks"]
    assert check["value_text"].endswith("wall time")
    assert clock.UNTOLD in check["message"]
    assert "an idle one gives the best figures" in check["message"]


@linux
def test_threads_that_wait_make_no_model_wait():
    """pytest-timeout's timer, and execnet's that reads from the controller of xdist."""
    ending, (reading, writing) = threading.Event(), os.pipe()
    timer = threading.Timer(600, lambda: None)
    threads = [
        timer,
        threading.Thread(target=ending.wait),
        threading.Thread(target=os.read, args=(reading, 1)),
    ]
    for thread in threads:
        thread.start()
    try:
        seen = ModelCheck(Does(computes), input_size=(1, 64)).latency(cap=0.4)
        pair = compare_latency(Does(computes), Does(computes), torch.ones(1, 64), cap=0.4)
    finally:
        ending.set()
        timer.cancel()
        os.close(writing)
        for thread in threads:
            thread.join()
        os.close(reading)
    assert (seen.clock, seen.unseen) == ("thread CPU time", "")
    assert pair.clock == "thread CPU time"


class Jumping:
    """`time`, whose wall clock somebody sets by so many seconds at each look."""

    def __init__(self, by: float) -> None:
        self.by, self.moved = by, 0.0

    def __getattr__(self, name):
        return getattr(time, name)

    def time(self):
        self.moved += self.by
        return NOW() + self.moved

    def time_ns(self):
        return int(self.time() * 1e9)


JUMPS = {"back": -DAY, "forth": DAY}


@pytest.mark.parametrize("by", JUMPS.values(), ids=JUMPS)
def test_a_run_takes_as_long_as_it_takes(monkeypatch, by):
    monkeypatch.setattr("time.time", Jumping(by).time)
    run = RunRecord()
    assert 0 <= run.build(0, Path())["run"]["seconds"] < 100


@pytest.mark.parametrize("by", JUMPS.values(), ids=JUMPS)
def test_a_base_measured_while_the_clock_was_set_is_not_kept(monkeypatch, tmp_path, by):
    """Nobody knows which files were written since."""
    registry, told, record = default_registry(), tmp_path / "told", RunRecord().build(0, tmp_path)
    told.write_text('{"files": [], "folders": [], "doubts": []}')
    monkeypatch.setattr(kept, "time", Jumping(0.0))
    entry = kept.Kept(tmp_path / "cache", {})
    entry.folder.mkdir()
    entry.keep(record, [told], registry)
    assert entry.path.exists()
    entry.path.unlink()
    monkeypatch.setattr(kept, "time", Jumping(by))
    entry.keep(record, [told], registry)
    assert not entry.path.exists()


def test_the_newest_entry_stays_whatever_the_clock_said_of_older_ones(tmp_path):
    for number in range(kept.ENTRIES):
        other = tmp_path / f"{number}.json"
        other.write_text("{}")
        os.utime(other, (time.time() + DAY,) * 2)
    entry = kept.Kept(tmp_path, {})
    entry._write("{}")
    assert entry.path.exists()
    assert len([*tmp_path.iterdir()]) == kept.ENTRIES


def test_a_file_of_this_run_is_never_an_earlier_ones(monkeypatch, tmp_path):
    """Where the clock was set back, or that of the file's server is behind."""
    names = []
    for model in (b"one", b"two", b"one"):
        names.append(exported._write(tmp_path, SimpleNamespace(name="net", model=model)))
        for path in (tmp_path / "models").iterdir():
            os.utime(path, (0, 0))
    assert names == ["models/net.onnx", "models/net-2.onnx", "models/net.onnx"]


@pytest.mark.parametrize("by", JUMPS.values(), ids=JUMPS)
def test_a_whole_run_on_a_clock_that_jumps(project, monkeypatch, by):
    project.conftest(FIXTURES).tests(
        f'@pytest.mark.macs_budget({MACS})\n@pytest.mark.latency_budget("10 s")\ndef test_it(): ...'
    )
    monkeypatch.setattr("time.time", Jumping(by).time)
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    record = project.record()
    assert [check["outcome"] for check in record["checks"]] == ["pass", "pass"]
    assert 0 <= record["run"]["seconds"] < 100
    assert 0 <= record["run"]["waited"] < 100
