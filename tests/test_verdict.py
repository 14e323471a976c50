"""One rule judges every check."""

import pytest

from pytest_modelcheck.records.entries import check_entry
from pytest_modelcheck.verdict.judge import BaseValue, Outcome, changes, judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.measurement import Contributor, Measurement
from pytest_modelcheck.verdict.message import failure_line, failure_text, tell

from .catalogue import metric


@pytest.mark.parametrize(
    ("bounds", "value", "outcome", "headroom"),
    [
        ({"max": 100}, 90, Outcome.PASS, 0.1),
        ({"max": 100}, 100, Outcome.PASS, 0.0),
        ({"max": 100}, 110, Outcome.FAIL, -0.1),
        ({"min": 100}, 90, Outcome.FAIL, -0.1),
        ({"min": 100}, 100, Outcome.PASS, 0.0),
        ({"min": 50, "max": 100}, 40, Outcome.FAIL, -0.2),
        ({"min": 50, "max": 100}, 120, Outcome.FAIL, -0.2),
        ({"min": 50, "max": 100}, 70, Outcome.PASS, 0.3),
        ({"max": 0}, 1, Outcome.FAIL, None),
    ],
)
def test_exact_values(bounds, value, outcome, headroom):
    verdict = judge("net", Limit(metric("flops"), **bounds), Measurement(value))
    assert verdict.outcome is outcome
    assert verdict.headroom == (None if headroom is None else pytest.approx(headroom))


@pytest.mark.parametrize(
    ("interval", "outcome"),
    [
        ((0.030, 0.039), Outcome.PASS),
        ((0.041, 0.050), Outcome.FAIL),
        ((0.039, 0.041), Outcome.INCONCLUSIVE),
    ],
)
def test_an_interval_that_contains_the_limit_decides_nothing(interval, outcome):
    limit = Limit(metric("latency"), max=0.040)
    assert judge("net", limit, Measurement(sum(interval) / 2, interval)).outcome is outcome


def test_a_relative_limit_without_a_base_is_not_gated():
    limit = Limit(metric("flops"), max_regression=0.02)
    assert judge("net", limit, Measurement(1)).outcome is Outcome.NOT_GATED


@pytest.mark.parametrize(("value", "outcome"), [(102, Outcome.PASS), (103, Outcome.FAIL)])
def test_a_relative_limit_is_judged_against_the_base(value, outcome):
    limit = Limit(metric("flops"), max_regression=0.02)
    assert judge("net", limit, Measurement(value), BaseValue(100)).outcome is outcome


def test_a_warning_level_breach_is_a_breach_that_fails_nothing():
    verdict = judge("net", Limit(metric("flops"), max=1, level="warn"), Measurement(2))
    assert verdict.outcome is Outcome.FAIL
    assert not verdict.fails


def test_modules_that_moved_are_no_change_of_cost():
    base = [Contributor("down.conv", 10), Contributor("down.norm", 2), Contributor("up", 5)]
    head = [Contributor("new.conv", 10), Contributor("to.down.conv", 10), Contributor("to.down.norm", 2)]
    found = [(c.module, c.base, c.value) for c in changes(base, [*head, Contributor("up", 6)])]
    assert found == [("new.conv", 0, 10), ("up", 5, 6)]


@pytest.mark.parametrize(
    ("value", "told"), [(1100, "over by      95 FLOPs"), (1100.5, "over by      95.5 FLOPs")]
)
def test_what_is_counted_is_not_told_in_parts(value, told):
    limit = Limit(metric("flops"), max_regression=0.005)
    assert (
        told
        in tell(judge("net", limit, Measurement(value), BaseValue(1000.2 if value == 1100 else 1000))).text
    )


def test_layers_that_cost_alike_are_one_line_with_their_sum():
    parts = (*(Contributor(f"layers.{n}.attention", 3) for n in range(12)), Contributor("head", 64))
    text = tell(judge("net", Limit(metric("flops"), max=10), Measurement(100, contributors=parts))).text
    assert "12 x layers.{0..11}.attention      36 FLOPs     36 %" in text
    assert text.index("head") < text.index("12 x")


def test_a_record_keeps_all_of_what_changed_alike():
    base = [Contributor(f"layers.{n}", 1) for n in range(60)]
    head = [Contributor(f"layers.{n}", 2) for n in range(60)]
    limit = Limit(metric("flops"), max_regression=0.02)
    measured, known = Measurement(120, contributors=tuple(head)), BaseValue(60, tuple(base))
    told = tell(judge("net", limit, measured, known))
    assert "60 x layers.{0..59}  1 FLOPs -> 2 FLOPs" in told.text
    assert len(check_entry("t.py::test_it", told)["changes"]) == 60


def test_a_failure_begins_with_the_worst_breach():
    def breach(name, value, most):
        return tell(judge(name, Limit(metric("flops"), max=most), Measurement(value)))

    told = [
        breach("a", 11, 10),
        breach("b", 50, 10),
        breach("c", 5, 10),
        breach("d", 1, 0),
        breach("e", 12, 10),
    ]
    assert failure_line(told) == "d FLOPs 1 FLOPs, max 0 FLOPs (4 of 5 checks failed)"
    first = failure_text(told, "t.py::test_it").splitlines()[0]
    assert first.startswith("modelcheck: 4 of 5 checks failed: d FLOPs 1 FLOPs, max 0 FLOPs; b ")
    assert first.endswith("; 1 more")
