"""What two revisions cannot be timed for: said as a reason or an error, never guessed."""

import os
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model.subject import Inputs, Subject
from pytest_modelcheck.worker.timing import apart
from pytest_modelcheck.worker.timing.paired import Comparisons
from pytest_modelcheck.worker.timing.revision import Job, Timed

KEY = ("tests/test_net.py::test_net", "tests/test_net.py:3")
JOB = Job("/here", "/here", "/there", [], [], [], [], [KEY], "/results", 1.0, 1.0)


@pytest.mark.parametrize(
    ("missing", "result"),
    [
        (["base"], {"error": "not measured at the base: gone"}),
        (["head"], {"error": "not measured in this tree: gone"}),
        (["base", "head"], {"error": "not measured in this tree: gone"}),
    ],
)
def test_what_one_of_them_lacks_is_an_error(missing, result):
    said = {revision: [[list(KEY), "gone"]] for revision in missing}
    child = SimpleNamespace(ask=lambda timeout, **question: said)
    assert Comparisons(JOB)._load(child) == ("", {KEY: result})


def test_in_pairs_of_processes_it_is_the_same(monkeypatch):
    monkeypatch.setattr(apart.sys, "meta_path", [])
    monkeypatch.setattr(apart, "collect", lambda job, keys: ({}, {KEY: "it is new"}))
    question = {"load": True}
    for head, name in ((False, "the base"), (True, "this tree")):
        with pytest.raises(MeasurementError, match=f"{name} has no such subject: it is new"):
            apart.Apart(JOB, KEY, head=head)(question)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system lets nobody choose a core")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_pair_of_processes_takes_turns_on_one_core_unless_it_needs_more(threads, monkeypatch, tmp_path):
    seen, all_cores = tmp_path / "cores", sorted(os.sched_getaffinity(0))
    subject = Subject("net", nn.Linear(3, 2), Inputs.of(torch.zeros(1, 3)))

    def measure(self):
        with seen.open("a") as file:
            file.write(f"{self.head} {sorted(os.sched_getaffinity(0))}\n")
        return 0.01, 0.01

    monkeypatch.setattr(apart.Apart, "_collect", lambda self: Timed(subject, threads, 0.05))
    monkeypatch.setattr(apart.Apart, "_measure", measure)
    held = apart.Held([], 1, str(subject.inputs), threads, 0.05)
    assert apart.ForkSampler(replace(JOB, timeout=60.0), KEY, held).chunk().seconds == (0.01, 0.01)
    base, head = (
        {line.split(" ", 1)[1] for line in seen.read_text().splitlines() if line.startswith(s)}
        for s in ("F", "T")
    )
    assert base == head
    assert base == {str(all_cores)} if threads == 2 else base <= {f"[{core}]" for core in all_cores}
    assert sorted(os.sched_getaffinity(0)) == all_cores  # this process is left alone
