"""A comparison that another process made: read back, or refused; judged at two fifths of what is promised."""

import json
import math

import pytest

from pytest_modelcheck.checks.latency.against import judge_pair, pack, unpack
from pytest_modelcheck.checks.latency.compare import LatencyComparison
from pytest_modelcheck.checks.latency.paired import Chunk
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.message import explain

from ..catalogue import metric

LIMIT = Limit(metric("latency"), max_regression=0.05, options={"statistic": "median", "threads": None})


def packed(*shares, **changes):
    chunks = tuple(
        Chunk(math.log1p(share), (0.01, 0.01 * (1 + share)), (0.011, 0.011 * (1 + share))) for share in shares
    )
    seen = LatencyComparison(
        chunks, 3, 4, "thread CPU time", 1, 2.0, 0.5, protocol="P1: both", notes=("a note",)
    )
    return json.loads(json.dumps(pack(seen) | changes))


def test_there_and_back():
    seen = unpack(packed(0.1, 0.2))
    assert [math.expm1(chunk.log_ratio) for chunk in seen.chunks] == pytest.approx([0.1, 0.2])
    assert (seen.shared, seen.tensors, seen.protocol, seen.notes) == (3, 4, "P1: both", ("a note",))
    assert seen.names == ("the base", "this tree")


@pytest.mark.parametrize(
    "garbage",
    [
        {"chunks": []},
        {"chunks": [[math.nan, 1, 1, 1, 1]]},
        {"chunks": [["a", 1, 1, 1, 1]]},
        {"chunks": [[0.1, 1]]},
        {"chunks": None},
        {"threads": None},
        {"notes": None},
    ],
    ids=str,
)
def test_garbage_is_refused(garbage):
    with pytest.raises(MeasurementError, match="gave no figures"):
        judge_pair("net", LIMIT, packed(0.1, 0.1) | garbage)


@pytest.mark.parametrize(
    ("shares", "outcome"),
    [
        ([0.110, 0.111, 0.109, 0.110, 0.112, 0.108], "fail"),
        ([0.030, 0.031, 0.029, 0.030, 0.032, 0.028], "fail"),  # above the line, two fifths of 5 %
        ([0.001, 0.002, -0.001, 0.0, 0.001, -0.002], "pass"),
        ([-0.2, -0.21, -0.19, -0.2, -0.2, -0.2], "pass"),
        ([0.02, 0.03, 0.01, 0.02, 0.03, 0.01], "inconclusive"),
        ([0.11, 0.11, 0.11], "error"),  # too few to have an interval
    ],
)
def test_outcomes(shares, outcome):
    verdict, _ = judge_pair("net", LIMIT, packed(*shares))
    assert verdict.outcome == outcome


def test_the_message_says_how_much_with_the_interval_and_by_which_protocol():
    verdict, _ = judge_pair("net", LIMIT, packed(0.110, 0.111, 0.109, 0.110, 0.112, 0.108))
    assert verdict.headroom is None  # the line is not the limit that was asked for
    text = explain(verdict)
    assert "net: slowdown" in text
    assert "11 % slower, interval 10.6 % to 11.4 %" in text  # sd 0.14 %, t 6.87, 6 chunks
    assert "max 5 % above the base" in text
    assert "protocol     P1: both" in text
    assert "a note" in text
    assert verdict.headroom is None
