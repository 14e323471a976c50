"""Calls that grow slower, or quicker, one after the other: no figure of them stands for the model.

What disturbs a machine comes and goes. A trend is what goes one way in block after block, by a tenth in all, and goes
on when four times as many calls are made.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...verdict.units import SECONDS

BLOCKS = 6  # of calls, in their order
TYPICAL = 0.25  # the quantile that stands for a block: noise only adds
FEWEST = 7  # calls


class Bar(NamedTuple):
    """What counts as a trend: the share of pairs of blocks in one order, and the change from first to last block."""

    order: float
    change: float


SUSPECTED = Bar(0.85, 0.02)
CERTAIN = Bar(0.9, 0.1)
AGAIN = 4  # times as many calls show whether what is suspected goes on


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


def trend(values: Sequence[float], bar: Bar = CERTAIN) -> Trend | None:
    """The trend of `values`, in the order of the calls."""
    if len(values) < FEWEST:
        return None
    blocks = np.array_split(np.asarray(values), BLOCKS if len(values) >= 2 * BLOCKS else len(values))
    typical = [float(np.quantile(block, TYPICAL)) for block in blocks]
    signs = [np.sign(later - earlier) for earlier, later in itertools.combinations(typical, 2)]
    first, last = typical[0], typical[-1]
    ordered = abs(sum(signs)) >= (2 * bar.order - 1) * len(signs)
    if not ordered or abs(last - first) <= bar.change * min(first, last):
        return None
    between = len(values) * (
        1 - 1 / len(blocks)
    )  # calls from the middle of the first block to that of the last
    return Trend((last - first) / between, first, last, len(values))


class Suspicion:
    """Whether to go on sampling, since what was sampled so far looks like a trend."""

    def __init__(self) -> None:
        self.since = 0

    def holds(self, values: Sequence[float]) -> bool:
        """True from the look that shows one until it shows none, or until there are `AGAIN` times as many calls."""
        if trend(values, SUSPECTED) is None:
            self.since = 0
            return False
        self.since = self.since or len(values)
        return len(values) < AGAIN * self.since
