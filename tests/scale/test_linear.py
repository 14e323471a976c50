"""Twice as much takes twice the work, counted in calls and in comparisons: no clock is looked at."""

from __future__ import annotations

import sys
from functools import partial

import pytest

from pytest_modelcheck.records.run import RunRecord
from pytest_modelcheck.records.subjects import SubjectTable

from ..catalogue import compare, merge, record_markdown, render
from ..records.conftest import check, panel, record, subject

LINEAR = 2.3  # times the work for twice as much
compared = 0


class Told(str):
    """A string that counts how often it is compared."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        global compared
        compared += 1
        return str.__eq__(self, other)


def work(call) -> int:
    """Calls of Python's functions, and comparisons of what `Told` says."""
    calls, before = 0, compared

    def watch(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    earlier = sys.getprofile()
    sys.setprofile(watch)
    try:
        call()
    finally:
        sys.setprofile(earlier)
    return calls + compared - before


def heatmap(nodeid):
    return {"nodeid": nodeid, "map": "a" * 20}


def shard(number):
    """Ten subjects of its own with a check each, and one that all shards have."""
    names = [Told(f"net{number}.{i}") for i in range(10)]
    tests = [Told(f"t.py::test[{name}]") for name in names]
    own = [subject(name, nodeids=[test]) for name, test in zip(names, tests, strict=True)]
    common = subject(
        "common",
        nodeids=tests,
        demands=[{"nodeid": test, "source": Told("model")} for test in tests],
        latency=[heatmap(test) for test in tests],
    )
    checks = [check(nodeid=test, signature=test) for test in tests]
    panels = [panel(nodeid=test) for test in tests]
    failures = [{"nodeid": test, "phase": "call", "where": "", "message": test, "text": ""} for test in tests]
    side = {"commit": "c", "created": ""}
    gone = {"base": side, "head": side, "environment": [], "subjects": [], "notes": tests, "gone": tests}
    return record(*own, common, checks=checks, panels=panels, failures=failures, changes=gone)


def shards(count):
    return {f"shard {number}": shard(number) for number in range(count)}


def one_model(count):
    """A subject of so many tests."""
    table = SubjectTable()
    for number in range(count):
        test = Told(f"t.py::test[{number}]")
        demand = {"nodeid": test, "source": Told("model")}
        table.add(subject(nodeids=[test], demands=[demand], latency=[heatmap(test)]))


def broken_files(count):
    """That each of two workers tells of."""
    collected = RunRecord()
    for _ in range(2):
        for number in range(count):
            collected.fail({"nodeid": Told(f"test_{number}.py")})


def merged(count):
    """Ten subjects of each of so many shards, in one record."""
    whole = merge(shards(count))
    del whole["changes"]
    return whole


WORK = {  # by what it is: what is prepared for so many, and what is done with it
    "merge": (shards, merge),
    "one model in many tests": (int, one_model),
    "files that cannot be collected": (int, broken_files),
    "the page": (merged, render),
    "the job summary": (merged, record_markdown),
    "what changed": (lambda count: (merged(count), merged(count)), lambda both: compare(*both)),
}


@pytest.mark.parametrize(("prepared", "done"), WORK.values(), ids=WORK.keys())
def test_twice_as_much_takes_twice_the_work(prepared, done):
    done(prepared(2))  # what is loaded and kept the first time
    once, twice = (work(partial(done, prepared(count))) for count in (20, 40))
    assert twice < LINEAR * once, (once, twice)
