"""The terminal's rows: by subject, the worst first, no figure ever cut, within the width; safe to print."""

import re

import pytest

from pytest_modelcheck.report.rows import margin
from pytest_modelcheck.report.terminal import summary_lines
from pytest_modelcheck.text import printable, shorten, shorten_subject

LATENCY = "826.7 µs (815.2 µs to 838.5 µs) thread CPU time, 845.5 µs wall"


def check(**changes):
    return {
        "nodeid": "t.py::test_it",
        "subject": "net",
        "metric": "macs",
        "title": "MACs",
        "value": 1200,
        "unit": "MACs",
        "limit": 1000,
        "value_text": "1.2 kMACs (2.4 kFLOPs)",
        "limit_text": "max 1 kMACs",
        "limit_short": "<= 1 kMACs",
        "headroom": -0.2,
        "outcome": "fail",
        "level": "fail",
        "caveat": "",
        "protocol": "",
        **changes,
    }


MANY = [
    check(),
    check(
        title="latency (median)", value_text=LATENCY, limit_short="<= 500 µs", headroom=-0.65, unit="seconds"
    ),
    check(
        title="translation shift (target=[1], layers=['body.0', 'body.5'])",
        value=0.0824,
        value_text="8.239 %",
        limit=0.01,
        limit_short="<= 1 %",
        headroom=-7.239,
        unit="as a share of 1",
    ),
    check(
        title="peak memory (training_step)",
        value=103,
        value_text="103.5 MiB",
        limit=102,
        base=100,
        max_regression=0.02,
        limit_short="<= +2 % of base",
        headroom=-0.01,
    ),
    check(
        subject="a" * 120 + "z",
        title="calls of aten::convolution",
        value_text="5 calls",
        limit_short="<= 3 calls",
    ),
]


def lines(*checks, width=80, **options):
    return summary_lines({"checks": list(checks), "run": {"no_result": [], "waited": 0.0}}, width, **options)


def shown(*checks, **options):
    return "\n".join(lines(*checks, **options))


def test_a_subject_once_then_a_line_for_each_check_and_the_counts():
    table = lines(check(), check(outcome="pass", headroom=0.25), check(level="warn"), width=100)
    assert table[0] == "net"
    assert table[1].split("  ") == ["", "MACs", "1.2 kMACs (2.4 kFLOPs)", "<= 1 kMACs", "20 % over", "✗ fail"]
    assert table[2].endswith("! warn")
    assert table[3:] == ["3 checks: 1 fail, 1 pass, 1 warn"]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_no_figure_is_cut_and_no_line_is_too_long(width):
    told = shown(*MANY, width=width)
    assert max(map(len, told.splitlines())) <= width
    flat = " ".join(told.split())
    for one in MANY:
        for figure in (one["value_text"], one["limit_short"], margin(one)):
            # a long one may go on in the next line, between its words
            assert re.search(r"\s+".join(map(re.escape, figure.split())), flat), figure
    numbers = [number for number in re.findall(r"\S*\d\S*", flat) if "…" in number]
    assert [number for number in numbers if "%" in number or number[0].isdigit()] == []


@pytest.mark.parametrize("width", [60, 80])
def test_a_number_is_not_parted_from_its_unit(width):
    for line in lines(*MANY, width=width):
        assert not re.search(r"(\d|<=|>=)$", line)


@pytest.mark.parametrize(
    ("verbose", "seen"),
    [
        (-1, "fail error"),
        (0, "fail error warn inconclusive accepted expected|not gated"),
        (1, "fail error warn inconclusive accepted expected|not gated pass skipped|not run"),
    ],
)
def test_what_is_shown_is_what_somebody_must_look_at(verbose, seen):
    outcomes = [
        "pass",
        "skipped",
        "not run",
        "expected",
        "accepted",
        "not gated",
        "inconclusive",
        "error",
        "fail",
    ]
    checks = [check(title=name, outcome=name) for name in outcomes] + [check(title="warn", level="warn")]
    told = lines(*checks, verbose=verbose, width=120)
    found = [line.split("  ")[1] for line in told if line.startswith("  ")]
    assert sorted(found) == sorted(re.split(r"[ ](?!gated|run)|\|", seen))
    assert found[: len(seen.split()[:2])] == ["fail", "error"]
    assert told[-1].startswith("10 checks: 1 pass, 1 skipped")


@pytest.mark.parametrize("verbose", [-1, 0])
def test_a_green_run_is_one_line(verbose):
    checks = [check(subject=f"net{n % 60}", outcome="pass", headroom=0.1) for n in range(600)]
    assert lines(*checks, verbose=verbose) == ["600 checks: 600 pass"]


def test_many_that_did_not_fail_are_counted_and_no_failure_is_left_out():
    loose = [check(title=f"loose{n}", outcome="not gated", headroom=None) for n in range(100)]
    bad = [check(title=f"bad{n}") for n in range(100)]
    told = lines(*loose, *bad)
    assert sum("✗ fail" in line for line in told) == 100
    assert "  and 60 more that did not fail: -v shows all" in told


def test_the_worst_comes_first():
    checks = [
        check(subject="fine", title="a", headroom=0.5, outcome="pass"),
        check(subject="slow", title="b", headroom=-0.1),
        check(subject="broken", title="c", headroom=-0.2),
        check(subject="broken", title="d", headroom=-3.0),
        check(subject="broken", title="e", headroom=None, limit=0),
        check(subject="broken", title="f", headroom=None, outcome="error", limit=1),
    ]
    told = lines(*checks, verbose=1)
    assert [line.split()[0] for line in told[:-1]] == ["broken", "e", "d", "c", "f", "slow", "b", "fine", "a"]


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"headroom": 0.125}, "12.5 % free"),
        ({"headroom": -0.125}, "12.5 % over"),
        ({"headroom": -1686.0}, "1,687 x limit"),
        ({"headroom": 0.25, "limit": 30, "min": 30}, "25 % above"),
        ({"headroom": -0.25, "limit": 30, "min": 30}, "25 % below"),
        ({"headroom": 1.23, "limit": 0.3, "min": 0.3, "unit": "as a share of 1"}, "36.9 points above"),
        ({"headroom": -0.58, "value": 161, "base": 100, "max_regression": 0.02}, "+61 %"),
        ({"headroom": 0.02, "value": 100, "base": 100, "max_regression": 0.02}, "0 %"),
        ({"headroom": None}, ""),
        ({"headroom": -0.5, "value": "nan"}, ""),
    ],
)
def test_how_far_from_the_limit(facts, words):
    assert margin(check(**facts)) == words


def test_control_characters_are_escaped():
    told = shown(check(subject="a\n\x1b[31mb\u202e", title="t\x07", value_text="1\x1b"), width=200)
    assert "a\\n\\x1b[31mb\\u202e" in told
    assert "\x1b" not in told
    assert "\x07" not in told


def test_colours_only_when_asked():
    assert "\x1b[31m" in lines(check(), color=True)[1]
    assert "\x1b" not in shown(check())


def test_a_record_of_an_earlier_release_has_no_short_limits():
    old = {key: value for key, value in check().items() if key != "limit_short"}
    assert "max 1 kMACs" in shown(old)


def test_text_helpers():
    assert printable("plain ünïcode 模") == "plain ünïcode 模"
    assert shorten("layer1.0.conv1.weight", 12) == "layer1.…ight"
    assert shorten("short", 12) == "short"


@pytest.mark.parametrize(
    ("text", "width", "seen"),
    [
        ("SimpleConv3 (1x3x48x48)", 23, "SimpleConv3 (1x3x48x48)"),
        ("SimpleConv3 (1x3x48x48)", 18, "Simpl… (1x3x48x48)"),
        ("SimpleConv3 (1x3x48x48)", 13, "Sim… (1x3x48…"),
        ("net (4x3x224x224)", 12, "net (4x3x22…"),
        ("layer1.0.conv1.weight", 12, "layer1.…ight"),
    ],
)
def test_what_tells_two_apart_is_cut_last(text, width, seen):
    assert shorten_subject(text, width) == seen
