"""Amounts as users write them."""

import decimal
import math

import pytest

from pytest_modelcheck.errors import LimitError
from pytest_modelcheck.verdict.units import (
    BYTES,
    CALLS,
    DIFFERENCES,
    ELEMENTS,
    FLOPS,
    MACS,
    PARAMS,
    RATIO,
    SECONDS,
    Unit,
)


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
        (SECONDS, "3 B", "an amount of memory, not a time"),  # rather than three billion parameters
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


@pytest.mark.parametrize(
    ("unit", "amount", "spelled", "value", "text"),
    [
        (FLOPS, "1.7 GMACs", "1.7 GMACs", 3.4e9, "1.7 GMACs"),
        (FLOPS, " 1.7Gmacs", "1.7 GMACs", 3.4e9, "1.7 GMACs"),
        (FLOPS, "0.5 MFLOPs", "0.5 MFLOPs", 5e5, "500 kFLOPs"),
        (MACS, "2 kflop", "2 kFLOPs", 1000, "2 kFLOPs"),
        (BYTES, "300 MB", "300 MB", 3e8, "300 MB"),
        (BYTES, "300 MiB", "300 MiB", 3e8, "286.1 MiB"),
        (BYTES, "8591 B", "8591 B", 8592, "8.391 KiB"),
        (RATIO, "2%", "2 %", 0.02, "2 %"),
        (FLOPS, 3.4e9, "", 3.4e9, "3.4 GFLOPs"),
        (BYTES, 8591, "", 8592, "8.391 KiB"),
    ],
)
def test_amounts_are_told_as_they_were_written(unit, amount, spelled, value, text):
    assert unit.spelled(amount) == spelled
    assert unit.written(spelled).format(value) == text
    if spelled:
        assert unit.parse(spelled) == unit.parse(amount)


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (SECONDS, 12345, "12,345 s"),
        (SECONDS, 0.99999, "1 s"),
        (BYTES, 2**20 - 500, "0.9995 MiB"),
        (FLOPS, 999_960, "1 MFLOPs"),
        (CALLS, 1, "1 call"),
        (CALLS, 12_345, "12.35 kcalls"),
        (DIFFERENCES, 0, "no difference"),
        (DIFFERENCES, 1, "1 difference"),
        (DIFFERENCES, 24, "24 differences"),
        (Unit("boxes", "boxes", "a number of boxes", "2 boxes"), 1, "1 box"),
        (Unit("pixels", "pixels", "a number of pixels", "2 pixels"), 1, "1 pixel"),
    ],
)
def test_no_odd_numbers(unit, value, text):
    assert unit.format(value) == text


def test_flops_and_macs_are_each_others_twins():
    assert FLOPS.twin.format(3.4e9) == "1.7 GMACs"
    assert MACS.twin.exact(1) == "2 FLOPs"
    assert FLOPS.written("1 MACs").twin.format(8) == "8 FLOPs"
    assert BYTES.twin is None


def test_amounts_are_read_the_same_in_a_decimal_context_of_the_users():
    with decimal.localcontext(decimal.Context(prec=3, traps=[decimal.FloatOperation])) as users:
        assert FLOPS.parse("1.23456 GFLOPs") == 1_234_560_000
        assert SECONDS.parse(0.25) == 0.25
        assert not any(users.flags.values())
