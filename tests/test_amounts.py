"""Every unit: its words, its prefixes, how its amounts are shown and refused. Oracles by hand."""

import math

import pytest

from pytest_modelcheck.errors import LimitError
from pytest_modelcheck.verdict.units import (
    ALL,
    BYTES,
    CALLS,
    ELEMENTS,
    FLOPS,
    LINES,
    MACS,
    PARAMS,
    RATIO,
    SECONDS,
    Unit,
    named,
)

SI = {"": 1, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
BINARY = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "Pi": 1024**5}
FACTS = {  # noun: the unit, what it is of, how it is written for example
    "FLOPs": (FLOPS, "operations", "4.2 GFLOPs", 4_200_000_000),
    "MACs": (MACS, "operations", "2.1 GMACs", 2_100_000_000),
    "parameters": (PARAMS, "a number of parameters", "25.6 M", 25_600_000),
    "elements": (ELEMENTS, "a number of elements", "11.1 M", 11_100_000),
    "bytes": (BYTES, "an amount of memory", "300 MiB", 314_572_800),
    "seconds": (SECONDS, "a time", "40 ms", 0.04),
    "calls": (CALLS, "a number of calls", "2 calls", 2),
    "lines": (LINES, "a number of lines", "2 lines", 2),
    "as a share of 1": (RATIO, "a share", "2%", 0.02),
}


def refused(unit, amount):
    with pytest.raises(LimitError) as caught:
        unit.parse(amount)
    return str(caught.value)


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (FLOPS, {"FLOPs": 1, "FLOP": 1, "MACs": 2, "MAC": 2, "flops": 1, "Macs": 2}),
        (MACS, {"MACs": 1, "MAC": 1, "FLOPs": 0.5, "FLOP": 0.5}),
        (PARAMS, {"params": 1, "param": 1, "parameters": 1}),
        (ELEMENTS, {"elements": 1, "activations": 1}),
        (BYTES, {"B": 1, "bytes": 1}),
        (CALLS, {"calls": 1, "call": 1}),
        (LINES, {"lines": 1, "line": 1}),
    ],
    ids=lambda value: value.noun if isinstance(value, Unit) else "",
)
def test_every_word_of_a_unit_and_every_prefix_before_it(unit, words):
    for word, worth in words.items():
        for prefix, factor in SI.items():
            assert unit.parse(f"3 {prefix}{word}") == 3 * worth * factor
            assert unit.parse(f"3{prefix} {word}") == 3 * worth * factor


@pytest.mark.parametrize("unit", [PARAMS, ELEMENTS])
def test_a_prefix_alone_is_enough_for_a_count(unit):
    for prefix, factor in {**SI, "B": 1e9}.items():
        if prefix:
            assert unit.parse(f"1.5 {prefix}") == 1.5 * factor
    assert PARAMS.parse("6.7 Bparams") == 6_700_000_000


@pytest.mark.parametrize("prefix", BINARY)
def test_binary_prefixes_are_for_bytes(prefix):
    assert BYTES.parse(f"3 {prefix}B") == 3 * BINARY[prefix]
    assert BYTES.format(3 * BINARY[prefix]) == f"3 {prefix}B"
    assert BYTES.format(-3 * BINARY[prefix]) == f"-3 {prefix}B"
    assert "unknown unit" in refused(FLOPS, f"3 {prefix}FLOPs")


@pytest.mark.parametrize(
    ("word", "worth"),
    {"min": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}.items(),
)
def test_every_word_for_a_time(word, worth):
    assert SECONDS.parse(f"5 {word}") == pytest.approx(5 * worth, rel=1e-12)


def test_shares():
    assert RATIO.parse("250 %") == 2.5
    assert RATIO.parse("0.5%") == 0.005
    assert "unknown unit 'k%'" in refused(RATIO, "2 k%")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3 FLOPs", 1000),
        ("+2 kFLOPs", 2000),
        ("1_000 FLOPs", 1000),
        (".5 kFLOPs", 500),
        ("1,234.5 kFLOPs", 1_234_500),
        ("  7FLOPs  ", 7),
        ("0 FLOPs", 0),
        (2.0, 2),
        (2.5, 2.5),
        (0, 0),
    ],
)
def test_numbers_as_people_write_them(text, value):
    found = FLOPS.parse(text)
    assert found == value
    assert isinstance(found, int) == (value % 1 == 0)


@pytest.mark.parametrize(("noun", "facts"), FACTS.items(), ids=FACTS.keys())
def test_a_refusal_says_how_to_write_it(noun, facts):
    unit, kind, example, worth = facts
    write = f"write for example '{example}'"
    assert unit.parse(example) == worth
    assert refused(unit, "3") == f"'3' has no unit; {write} (a plain number means {noun})"
    assert refused(unit, "7 zorks") == f"'7 zorks' has an unknown unit 'zorks'; {write}"
    assert refused(unit, "many") == f"'many' is not an amount; {write}"
    assert refused(unit, True) == f"True is not a number or a string; {write}"
    other, of_other = ("3 GFLOPs", "operations") if unit is SECONDS else ("3 ms", "a time")
    assert refused(unit, other) == f"'{other}' is {of_other}, not {kind}; {write}"


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (math.nan, "a limit cannot be NaN: nan"),
        ("nan FLOPs", "a limit cannot be NaN: 'nan FLOPs'"),
        (math.inf, "a limit must be finite: inf"),
        ("inf FLOPs", "a limit must be finite: 'inf FLOPs'"),
        (-0.5, "a limit cannot be negative: -0.5"),
        ("-1 GFLOPs", "a limit cannot be negative: '-1 GFLOPs'"),
        ("1,5 GFLOPs", "'1,5 GFLOPs': '1,5' is not a number (1234.5 or 1,234.5)"),
        ("12,34,567 FLOPs", "'12,34,567 FLOPs': '12,34,567' is not a number (1234.5 or 1,234.5)"),
    ],
)
def test_amounts_that_cannot_be_limits(amount, words):
    assert refused(FLOPS, amount) == words


@pytest.mark.parametrize(
    ("unit", "text"),
    [(BYTES, "3 b"), (BYTES, "3 mib"), (BYTES, "3 MIB"), (SECONDS, "3 MS"), (SECONDS, "3 S")],
)
def test_case_tells_bits_from_bytes_and_milli_from_mega(unit, text):
    assert "has an unknown unit" in refused(unit, text)


@pytest.mark.parametrize("noun", FACTS)
def test_units_are_found_by_their_noun(noun):
    assert named(noun) is FACTS[noun][0]


def test_an_unknown_noun_is_answered_with_those_there_are():
    assert {unit.noun for unit in ALL} == FACTS.keys()
    with pytest.raises(LimitError) as caught:
        named("cats")
    there = ", ".join(f"'{noun}'" for noun in FACTS)
    assert str(caught.value) == f"there is no unit 'cats'; there are {there}"


@pytest.mark.parametrize(
    ("prefix", "worth"), [(prefix, worth) for prefix, worth in SI.items() if prefix not in ("", "K")]
)
def test_every_prefix_is_shown_from_its_worth_on(prefix, worth):
    assert FLOPS.format(worth) == f"1 {prefix}FLOPs"
    assert PARAMS.format(-2.5 * worth) == f"-2.5 {prefix}"
    assert not FLOPS.format(0.999 * worth).endswith(f" {prefix}FLOPs")


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (FLOPS, 0, "0 FLOPs"),
        (FLOPS, 0.25, "0.25 FLOPs"),
        (FLOPS, 999, "999 FLOPs"),
        (FLOPS, 999.4, "999.4 FLOPs"),
        (FLOPS, 999.6, "999.6 FLOPs"),
        (FLOPS, 999.96, "1 kFLOPs"),
        (FLOPS, -999.96, "-1 kFLOPs"),
        (FLOPS, 999_940, "999.9 kFLOPs"),
        (FLOPS, 1001, "1.001 kFLOPs"),
        (BYTES, 1, "1 B"),
        (BYTES, 1023, "1023 B"),
        (BYTES, 1024, "1 KiB"),
        (BYTES, 1024**2 - 1, "1 MiB"),
        (PARAMS, 1, "1"),
        (PARAMS, 999_999, "1 M"),
        (ELEMENTS, 5, "5"),
        (ELEMENTS, 2_000_000, "2 M"),
        (CALLS, 1, "1 call"),
        (CALLS, 2, "2 calls"),
        (CALLS, 1500, "1.5 kcalls"),
        (LINES, 1, "1 line"),
        (LINES, 0, "0 lines"),
        (SECONDS, 90, "90 s"),
        (SECONDS, 1, "1 s"),
        (SECONDS, 0.9996, "999.6 ms"),
        (SECONDS, 0.001, "1 ms"),
        (SECONDS, 0.0009996, "999.6 µs"),
        (SECONDS, 1e-6, "1 µs"),
        (SECONDS, 9.5e-7, "950 ns"),
        (SECONDS, 2.5e-9, "2.5 ns"),
        (SECONDS, 0, "0 ns"),
        (SECONDS, -0.0407, "-40.7 ms"),
        (RATIO, 0.02, "2 %"),
        (RATIO, 9.99, "999 %"),
        (RATIO, 10, "1,000 %"),
        (RATIO, -12.346, "-1,235 %"),
        (RATIO, 0, "0 %"),
    ],
)
def test_values_at_the_edges_of_prefixes(unit, value, text):
    assert unit.format(value) == text


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        (RATIO, 0.12345678, "12.3457 %"),
        (SECONDS, 1.23456789e-7, "123.457 ns"),
        (PARAMS, 1, "1 parameter"),
        (PARAMS, 25_557_032, "25,557,032 parameters"),
        (ELEMENTS, 1, "1 element"),
        (ELEMENTS, 1000, "1,000 elements"),
        (LINES, 1, "1 line"),
        (FLOPS, 1, "1 FLOPs"),
        (MACS, 1000.25, "1,000.25 MACs"),
        (MACS, -1000.25, "-1,000.25 MACs"),
        (MACS, 999.987654, "999.988 MACs"),
    ],
)
def test_every_digit(unit, value, text):
    assert unit.exact(value) == text


def test_digits_on_request():
    assert FLOPS.format(3_638_132_736, 2) == "3.6 GFLOPs"
    assert BYTES.format(1023, 3) == "1023 B"  # whole bytes, however few digits
    assert RATIO.format(0.054321, 3) == "5.43 %"
    assert SECONDS.format(0.0407321, 3) == "40.7 ms"


def test_things_that_are_counted():
    cats = Unit.counting("Cat", "Cats")
    assert (cats.format(1), cats.format(3), cats.parse("3 cats"), cats.parse("1 Cat")) == (
        "1 Cat",
        "3 Cats",
        3,
        1,
    )
    assert refused(cats, "3") == "'3' has no unit; write for example '2 Cats' (a plain number means Cats)"
    assert "Decimal" not in repr(cats)  # the tables would fill a page


def test_a_unit_without_words_takes_numbers_only():
    score = Unit("", "points", "a score", "3")
    assert score.parse(3) == 3
    assert "has no unit" in refused(score, "3")
