"""How a check stands to its limit, in a bar and in words."""

import pytest

from pytest_modelcheck.report.standing import NOTHING, standing

RATIO, BYTES = "as a share of 1", "bytes"


def check(value, unit=BYTES, **facts):
    return {"value": value, "unit": unit, "max": None, "min": None, "metric": "m", **facts}


CASES = {
    "below a maximum": (check(75, max=100, limit=100), 0.75, "25 % free"),
    "above it": (check(120, max=100, limit=100), 1.2, "missed by 20 %"),
    "far above it": (check(2000, max=100, limit=100), 20, "20 times the limit"),
    "a share above its minimum": (
        check(0.67, RATIO, min=0.3, limit=0.3),
        0.3 / 0.67,
        "37 points above the minimum",
    ),
    "a share below it": (check(0.11, RATIO, min=0.3, limit=0.3), 0.3 / 0.11, "19 points below the minimum"),
    "above a minimum": (check(150, min=100, limit=100), 1 / 1.5, "50 % above the minimum"),
    "far above a minimum": (check(2900, min=100, limit=100), 100 / 2900, "29 times the minimum"),
    "below a minimum": (check(60, min=100, limit=100), 1 / 0.6, "40 % below the minimum"),
    "nothing, of a minimum": (check(0, min=100, limit=100), 1, "100 % below the minimum"),
    "both, the minimum decides": (check(60, min=100, max=200, limit=100), 1 / 0.6, "40 % below the minimum"),
    "both, the maximum decides": (check(150, min=100, max=200, limit=200), 0.75, "25 % free"),
    "one value alone": (check(100, min=100, max=100, limit=100), 1, "at the limit"),
    "over the base": (
        check(161, base=100, max_regression=0.02, limit=102),
        30.5,
        "+61 % of base, limit +2 %",
    ),
    "within": (check(101, base=100, max_regression=0.02, limit=102), 0.5, "+1 % of base, limit +2 %"),
    "less": (check(90, base=100, max_regression=0.02, limit=102), -5, "-10 % of base, limit +2 %"),
    "the same": (check(100, base=100, max_regression=0.02, limit=102), 0, "as the base, limit +2 %"),
    "no rise allowed": (check(101, base=100, max_regression=0, limit=100), 1, "+1 % of base, limit 0 %"),
    "slower": (
        check(1.29, RATIO, max=0.02, max_regression=0.05, limit=0.02),
        25.8,
        "+129 % of base, limit +5 %",
    ),
    "slower than the line": (
        check(0.03, RATIO, max=0.02, max_regression=0.05, limit=0.02),
        0.6,
        "+3 % of base, limit +5 % (line at +2 %)",
    ),
    "no base": (check(100, max_regression=0.02), None, ""),
    "nothing is allowed": (check(24, "lines", max=0, limit=0), None, ""),
    "not measured": (check(None, max=1, limit=1), None, ""),
    "without end": (check("inf", max=1, limit=1), None, ""),
}


@pytest.mark.parametrize(("entry", "share", "words"), CASES.values(), ids=CASES)
def test_a_check_stands_to_its_limit(entry, share, words):
    seen = standing(entry)
    assert seen.words == words
    assert seen.share == (None if share is None else pytest.approx(share))
    assert (seen == NOTHING) == (not words)
