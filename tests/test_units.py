"""Amounts as users write them."""

import math

import pytest

from pytest_modelcheck.errors import LimitError
from pytest_modelcheck.verdict.units import BYTES, CALLS, ELEMENTS, FLOPS, MACS, PARAMS, RATIO, SECONDS


@pytest.mark.parametrize(
    ("unit", "amount", "base"),
    [
        (FLOPS, "4.2 GFLOPs", 4_200_000_000),
        (FLOPS, "4.2GFLOP", 4_200_000_000),
        (FLOPS, "1.9 GMACs", 3_800_000_000),  # one MAC is two FLOPs
        (MACS, "3.8 GFLOPs", 1_900_000_000),
        (FLOPS, 17, 17),
        (PARAMS, "25.6 M", 25_600_000),
        (PARAMS, "6.74 B", 6_740_000_000),
        (PARAMS, "11,689,512 params", 11_689_512),
        (ELEMENTS, "11.1 M", 11_100_000),
        (BYTES, "300 MiB", 300 * 2**20),
        (BYTES, "300 MB", 300_000_000),
        (SECONDS, "40 ms", 0.04),
        (SECONDS, "250 µs", 0.00025),
        (RATIO, "2%", 0.02),
        (RATIO, 0.02, 0.02),
    ],
)
def test_amounts_are_read_exactly(unit, amount, base):
    assert unit.parse(amount) == base


@pytest.mark.parametrize(
    ("unit", "amount", "words"),
    [
        (FLOPS, "4.2", "has no unit"),
        (FLOPS, "4.2 G", "has no unit"),
        (PARAMS, "25600000", "has no unit"),
        (FLOPS, "4 GB", "an amount of memory, not operations"),
        (BYTES, "4 GFLOPs", "operations, not an amount of memory"),
        (FLOPS, "4 gFLOPs", "unknown unit 'gFLOPs'"),
        (BYTES, "3 Mb", "unknown unit"),  # bits are not bytes
        (FLOPS, -1, "negative"),
        (FLOPS, "-1 GFLOPs", "negative"),
        (FLOPS, math.nan, "NaN"),
        (FLOPS, "nan GFLOPs", "NaN"),
        (FLOPS, math.inf, "finite"),
        (FLOPS, "1,5 GFLOPs", "not a number"),
        (FLOPS, "many", "not an amount"),
        (FLOPS, True, "not a number or a string"),
        (FLOPS, [1], "not a number or a string"),
    ],
)
def test_wrong_amounts_are_refused_with_the_reason(unit, amount, words):
    with pytest.raises(LimitError, match=words):
        unit.parse(amount)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (FLOPS, 3_638_132_736, "3.638 GFLOPs"),
        (MACS, 999_999, "1 MMACs"),
        (PARAMS, 1_608_980, "1.609 M"),
        (PARAMS, 512, "512"),
        (BYTES, 6_641_440, "6.334 MiB"),
        (SECONDS, 0.0407, "40.7 ms"),
        (RATIO, 0.0541, "5.41 %"),
    ],
)
def test_values_are_shown_with_a_fitting_prefix(unit, value, text):
    assert unit.format(value) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (MACS, 2_809_482.56, "2,809,482.56 MACs"),
        (MACS, 2_809_482.0, "2,809,482 MACs"),
        (MACS, 0.5, "0.5 MACs"),
        (MACS, 999.123456, "999.123 MACs"),
        (MACS, 1000.5, "1,000.50 MACs"),
        (CALLS, 1, "1 call"),
        (CALLS, 2, "2 calls"),
        (CALLS, 0, "0 calls"),
        (BYTES, 1, "1 byte"),
        (SECONDS, 0.00132117, "1.32117 ms"),
    ],
)
def test_exact_amounts_are_written_out(unit, value, text):
    assert unit.exact(value) == text
