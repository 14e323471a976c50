"""Calls that grow slower, or quicker, one after the other: no figure of them stands for the model.

What disturbs a machine comes and goes, and a machine that becomes slower does so at once. A trend goes one way in block
after block, by a tenth in all, and goes on when four times as many calls are made.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...verdict.units import SECONDS

BLOCKS = 6  # of calls, in their order
TYPICAL = 0.1  # the quantile that stands for a block: noise only adds
FEWEST = 7  # calls
CHANGE = 0.1  # from the first block to the last, as a share of the smaller one
ORDERED = 0.9  # share of the pairs of blocks that are in one order
STEP = 0.1  # from block to block, at least, as a share of an even step
DOUBT = 2.5  # standard deviations of a rank correlation from which on calls are made again
AGAIN = 4  # so many times the calls show whether it goes on


class Trend(NamedTuple):
    """Seconds that are added with each call, and of a call in the first and in the last block."""

    per_call: float
    first: float
    last: float
    calls: int

    def __str__(self) -> str:
        word = "grows" if self.per_call > 0 else "shrinks"
        each, first, last = (SECONDS.format(abs(t), 3) for t in (self.per_call, self.first, self.last))
        return f"{word} with each call: {each} a call, from {first} to {last} within {self.calls} calls"


def trend(values: Sequence[float]) -> Trend | None:
    """The trend of `values`, in the order of the calls."""
    if not doubtful(values):
        return None
    blocks = np.array_split(np.asarray(values), BLOCKS if len(values) >= 2 * BLOCKS else len(values))
    typical = [float(np.quantile(block, TYPICAL)) for block in blocks]
    first, last = typical[0], typical[-1]
    signs = [math.copysign(later != earlier, later - earlier) for earlier, later in _pairs(typical)]
    if abs(last - first) <= CHANGE * min(first, last) or abs(sum(signs)) < (2 * ORDERED - 1) * len(signs):
        return None
    even = (last - first) / (len(blocks) - 1)
    if min((later - earlier) / even for earlier, later in itertools.pairwise(typical)) < STEP:
        return None
    between = len(values) * (
        1 - 1 / len(blocks)
    )  # calls from the middle of the first block to that of the last
    return Trend((last - first) / between, first, last, len(values))


def _pairs(values: Sequence[float]) -> list[tuple[float, float]]:
    return list(itertools.combinations(values, 2))


def correlation(values: Sequence[float]) -> float:
    """Spearman's, of the values with their order, in standard deviations of what chance gives."""
    ranks = np.argsort(np.argsort(np.asarray(values), kind="stable"))
    order = np.arange(len(values))
    if len(values) < FEWEST or min(values) == max(values):
        return 0.0
    return float(np.corrcoef(ranks, order)[0, 1]) * math.sqrt(len(values) - 1)


def doubtful(values: Sequence[float]) -> bool:
    """Whether the order of the calls seems to matter; of a few calls it must explain nearly all."""
    return abs(correlation(values)) >= min(DOUBT, ORDERED * math.sqrt(max(len(values), FEWEST) - 1))


class Doubt:
    """Whether to go on sampling, since what was sampled so far may have a trend."""

    def __init__(self) -> None:
        self.since = 0

    def holds(self, values: Sequence[float]) -> bool:
        """True from the look that shows one until it shows none, or until there are `AGAIN` times as many calls."""
        if not doubtful(values):
            self.since = 0
            return False
        self.since = self.since or len(values)
        return len(values) < AGAIN * self.since
