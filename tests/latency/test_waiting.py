"""Models that wait, and models that only compute: which clock decides. On real clocks, but no time is gated on."""

import itertools
import json
import re
import subprocess
import sys
import threading
import time

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.latency.clock import Spent, ThreadClock, WaitingClock, unseen
from pytest_modelcheck.checks.latency.compare import compare_latency, compare_sides
from pytest_modelcheck.checks.latency.paired import Side
from pytest_modelcheck.checks.latency.sampling import Samples
from pytest_modelcheck.model.subject import Inputs, Subject

linux = pytest.mark.skipif(sys.platform != "linux", reason="switches of one thread are counted on Linux")


class Does(nn.Module):
    def __init__(self, what):
        super().__init__()
        self.layer, self.what = nn.Linear(64, 64), what

    def forward(self, x):
        self.what()
        return self.layer(x)


def works_elsewhere():
    thread = threading.Thread(target=lambda: [torch.ones(200, 200) @ torch.ones(200, 200) for _ in range(20)])
    thread.start()
    thread.join()


def computes():
    for _ in range(20):
        torch.ones(64, 64) @ torch.ones(64, 64)


WAITS = {
    "sleep": lambda: time.sleep(0.002),
    "a lock": lambda: threading.Event().wait(0.002),
    "a process": lambda: subprocess.run([sys.executable, "-S", "-c", ""]),
    "a thread": works_elsewhere,
}


@linux
@pytest.mark.parametrize("what", WAITS.values(), ids=WAITS.keys())
def test_a_model_that_waits_is_timed_on_the_wall(what):
    seen = ModelCheck(Does(what), input_size=(1, 64)).latency(cap=0.3)
    assert seen.clock == "wall time"
    assert seen.samples == seen.wall
    assert "not thread CPU time: it computes" in str(seen)
    assert seen.to_dict()["unseen"] == seen.unseen != ""


@linux
def test_a_model_that_computes_is_timed_by_its_thread_on_a_busy_machine_too():
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        seen = ModelCheck(Does(computes), input_size=(1, 64)).latency(cap=0.5)
        pair = compare_latency(Does(computes), Does(computes), torch.ones(1, 64), cap=0.5)
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert (seen.clock, seen.unseen) == ("thread CPU time", "")
    assert pair.clock == "thread CPU time"


@linux
@pytest.mark.parametrize("waiting", [0, 1])
def test_a_pair_of_which_one_waits_is_timed_on_the_wall(waiting):
    calls = [lambda: computes(), lambda: computes()]
    calls[waiting] = lambda: time.sleep(0.02)
    seen = compare_latency(*calls, cap=1.0)
    assert seen.clock == "wall time, since a model waits"
    assert (seen.regression > 1) == (waiting == 1)
    assert "wall time, since a model waits" in seen.basis


@linux
def test_a_wait_in_few_calls_counts_in_a_pair():
    calls = itertools.count()
    seen = compare_latency(
        Does(computes),
        Does(lambda: time.sleep(0.05) if next(calls) % 10 == 0 else computes()),
        torch.ones(1, 64),
        cap=2.0,
    )
    assert seen.clock == WaitingClock.name
    assert seen.regression > 0.5
    assert "on average" in seen.times


@linux
def test_figures_of_two_clocks_are_not_mixed():
    made = []

    def build(copies):
        made.append(None)
        return (lambda: time.sleep(0.005)) if len(made) > 4 else computes

    seen = compare_sides(Side((), build), Side((), build), lambda seen: True, clock=ThreadClock(), cap=20)
    assert seen.clock == WaitingClock.name
    assert len(made) // 2 - len(seen.chunks) == 2


@linux
@pytest.mark.parametrize("what", [computes, lambda: time.sleep(0.005)], ids=["computes", "waits"])
def test_a_process_of_a_pair_tells_whether_its_model_waits(what, monkeypatch):
    from pytest_modelcheck.worker.timing import apart
    from pytest_modelcheck.worker.timing.revision import Timed

    subject = Subject("net", Does(what), Inputs.of(torch.zeros(1, 64)))
    monkeypatch.setattr(apart.Apart, "_collect", lambda self: Timed(subject, 1, 0.05))
    monkeypatch.setattr(apart.gc, "freeze", lambda: None)
    monkeypatch.setattr(apart.gc, "disable", lambda: None)
    threads = torch.get_num_threads()
    try:
        asked = apart.Apart(None, ("",), head=True, held=apart.Held([], 0, "1x64 float32", 1, 0.05))
        asked({"load": True})
        waits = asked({"waits": True})["unseen"]
        assert waits == (what is not computes)
        if waits:
            assert asked({"turn": 2})["seconds"][1] < 0.005 <= asked({"turn": 1})["wall"][0]
            asked({"wall": True})
            assert asked({"turn": 1})["seconds"][0] >= 0.005
    finally:
        torch.set_num_threads(threads)


START = Spent(thread=0.0, process=0.0, waits=0)


@pytest.mark.parametrize(
    ("after", "share", "told"),
    [
        (Spent(1.0, 1.0, 0), 0.5, ""),  # interrupted, not waiting
        (Spent(1.0, 1.0, 49), 0.5, ""),  # fewer than half of the calls: the median does not see it
        (Spent(1.0, 1.0, 50), 0.5, "waits 0.5 times"),
        (Spent(1.0, 1.0, 5), 0.05, "waits 0.05 times"),  # p95 does
        (Spent(1.0, 1.05, 0), 0.5, ""),
        (Spent(1.0, 3.0, 0), 0.5, "20 ms on others"),
    ],
)
def test_what_thread_time_does_not_see(after, share, told):
    said = unseen(START, after, 100, share)
    assert (told in said) if told else said == ""


def test_a_model_that_begins_to_wait_is_seen_in_the_later_half():
    used = [(0, START), (40, Spent(1.0, 1.0, 0)), (80, Spent(2.0, 2.0, 30))]
    samples = Samples(seconds=[1.0] * 80, used=used)
    assert unseen(START, used[-1][1], 80, 0.5) == ""
    assert "waits 0.75 times" in samples.unseen(0.5)


def test_every_verdict_names_its_clock_and_the_wall(pytester):
    pytester.makepyfile(
        """
import pytest, time
from torch import nn
class Sleeps(nn.Module):
    def forward(self, x):
        time.sleep(0.002)
        return x
@pytest.mark.latency_budget("10 s", input_size=(1, 4))
@pytest.mark.parametrize("model", [nn.ReLU(), Sleeps()])
def test_it(model): ...
        """
    )
    pytester.runpytest_inprocess("--modelcheck-report")
    record = json.loads((pytester.path / "modelcheck-report" / "report.json").read_text("utf-8"))
    (plain, waiting) = (check["value_text"] for check in record["checks"])
    assert re.search(r" thread CPU time, [0-9.]+ [nµm]s wall$", plain)
    assert sys.platform != "linux" or waiting.endswith(") wall time")
    page = (pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    assert page.count("<dt>median on the wall</dt>") == 2


def test_calls_that_take_no_time_on_the_clock_are_an_error():
    from pytest_modelcheck import MeasurementError
    from pytest_modelcheck.checks.latency.budgets import LatencyBudget
    from pytest_modelcheck.checks.latency.measure import measure
    from pytest_modelcheck.model.subject import build_subject
    from pytest_modelcheck.verdict.limit import Limit

    from ..catalogue import metric
    from .test_measure import ScriptedClock

    class Coarse(ScriptedClock):
        def now(self):
            self.time += 1.0
            return self.time

    seen = measure(build_subject(nn.Linear(4, 2), input_size=(3, 4)), clock=Coarse(0.0))
    with pytest.raises(MeasurementError, match="no call took any time"):
        LatencyBudget().read(seen, Limit(metric("latency"), max=1.0))
