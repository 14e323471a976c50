"""What broke, by its causes: which failures are one, under which subject, in which order."""

import pytest

from pytest_modelcheck.records.causes import causes
from pytest_modelcheck.records.gone import NO_LONGER

from ..catalogue import REGISTRY, read_record
from .conftest import check, record, run, subject


def missed(name="net", by=0.5, **facts):
    """A check of that subject that missed its limit by so much."""
    entry = {"subject": name, "signature": name, "outcome": "fail", "headroom": -by, "limit": 5}
    return check(**{"nodeid": f"t.py::test_{name}", **entry, **facts})


def errored(name="net", error="cannot trace it", **facts):
    return missed(name, **{"value": None, "headroom": None, "outcome": "error", "error": error, **facts})


def failure(nodeid="t.py::test_net", phase="call", message="assert False", where="t.py:3"):
    return {"nodeid": nodeid, "phase": phase, "message": message, "where": where, "text": ""}


def model(name, *tests):
    return subject(name, nodeids=list(tests or [f"t.py::test_{name}"]))


def changed(name, path="body.0", what="stride", before="2", after="1", **facts):
    row = {"kind": "changed", "path": path, "what": what, "before": before, "after": after, "text": ""}
    return {"name": name, "status": "changed", "metrics": [], "structure": [row], **facts}


def against(*subjects):
    side = {"commit": "", "created": ""}
    return {"base": side, "head": side, "environment": [], "subjects": list(subjects)}


def found(made):
    """Each cause as its subjects' names, or else its tests, and how many checks and failures it has."""
    told = causes(made, REGISTRY)
    return [
        ([entry["name"] for entry in one.subjects] or one.nodeids, len(one.checks), len(one.failures))
        for one in told
    ]


def names(made):
    return [who for who, *_ in found(made)]


def test_twenty_failures_of_one_model_are_one_cause():
    checks = [missed(by=n, nodeid=f"t.py::test_{n}") for n in range(20)]
    (one,) = causes(record(model("net"), checks=checks, changes=against(changed("net"))), REGISTRY)
    assert len(one.nodeids) == 20
    assert [(origin.name, origin.text) for origin in one.origins] == [("body.0", "stride 2 -> 1")]
    assert [entry["headroom"] for entry in one.checks] == sorted(-n for n in range(20))


def test_models_that_changed_alike_are_one_cause():
    widths = ("net[64]", "net[128]", "other")
    checks = [missed(name, by) for name, by in zip(widths, (0.1, 3, 1), strict=True)]
    changes = against(changed("net[64]"), changed("net[128]"), changed("other", path="head"))
    made = record(*map(model, widths), checks=checks, changes=changes)
    assert names(made) == [["net[64]", "net[128]"], ["other"]]
    assert [entry["headroom"] for entry in causes(made, REGISTRY)[0].checks] == [-3, -0.1]


SAME = "the operator aten::foo is not known"


@pytest.mark.parametrize(
    ("checks", "causes_of"),
    [
        ([errored(f"n{i}", SAME) for i in range(12)], [[f"n{i}" for i in range(12)]]),
        ([errored("n0", SAME), errored("n1", "another")], [["n0"], ["n1"]]),
        ([errored("n0", SAME), errored("n0", "another"), errored("n1", SAME)], [["n0"], ["n1"]]),
        ([errored("n0", SAME), missed("n0"), errored("n1", SAME)], [["n0"], ["n1"]]),
        ([errored("n0", "", reason=SAME), errored("n1", "", reason=SAME)], [["n0", "n1"]]),
        ([missed("n0"), missed("n1")], [["n0"], ["n1"]]),
    ],
    ids=["twelve", "two reasons", "one has two", "one misses a limit", "older records", "limits missed"],
)
def test_subjects_that_failed_for_the_same_reason_alone_are_one_cause(checks, causes_of):
    subjects = dict.fromkeys(entry["subject"] for entry in checks)
    assert names(record(*map(model, subjects), checks=checks)) == causes_of


FAILURES = {
    "its own test": (model("net"), failure(), [["net"]]),
    "its teardown": (model("net"), failure(phase="teardown"), [["net"]]),
    "beside it, in a file of no other": (model("net"), failure("t.py::test_plain"), [["net"]]),
    "in another file": (model("net"), failure("other.py::test"), [["net"], ["other.py::test"]]),
    "its file": (model("net"), failure("t.py", "collect"), [["t.py"], ["net"]]),
}


@pytest.mark.parametrize(("entry", "one", "expected"), FAILURES.values(), ids=FAILURES)
def test_a_test_that_fails_without_a_check_is_told_with_its_subject(entry, one, expected):
    checks = [missed(nodeid="t.py::test_budget")]
    assert names(record(entry, checks=checks, failures=[one])) == expected


def test_a_plain_test_is_not_told_with_a_subject_that_is_well():
    assert names(record(model("net"), failures=[failure("t.py::test_plain")])) == [["t.py::test_plain"]]


def test_a_test_of_two_subjects_is_told_with_the_one_that_changed():
    subjects = [model(name, "t.py::test") for name in ("a", "b")]
    made = record(*subjects, failures=[failure("t.py::test")], changes=against(changed("b")))
    assert names(made) == [["b"]]


def test_a_run_that_ends_at_collection():
    reason = "ModuleNotFoundError: No module named 'x'"
    broken = [failure(f"t{i}.py", "collect", reason, f"t{i}.py:1") for i in range(12)]
    other = failure("odd.py", "collect", "SyntaxError: invalid syntax", "odd.py:7")
    made = record(failures=[*broken, other], run=run(2))
    assert names(made) == [[f"t{i}.py" for i in range(12)], ["odd.py"]]


def test_one_fixture_that_fails_is_one_cause_of_checks_and_tests_alike():
    crash = {"phase": "setup", "message": "RuntimeError: no weights", "where": "conftest.py:5"}
    lost = [errored(f"m{i}", "no verdict: ...", signature="", nodeid=f"t.py::test_{i}") for i in range(3)]
    nodes = [f"t.py::test_{i}" for i in range(4)]
    made = record(checks=lost, failures=[failure(nodeid, **crash) for nodeid in nodes])
    assert found(made) == [(nodes, 3, 1)]


def test_a_test_whose_process_died_is_told_where_nothing_else_tells_of_it():
    made = record(model("net"), run=run(1, no_result=["t.py::test_net"]))
    assert found(made) == [(["net"], 0, 1)]
    told = {**made, "failures": [failure(phase="process", message="it died")]}
    assert found(told) == [(["net"], 0, 1)]


def test_files_come_first_then_the_worst_then_what_has_no_subject():
    nets = ("little", "much", "map", "error", "slow", "zero")
    checks = [
        missed("little", 0.1),
        missed("much", 3),
        missed("map", 400, metric="heatmap"),  # a distance is no share of a cost
        errored("error"),
        missed("slow", metric="latency_regression", headroom=None, value=0.5, max_regression=0.05),
        missed("zero", headroom=None, limit=0, metric="operator_calls"),
    ]
    failures = [failure("plain.py::test"), failure("broken.py", "collect")]
    made = record(*map(model, nets), checks=checks, failures=failures)
    order = [who[0] for who in names(made)]
    assert order[:5] == ["broken.py", "zero", "much", "slow", "little"]
    assert (set(order[5:7]), order[7]) == ({"map", "error"}, "plain.py::test")


@pytest.mark.parametrize(
    "facts",
    [
        {"outcome": "expected", "reason": "marked xfail"},
        {"outcome": "fail", "level": "warn"},
        {"outcome": "accepted"},
        {"outcome": "not gated"},
        {"outcome": "inconclusive"},
        {"outcome": "skipped"},
    ],
)
def test_what_does_not_make_a_run_red_is_no_cause(facts):
    assert causes(record(model("net"), checks=[missed(**facts)]), REGISTRY) == []


def test_limits_that_are_gone_are_one_cause_and_no_modules():
    gone = [missed(f"n{i}", value=None, headroom=None, reason=NO_LONGER) for i in range(3)]
    made = record(*(model(f"n{i}") for i in range(3)), checks=gone, changes=against(changed("n0")))
    (one,) = causes(made, REGISTRY)
    assert (list(one.subjects), list(one.origins), len(one.checks)) == ([], [], 3)


def weights(name):
    return {
        "name": name,
        "status": "changed",
        "metrics": [],
        "weights": {"changed": 1, "of": 2, "tensors": []},
    }


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (missed(metric="flops"), []),
        (missed(metric="heatmap", headroom=None), ["1 of 2 tensors hold other values"]),
    ],
    ids=["a figure does not depend on values", "a heatmap does"],
)
def test_values_alone_are_behind_no_figure(entry, told):
    (one,) = causes(record(model("net"), checks=[entry], changes=against(weights("net"))), REGISTRY)
    assert [origin.text for origin in one.origins] == told


def test_without_other_changes_those_of_the_worst_check_are_told():
    parts = [{"module": f"layers.{i}", "base": 1024, "value": 2048} for i in range(3)]
    parts += [{"module": "new", "base": 0, "value": 8}, {"module": "old", "base": 8, "value": 0}]
    (one,) = causes(record(model("net"), checks=[missed(unit="bytes", changes=parts)]), REGISTRY)
    told = [(origin.name, origin.text) for origin in one.origins]
    assert told == [("layers.{0..2}", "1 KiB -> 2 KiB"), ("new", "new"), ("old", "gone")]


def test_a_record_of_the_first_release():
    from ..base.test_first_release import WITH_BASE

    made = read_record(WITH_BASE)
    for entry in made["checks"]:
        entry["outcome"] = "fail"
        for key in ("error", "limit", "max_regression"):
            entry.pop(key, None)
    made.pop("failures", None)
    made["run"].pop("options", None)
    told = causes(made, REGISTRY)
    assert sum(len(one.checks) for one in told) == len(made["checks"])


def test_five_hundred_subjects_take_no_time():
    import time

    subjects = [subject(f"n{i}", nodeids=[f"t{i}.py::test"]) for i in range(500)]
    checks = [missed(f"n{i % 500}", nodeid=f"t{i % 500}.py::test") for i in range(5000)]
    failures = [failure(f"t{i % 500}.py::more_{i}") for i in range(5000)]
    started = time.perf_counter()
    told = causes(record(*subjects, checks=checks, failures=failures), REGISTRY)
    assert len(told) == 500
    assert time.perf_counter() - started < 2
