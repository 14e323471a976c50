"""A comparison with the base that another process measured: to and from JSON, and judged."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from ...errors import MeasurementError
from ...verdict.judge import Verdict, judge
from ...verdict.limit import Limit
from ...verdict.units import RATIO
from .compare import LatencyComparison, read_comparison, slowdown_limit
from .metrics import SLOWDOWN
from .paired import Chunk

NAMES = ("the base", "this tree")


def pack(seen: LatencyComparison) -> dict[str, object]:
    """A comparison as JSON holds it."""
    chunks = [[c.log_ratio, *c.seconds, *c.wall] for c in seen.chunks]
    return {f.name: getattr(seen, f.name) for f in fields(seen)} | {"chunks": chunks, "names": list(NAMES)}


def unpack(given: Mapping[str, Any]) -> LatencyComparison:
    """What `pack` gave. Raises MeasurementError for anything else."""
    try:
        rows = [[float(figure) for figure in row] for row in given["chunks"]]
        if not rows or not all(math.isfinite(figure) for row in rows for figure in row):
            raise ValueError("no finite figures")
        chunks = tuple(Chunk(ratio, (a, b), (c, d)) for ratio, a, b, c, d in rows)
        return LatencyComparison(
            chunks,
            int(given["shared"]),
            int(given["tensors"]),
            str(given["clock"]),
            int(given["threads"]),
            float(given["elapsed"]),
            float(given["load"]),
            float(given["waited"]),
            NAMES,
            str(given["protocol"]),
            tuple(map(str, given["notes"])),
        )
    except (LookupError, TypeError, ValueError) as error:
        raise MeasurementError(f"the comparison with the base gave no figures: {error}") from error


def judge_pair(subject: str, limit: Limit, pair: Mapping[str, object]) -> tuple[Verdict, LatencyComparison]:
    """Judge `limit` (it has `max_regression`) by a packed comparison. Raises MeasurementError."""
    seen = unpack(pair)
    measured = read_comparison(seen, limit.max_regression)
    words = f"{_slower(seen.regression)}, interval {RATIO.span(measured.low, measured.high, 3)}"
    measured = replace(measured, aka=f"{words}; {measured.aka}")
    bounded = slowdown_limit(limit.max_regression)
    verdict = judge(subject, bounded, measured)
    options = {k: v for k, v in limit.options.items() if k == "threads"}
    shown = replace(limit, metric=SLOWDOWN, max=bounded.max, options=options)
    return replace(verdict, limit=shown), seen


def _slower(share: float) -> str:
    return f"{RATIO.format(abs(share), 3)} {'slower' if share >= 0 else 'faster'}"
