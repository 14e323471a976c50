"""What a limit says, what it decides, and what a verdict tells of it. Oracles by hand."""

from typing import get_args

import pytest

from pytest_modelcheck.records.types import OutcomeName
from pytest_modelcheck.verdict.judge import BaseValue, Change, Outcome, Verdict, changes, decides, judge
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.measurement import Contributor, Measurement
from pytest_modelcheck.verdict.metric import Definition, Metric
from pytest_modelcheck.verdict.units import FLOPS, PARAMS

from .catalogue import metric

PASS, FAIL, OPEN = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def limit(**bounds):
    return Limit(metric("flops"), **bounds)


def parts(**values):
    return tuple(Contributor(name, value) for name, value in values.items())


@pytest.mark.parametrize("level", ["fail", "warn"])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_fails_a_test(outcome, level):
    fails = Verdict("net", limit(max=1, level=level), outcome).fails
    assert fails is (outcome is Outcome.ERROR or (outcome is Outcome.FAIL and level == "fail"))


def test_outcomes_are_the_words_of_the_record():
    assert [str(o) for o in Outcome] == list(get_args(OutcomeName))


@pytest.mark.parametrize(
    ("bounds", "value", "excess", "headroom", "at_minimum"),
    [
        ({"max": 100}, 90, -10, 0.1, False),
        ({"max": 100}, 100, 0, 0, False),
        ({"max": 100}, 150, 50, -0.5, False),
        ({"min": 100}, 90, 10, -0.1, True),
        ({"min": 100}, 150, -50, 0.5, True),
        ({"min": 50, "max": 100}, 40, 10, -0.2, True),
        ({"min": 50, "max": 100}, 60, -40, 0.4, False),
        ({"min": 50, "max": 100}, 110, 10, -0.1, False),
        ({"max": 0}, 3, 3, None, False),
        ({"max": 0}, 0, 0, None, False),
        ({"min": 0}, 3, -3, None, True),
        ({"min": 100, "max": 100}, 90, 10, -0.1, True),
        ({"min": 100, "max": 100}, 110, 10, -0.1, False),
    ],
)
def test_distance_to_the_bound_that_decided(bounds, value, excess, headroom, at_minimum):
    verdict = judge("net", limit(**bounds), Measurement(value))
    assert (verdict.excess, verdict.at_minimum) == (excess, at_minimum)
    assert verdict.headroom == (None if headroom is None else pytest.approx(headroom))


@pytest.mark.parametrize(("measurement", "bound"), [(None, None), (None, 5), (Measurement(7), None)])
def test_without_a_value_or_a_bound_there_is_no_distance(measurement, bound):
    verdict = Verdict("net", limit(max=5), Outcome.ERROR, measurement, bound)
    assert (verdict.excess, verdict.headroom) == (0, None)


def test_a_line_below_the_limit_has_no_headroom():
    measured = Measurement(104)
    line = Verdict("net", limit(max_regression=0.05, max=0.03), PASS, measured, 103, base=100)
    plain = Verdict("net", limit(max_regression=0.05), PASS, measured, 105, base=100)
    assert (line.limit.has_line, line.headroom, line.excess) == (True, None, 1)
    assert (plain.limit.has_line, plain.excess) == (False, -1)
    assert plain.headroom == pytest.approx(1 / 105)
    assert not limit(max=3).has_line


@pytest.mark.parametrize(
    ("interval", "at_most", "at_least"),
    [
        ((7, 9), PASS, FAIL),
        ((8, 10), PASS, OPEN),
        ((9, 11), OPEN, OPEN),
        ((10, 10), PASS, PASS),
        ((10, 12), OPEN, PASS),
        ((11, 12), FAIL, PASS),
    ],
)
def test_an_interval_and_a_bound_of_10(interval, at_most, at_least):
    measurement = Measurement(sum(interval) / 2, interval)
    for bounds, outcome in (({"max": 10}, at_most), ({"min": 10}, at_least)):
        verdict = judge("net", limit(**bounds), measurement)
        assert (verdict.outcome, verdict.bound) == (outcome, 10)
        assert decides(limit(**bounds), measurement) is (outcome is not OPEN)


def test_a_value_without_an_interval_always_decides():
    assert decides(limit(max=10), Measurement(11))
    assert decides(limit(max=10), Measurement(10))


@pytest.mark.parametrize(
    ("low", "high", "interval", "outcome", "bound"),
    [
        (10, 20, (12, 18), PASS, 20),
        (10, 20, (5, 15), OPEN, 10),
        (10, 20, (15, 25), OPEN, 20),
        (10, 20, (5, 9), FAIL, 10),
        (10, 20, (21, 25), FAIL, 20),
        (10, 9, (9.5, 10.5), FAIL, 9),  # too much for sure, too little perhaps
        (10, 9, (8.5, 9.5), FAIL, 10),  # the other way round
        (None, 20, (12, 18), PASS, 20),
        (10, None, (12, 18), PASS, 10),
        (None, None, (12, 18), PASS, None),
    ],
)
def test_of_two_bounds_the_worse_one_decides(low, high, interval, outcome, bound):
    verdict = judge("net", limit(min=low, max=high), Measurement(sum(interval) / 2, interval))
    assert (verdict.outcome, verdict.bound) == (outcome, bound)


@pytest.mark.parametrize(
    ("bounds", "text"),
    [
        ({}, ""),
        ({"max": 100}, "max 100 FLOPs"),
        ({"min": 2_000_000}, "min 2 MFLOPs"),
        ({"min": 0, "max": 1500}, "min 0 FLOPs, max 1.5 kFLOPs"),
        ({"max_regression": 0.02}, "max 2 % above the base"),
        ({"max_regression": 0, "max": 5}, "max 0 % above the base"),
    ],
)
def test_a_limit_in_words(bounds, text):
    assert str(limit(**bounds)) == text
    assert limit(**bounds).unit is FLOPS


def test_the_largest_change_comes_first_whichever_way_it_goes():
    base = parts(stem=10, body=50, head=7, gone=4)
    now = parts(stem=10, body=20, head=9, fresh=40)
    assert changes(base, now) == (
        Change("fresh", 0, 40),
        Change("body", 50, 20),
        Change("gone", 4, 0),
        Change("head", 7, 9),
    )
    assert changes(base, base) == changes((), ()) == ()


@pytest.mark.parametrize(
    ("share", "value", "interval", "outcome", "bound"),
    [
        (0.5, 150, None, PASS, 150),
        (0.5, 151, None, FAIL, 150),
        (0, 100, None, PASS, 100),
        (0, 101, None, FAIL, 100),
        (0.5, 150, (140, 160), OPEN, 150),
        (0.5, 1, None, PASS, 150),
    ],
)
def test_a_share_above_the_base(share, value, interval, outcome, bound):
    measurement = Measurement(value, interval, contributors=parts(a=value, b=3), notes=("mine",))
    base = BaseValue(100, parts(a=100, b=3), notes=("another machine",))
    verdict = judge("net", limit(max_regression=share), measurement, base)
    assert (verdict.outcome, verdict.bound, verdict.base) == (outcome, bound, 100)
    assert verdict.changes == ((Change("a", 100, value),) if value != 100 else ())
    assert verdict.measurement.notes == ("mine", "another machine")


def test_a_base_of_zero_is_a_base():
    verdict = judge("net", limit(max_regression=0.5), Measurement(1), BaseValue(0))
    assert (verdict.outcome, verdict.bound, verdict.headroom) == (FAIL, 0, None)


def test_without_a_base_it_says_why():
    measured = Measurement(5, notes=("mine",))
    verdict = judge("net", limit(max_regression=0.5), measured, BaseValue(reason="a new test", notes=("so",)))
    assert (verdict.outcome, verdict.reason) == (Outcome.NOT_GATED, "a new test")
    assert (verdict.bound, verdict.base, verdict.fails) == (None, None, False)
    assert verdict.measurement.notes == ("mine", "so")
    bare = judge("net", limit(max_regression=0.5), measured)
    assert (bare.reason, bare.measurement) == ("", measured)


def test_a_measurement():
    plain = Measurement(3)
    assert (plain.low, plain.high, plain.aka, plain.notes, plain.caveat, plain.protocol) == (
        3,
        3,
        "",
        (),
        "",
        "",
    )
    measured = Measurement(3, (2, 5), contributors=parts(a=1, b=7, c=3))
    assert (measured.low, measured.high) == (2, 5)
    assert [part.module for part in measured.heaviest] == ["b", "c", "a"]


def test_a_metric():
    plain = Metric("model_size", PARAMS)
    assert (plain.words, plain.nature, plain.more) == ("model size", "figure", "worse")
    assert Metric("model_size", PARAMS, "size of it").words == "size of it"
    assert Metric("model_size", PARAMS, definition=Definition(2, "0.3")) == plain
    assert (plain.definition.version, plain.definition.since) == (1, "0.1")


def test_figures_of_another_definition_are_refused():
    assert Definition(2, "0.3").refusal(2) == ""
    assert Definition(2, "0.3").refusal(1) == "counted differently since 0.3: not compared"
