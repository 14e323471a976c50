"""Amounts: whatever is written, it is an amount or an error that says what to write."""

import math

import pytest
from hypothesis import strategies as st

from pytest_modelcheck.errors import LimitError
from pytest_modelcheck.verdict.units import ALL, DIFFERENCES, Unit

from .properties import holds, said

UNITS = st.sampled_from([*ALL, DIFFERENCES, Unit.counting("pass", "passes")])
SIGNS = ("", "-", "+", "--", " ", "−")
DIGITS = ("0", "1", "9.5", "1e9", "1e999", "1e-999", "1e99999999999", "9" * 400, "9" * 5000, "1,234", "1,2", "1_0", "_",
          ".", "1.2.3", "nan", "inf", "Infinity", "٣", "²", "½", "0x1p3", "1e", "e9", "1 2", "")  # fmt: skip
WORDS = ("", "k", "K", "M", "G", "Gi", "B", "MB", "MiB", "GFLOPs", "gflops", "MACs", "FLOP", "%", "ms", "s", "min", "µs", "calls",
         "E E", "\0", "\ud800", "🙂", "%%", "/s", "percent")  # fmt: skip
WRITTEN = st.builds(
    "".join, st.tuples(*map(st.sampled_from, (SIGNS, DIGITS, (" ", "", "\n", "\t"), WORDS, ("", " "))))
)
TEXTS = st.one_of(WRITTEN, st.text(max_size=20), st.text("0123456789.,_eE+-", max_size=30))
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.sampled_from([10**400, -(10**400), 5e-324, 1.8e308, True, 2**63])
)
OTHERS = st.one_of(st.none(), st.binary(max_size=4), st.complex_numbers(), st.lists(st.integers(), max_size=2),
                   st.decimals(), st.fractions(), st.just(object()), st.just(int))  # fmt: skip


@holds(300, 20_000, unit=UNITS, amount=st.one_of(TEXTS, NUMBERS, OTHERS))
def test_an_amount_is_understood_or_refused(unit, amount):
    try:
        value = unit.parse(amount)
    except LimitError as error:
        said(error)
        return
    assert isinstance(amount, (int, float, str))
    assert not isinstance(amount, bool)
    assert value >= 0
    assert math.isfinite(value)
    assert unit.written(unit.spelled(amount)).format(value)
    assert unit.exact(value)


@holds(100, 10_000, unit=UNITS, amount=st.floats(0, allow_infinity=False) | st.integers(0, 10**300))
def test_what_is_measured_can_be_told(unit, amount):
    for text in (unit.format(amount), unit.exact(amount), unit.span(amount, math.inf)):
        assert text
    assert "inf" not in unit.format(amount) or amount > 1e300


@holds(
    100,
    10_000,
    unit=st.sampled_from([*ALL]),
    amount=st.floats(0, 1e90) | st.integers(0, 10**90),
)
def test_what_is_rounded_up_is_read_again(unit, amount):
    text = unit.at_least(amount)
    read = unit.parse(text) if unit.words else float(text)
    assert read >= amount


@pytest.mark.parametrize(
    "text",
    [
        "1" * 100_000 + "x" * 10,
        "1," * 50_000 + "!",
        " " * 100_000 + "1" + " " * 100_000,
        "1" * 20_000 + "\n\nx",
    ],
)
def test_no_text_is_read_for_long(text):
    for unit in ALL:
        with pytest.raises(LimitError):
            unit.parse(text)
