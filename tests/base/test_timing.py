"""What two revisions cannot be timed for: said as a reason or an error, never guessed."""

from types import SimpleNamespace

import pytest

from pytest_modelcheck.base.timing import apart
from pytest_modelcheck.base.timing.paired import Comparisons
from pytest_modelcheck.base.timing.revision import Job, _Collection
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.units import SECONDS
from pytest_modelcheck.verdict import Limit

KEY = ("tests/test_net.py::test_net", "tests/test_net.py:3")
JOB = Job("/here", "/here", "/there", [], [], [], [], [KEY], "/results", 1.0, 1.0)


def test_two_limits_in_one_place_are_an_error_and_not_each_others_result():
    demand = SimpleNamespace(limit=Limit("latency", SECONDS, max_regression=0.05, where=KEY[1]), source=None)
    run = _Collection([KEY])
    run._take(SimpleNamespace(nodeid=KEY[0]), [demand, demand], None)
    assert run.found == {}
    assert (
        run.reason(KEY) == "tests/test_net.py:3 has several latency limits: write each on a line of its own"
    )


@pytest.mark.parametrize(
    ("missing", "result"),
    [
        (["base"], {"reason": "not measured at the base: gone"}),
        (["head"], {"error": "not measured in this tree: gone"}),
        (["base", "head"], {"error": "not measured in this tree: gone"}),
    ],
)
def test_what_this_tree_lacks_is_an_error_what_only_the_base_lacks_is_none(missing, result):
    said = {revision: [[list(KEY), "gone"]] for revision in missing}
    child = SimpleNamespace(ask=lambda timeout, **question: said)
    assert Comparisons(JOB)._load(child) == ("", {KEY: result})


def test_in_pairs_of_processes_it_is_the_same(monkeypatch):
    monkeypatch.setattr(apart.sys, "meta_path", [])
    monkeypatch.setattr(apart, "collect", lambda job, keys: ({}, {KEY: "it is new"}))
    question = {"load": True}
    assert apart.Apart(JOB, KEY, head=False)(question) == {
        "reason": "the base has no such subject: it is new"
    }
    with pytest.raises(MeasurementError, match="this tree has no such subject: it is new"):
        apart.Apart(JOB, KEY, head=True)(question)
