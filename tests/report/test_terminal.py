"""The terminal's table: within the width, safe to print."""

import pytest

from pytest_modelcheck.report.terminal import summary_lines
from pytest_modelcheck.text import printable, shorten, shorten_subject


def check(**changes):
    return {
        "subject": "net",
        "metric": "macs",
        "title": "MACs",
        "value_text": "1.2 kMACs",
        "limit_text": "max 1 kMACs",
        "headroom": -0.2,
        "outcome": "fail",
        "level": "fail",
        "caveat": "",
        "protocol": "",
        **changes,
    }


def lines(*checks, width=80, **options):
    return summary_lines({"checks": list(checks), "run": {"no_result": [], "waited": 0.0}}, width, **options)


def test_one_line_per_check_then_the_counts():
    table = lines(check(), check(outcome="pass", headroom=0.25), check(level="warn"))
    assert table[1].split() == ["net", "MACs", "1.2", "kMACs", "max", "1", "kMACs", "-20", "%", "✗", "fail"]
    assert table[-1] == "3 checks: 1 fail, 1 pass, 1 warn"


def test_what_is_far_beyond_its_limit_is_told_as_a_factor():
    table = lines(check(headroom=-1686.0), width=120)
    assert table[1].split()[-5:] == ["1,687", "x", "limit", "✗", "fail"]


@pytest.mark.parametrize(
    ("share", "seen"), [(0.02, "base + 2 %"), (0.005, "base + 0.5 %"), (0, "base + 0 %")]
)
def test_relative_limits_fit_into_their_column(share, seen):
    told = {"limit_text": f"max {share:.1%} above the base", "max_regression": share, "subject": "a" * 40}
    assert f"  {seen}  " in lines(check(**told), width=72)[1]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_long_names_are_shortened_in_the_middle(width):
    table = lines(check(subject="a" * 300 + "z"), width=width)
    assert max(len(line) for line in table) <= max(width, 72)
    assert "…" in table[1]
    assert "z" in table[1]


def test_control_characters_are_escaped():
    (_, row, _) = lines(check(subject="a\n\x1b[31mb\u202e"), width=200)
    assert "a\\n\\x1b[31mb\\u202e" in row


def test_colours_only_when_asked():
    assert "\x1b[31m" in lines(check(), color=True)[1]
    assert "\x1b" not in "".join(lines(check()))


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
