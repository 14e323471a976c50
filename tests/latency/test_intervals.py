"""Intervals against printed tables."""

import math

import pytest

from pytest_modelcheck.checks.latency.intervals import quantile_interval, ranks, student_quantile


@pytest.mark.parametrize(
    ("count", "expected"), [(10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))]
)
def test_ranks_of_the_median_at_95_percent(count, expected):
    assert ranks(count, 0.5, 0.05) == expected  # Conover, Practical Nonparametric Statistics


def test_too_few_values_give_an_open_end():
    assert quantile_interval([1.0] * 5, 0.5) == (0.0, math.inf)


@pytest.mark.parametrize(
    ("chance", "freedom", "t"),
    [(0.975, 1, 12.706), (0.975, 2, 4.303), (0.95, 10, 1.812), (0.9995, 5, 6.869), (0.9995, 10, 4.587)],
)
def test_quantiles_of_students_t(chance, freedom, t):
    assert student_quantile(chance, freedom) == pytest.approx(t, abs=6e-4)
