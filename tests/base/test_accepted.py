"""Trailers: how they are read, and what they accept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_modelcheck.base.accepted import Accepted
from pytest_modelcheck.base.trailers import _found, parse
from pytest_modelcheck.demand.plan import Demand
from pytest_modelcheck.demand.source import Source
from pytest_modelcheck.records.gone import quoted
from pytest_modelcheck.verdict.judge import Acceptance, BaseValue, Outcome, accept, judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.measurement import Measurement
from pytest_modelcheck.verdict.message import explain
from pytest_modelcheck.verdict.units import BYTES, CALLS, ELEMENTS, FLOPS, PARAMS, RATIO, SECONDS

from ..catalogue import REGISTRY, metric
from ..records.conftest import check

COMMIT = "1a2b3c4d5e6f7a8b"


def understood(text):
    return parse({"commit": COMMIT, "line": 3, "text": text}, REGISTRY)


NAMES = {
    "tests/test_a.py::test_cost flops: why": "tests/test_a.py::test_cost",
    "tests/test_a.py::TestA::test_b[x:y-1] flops: why": "tests/test_a.py::TestA::test_b[x:y-1]",
    "'tests/test_a.py::test_b[a b]' flops: why": "tests/test_a.py::test_b[a b]",
    '"tests/test_a.py::test_b[it\'s]" flops: why': "tests/test_a.py::test_b[it's]",
    "tests/test_a.py::test_b[it's] flops: why": "tests/test_a.py::test_b[it's]",
    r"tests/test_a.py::test_b[\xe9] flops: why": r"tests/test_a.py::test_b[\xe9]",
    "tests/test_ä.py::test_é flops: why": "tests/test_ä.py::test_é",
    "'net (1x3x8x8)' flops: why": "net (1x3x8x8)",
    "net   flops   :why": "net",
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_names(text, name):
    found = understood(text)
    assert (found.name, found.metric, found.why, found.problem) == (name, "flops", "why", "")


@pytest.mark.parametrize("name", ["a", "a b", "a 'b' c", 'a "b" c', "'a'", "a\\ b 'c'", "a::b[c: d]", "é ü"])
def test_a_quoted_name_is_read_back(name):
    assert understood(f"{quoted(name)} flops: why").name == name


REST = {
    "a flops <= 1.5 GFLOPs: a: b <= c": ("flops", 1_500_000_000, "a: b <= c"),
    "a flops<=3 kMACs:why": ("flops", 6000, "why"),
    "a params <= 25.6 M: why": ("params", 25_600_000, "why"),
    "a peak_memory <= 300 MiB: why": ("peak_memory", 300 * 2**20, "why"),
    "a latency <= 12%: why": ("latency", 0.12, "why"),
    "a latency_regression <= 12 %: why": ("latency_regression", 0.12, "why"),
    "a operator_calls(aten::copy_) <= 2 calls: why": ("operator_calls", 2, "why"),
    "a removed: why": ("removed", None, "why"),
}


@pytest.mark.parametrize(("text", "rest"), REST.items())
def test_metric_limit_and_reason(text, rest):
    found = understood(text)
    assert (found.metric, found.limit, found.why, found.problem) == (*rest, "")


PROBLEMS = {
    "": "it is not understood",
    "a": "it is not understood",
    "a b flops: why": "it is not understood",
    "a flops why": "it is not understood",
    "a flops:   ": "it gives no reason",
    "a flops <= 2: why": "'2' has no unit",
    "a flops <= : why": "'' is not an amount",
    "a flops <= nan FLOPs: why": "a limit cannot be NaN",
    "a flops <= -1 FLOPs: why": "a limit cannot be negative",
    "a latency <= 12 ms: why": "'12 ms' is a time, not a share",
    "a flop: why": "there is no metric 'flop'; did you mean 'flops'?",
    "a removed <= 1 FLOPs: why": "what is removed has no limit",
    "'a flops: why": "No closing quotation",
}


@pytest.mark.parametrize(("text", "problem"), PROBLEMS.items())
def test_what_is_wrong_is_said_with_commit_and_line(text, problem):
    found = understood(text)
    assert problem in found.problem
    assert found.told(found.problem).startswith(f"commit {COMMIT[:12]}, line 3 (Modelcheck-Accept: {text})")


MESSAGES = {
    "alone": ("Modelcheck-Accept: a flops: why", [(1, "a flops: why")]),
    "two": ("x\n\nModelcheck-Accept: a\nModelcheck-Accept: b", [(3, "a"), (4, "b")]),
    "folded": ("x\n\nModelcheck-Accept: a\n  flops: why\n\tit is so\nnext", [(3, "a flops: why it is so")]),
    "in the middle": ("x\n\n* a\n\nModelcheck-Accept: a\n\n* b\n\nbody", [(5, "a")]),
    "carriage returns": ("x\r\n\r\nmodelcheck-accept : a\r\n", [(3, "a")]),
    "indented or quoted": ("x\n\n  Modelcheck-Accept: a\n> Modelcheck-Accept: b", []),
    "in a sentence": ("x\n\nwrite Modelcheck-Accept: a", []),
    "of another name": ("x\n\nModelcheck-Accepts: a\nX-Modelcheck-Accept: b", []),
}


@pytest.mark.parametrize(("message", "found"), MESSAGES.values(), ids=MESSAGES)
def test_trailers_of_a_message(message, found):
    assert [(entry["line"], entry["text"]) for entry in _found(COMMIT, message)] == found


AMOUNTS = [
    *((FLOPS, value) for value in (1, 999, 12_342, 12_345, 1_234_432_891)),
    *((PARAMS, value) for value in (5, 1380, 25_553_032)),
    *((ELEMENTS, 292), (BYTES, 1000), (BYTES, 345_678), (CALLS, 1), (CALLS, 12_345)),
    *((RATIO, 0.123421), (RATIO, 12.3456), (SECONDS, 0.0123456)),
]


@pytest.mark.parametrize(("unit", "value"), AMOUNTS)
def test_the_amount_of_a_ready_line_is_read_back_and_no_less(unit, value):
    assert value <= unit.parse(unit.at_least(value)) <= value * 1.001


def verdict(value, interval=None, **limit):
    limit = Limit(metric("flops"), **(limit or {"max_regression": 0.02}))
    return judge("net", limit, Measurement(value, interval), BaseValue(100))


WHY = Acceptance("why", COMMIT)
JUDGED = {
    "a breach": (verdict(150), [WHY], Outcome.ACCEPTED),
    "none": (verdict(150), [], Outcome.FAIL),
    "up to the limit": (verdict(150), [Acceptance("why", COMMIT, 150)], Outcome.ACCEPTED),
    "beyond it": (verdict(151), [Acceptance("why", COMMIT, 150)], Outcome.FAIL),
    "the second": (verdict(150), [Acceptance("no", COMMIT, 120), WHY], Outcome.ACCEPTED),
    "what is not surely beyond": (
        verdict(150, (140, 160)),
        [Acceptance("why", COMMIT, 145)],
        Outcome.ACCEPTED,
    ),
    "what nobody could tell": (verdict(102, (100, 104)), [WHY], Outcome.ACCEPTED),
    "what is within the limit": (verdict(101), [WHY], Outcome.PASS),
    "an absolute limit": (verdict(150, max=120), [WHY], Outcome.FAIL),
    "a doubt": (verdict(150), [WHY, Acceptance("why", COMMIT, problem="fits two")], Outcome.ERROR),
}


@pytest.mark.parametrize(("made", "acceptances", "outcome"), JUDGED.values(), ids=JUDGED)
def test_what_is_accepted(made, acceptances, outcome):
    assert accept(made, acceptances).outcome is outcome


def test_the_message_says_who_accepted_less_and_what_would_do():
    text = explain(accept(verdict(151), [Acceptance("wider", COMMIT, 150)], "net flops"))
    assert f"accepted     up to 150 FLOPs, by commit {COMMIT[:12]}: wider" in text
    assert "to accept    Modelcheck-Accept: net flops <= 151 FLOPs: <why>" in text


def accepted(*texts):
    trailers = [{"commit": COMMIT, "line": line, "text": text} for line, text in enumerate(texts, 1)]
    base = {"trailers": {"problem": "", "found": trailers}, "subjects": [], "checks": []}
    return Accepted(base, REGISTRY)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("a.py::test_a latency: why", Outcome.ACCEPTED),
        ("a.py::test_a latency_regression <= 13 %: why", Outcome.ACCEPTED),
        ("net latency(median) <= 13 %: why", Outcome.ACCEPTED),
        ("a.py::test_a latency(p99): why", Outcome.FAIL),
        ("a.py::test_a latency <= 8 %: why", Outcome.FAIL),
        ("a.py::test_a flops: why", Outcome.FAIL),
    ],
)
def test_a_slowdown_that_was_timed_in_turns(text, outcome):
    check = REGISTRY.checks["latency_budget"]
    (limit,) = check.read_marker((), {"max_regression": "5%"}).limits
    demand = Demand(check, limit, Source({"model": "net"}))
    shown = replace(limit, metric=metric("latency_regression"), max=0.02, options={})
    slower = judge("net", Limit(metric("latency_regression"), max=0.02), Measurement(0.11, (0.09, 0.13)))
    found = accepted(text).judged("a.py::test_a", demand, replace(slower, limit=shown), [demand])
    assert found.outcome is outcome
    if outcome is Outcome.FAIL:
        assert "Modelcheck-Accept: a.py::test_a latency <= 13 %: <why>" in explain(found)


def test_who_removed_a_test_on_purpose():
    found = accepted("a.py::test_a removed: merged into test_b", "a.py::test_c flops: wider")
    assert found.removed("a.py::test_a") == Acceptance("merged into test_b", COMMIT, line=1)
    assert found.removed("a.py::test_a[x y]") == Acceptance("merged into test_b", COMMIT, line=1)
    assert found.removed("a.py::test_ab") is None
    assert found.removed("a.py::test_c") is None


def test_a_removal_of_what_was_not_there_is_told():
    found = accepted("a.py::test_a removed: why", "a.py::test_b removed: why")
    (note,) = found.notes({"checks": [check(nodeid="a.py::test_b")]}, ["a.py::test_a[1]"])
    assert note.endswith("(Modelcheck-Accept: a.py::test_b removed: why): nothing of that name was removed")


def accepted_checks(*lines):
    """Checks of as many subjects, accepted by the trailers in these lines of a commit."""
    owned = {"commit": COMMIT, "reason": "why", "limit": None}
    return [
        {
            "nodeid": f"a.py::test_{i}",
            "subject": f"net ({i})",
            "outcome": "accepted",
            "accepted": {**owned, "line": line},
            "message": "",
        }
        for i, line in enumerate(lines)
    ]


def test_a_name_that_accepted_two_subjects_of_this_tree_is_refused_at_the_end():
    checks = accepted_checks(1, 1)
    accepted("net flops: why").refuse_doubtful({"checks": checks})
    assert [check["outcome"] for check in checks] == ["error", "error"]
    assert "name one: 'net (0)', 'net (1)'" in checks[0]["message"]


def test_two_trailers_of_a_commit_with_the_same_reason_are_two():
    checks = accepted_checks(1, 2)
    accepted("'net (0)' flops: why", "'net (1)' flops: why").refuse_doubtful({"checks": checks})
    assert [check["outcome"] for check in checks] == ["accepted", "accepted"]
