"""Which check of a base's record a demand asks for."""

from __future__ import annotations

from collections.abc import Sequence

from ..demand.plan import Demand
from ..records.entries import place_entry
from ..records.match import CheckKey


def check_key(
    nodeid: str, demand: Demand, all_demands: Sequence[Demand], *, same_code: bool = False
) -> CheckKey:
    """Of a demand of a test; `all_demands` are those of its test, `same_code`: the very same test ran at the base."""
    limit, source = demand.limit, demand.source.written
    same = [d for d in all_demands if (d.limit.metric, d.limit.options) == (limit.metric, limit.options)]
    return CheckKey(
        nodeid,
        place_entry(limit.place),
        limit.metric.name,
        limit.options,
        source,
        others=_sources(all_demands) - {source},
        rivals=_sources(same) - {source},
        same_code=same_code,
    )


def _sources(demands: Sequence[Demand]) -> frozenset[str]:
    return frozenset(demand.source.written for demand in demands)
