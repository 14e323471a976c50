"""Calls that grow slower or quicker one after the other, on clocks that follow a script: nothing here is timed."""

import itertools
import random

import pytest
from torch import nn

from pytest_modelcheck import MeasurementError
from pytest_modelcheck.checks.latency.budgets import LatencyBudget
from pytest_modelcheck.checks.latency.measure import measure
from pytest_modelcheck.checks.latency.trend import correlation, trend
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.verdict.judge import Outcome, decides, judge
from pytest_modelcheck.verdict.limit import Limit

from ..catalogue import metric


class Series:
    """A clock on which the calls take what `times` gives, one after the other."""

    name = "a script"

    def __init__(self, times):
        self.times, self.time = iter(times), 0.0

    def now(self):
        return self.time

    def measure(self, call):
        seconds = next(self.times)
        self.time += seconds
        return seconds, seconds


def noisy(function, seed=0):
    """`function(n)` of each call, with a tenth of noise, which is longer now and then."""
    rng = random.Random(seed)
    return (
        function(n) * (1 + 0.02 * rng.random() + (0.5 if rng.random() < 0.1 else 0))
        for n in itertools.count()
    )


def verdict(times, most):
    limit, check = Limit(metric("latency"), max=most), LatencyBudget()
    seen = measure(
        build_subject(nn.Linear(4, 2), input_size=(3, 4)),
        clock=Series(times),
        decided=lambda latency: decides(limit, check.read(latency, limit)),
    )
    return seen, lambda: judge("net", limit, check.read(seen, limit)).outcome


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda n: 0.005 * (1 + 0.02 * n), "grows with each call: 10"),
        (lambda n: 0.001 * (1 + 0.002 * n), "grows with each call: 2"),
        (lambda n: 0.001 * (1 + n) ** 0.5, "grows with each call"),
        (lambda n: max(0.02 - 1.02e-4 * n, 1e-4), "shrinks with each call: 10"),
        (lambda n: 3.0 + 0.4 * n, "grows with each call"),
    ],
    ids=["20 ms in 150 calls", "slowly", "less and less", "quicker", "seconds"],
)
def test_a_model_that_grows_does_not_pass(function, words):
    seen, outcome = verdict(noisy(function), most=60.0)
    assert words in str(seen)
    assert seen.to_dict()["trend"].startswith(words)
    with pytest.raises(MeasurementError, match=f"the time of a call {words}.*\n.*keeps from call to call"):
        outcome()


def test_what_fails_already_fails():
    seen, outcome = verdict(noisy(lambda n: 0.005 * (1 + 0.02 * n)), most=0.001)
    assert seen.trend is not None
    assert outcome() is Outcome.FAIL


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "function",
    [
        lambda n: 0.005,
        lambda n: 0.005 if n < 140 else 0.01,  # the machine becomes slower, or another one
        lambda n: 0.01 if n < 140 else 0.005,
        lambda n: 0.005 * (1 + (n // 7) % 2),
        lambda n: 0.005 + 0.02 * 0.9**n,  # caches that fill
        lambda n: 3.0,
    ],
    ids=["even", "a step up", "a step down", "by turns", "warm after a while", "seconds"],
)
def test_what_comes_and_goes_is_no_trend(function, seed):
    seen, outcome = verdict(noisy(function, seed), most=60.0)
    assert seen.trend is None
    assert outcome() is Outcome.PASS


def test_few_or_equal_values_have_none():
    assert trend([1.0, 2.0, 3.0]) is None
    assert trend([1.0] * 100) is None
    assert correlation(range(100)) == pytest.approx(99**0.5)
    assert trend(range(1, 101)).per_call == pytest.approx(1, rel=0.1)
