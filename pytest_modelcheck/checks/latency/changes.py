"""What timing base and head in turns found, between two records. Times of two runs say nothing beside each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from typing_extensions import TypedDict

from ...records.plain import number
from ...records.section import Comparison, Line, Paths, Sections
from ...records.types import Figure
from ...verdict.units import RATIO
from .metrics import SLOWDOWN

T = TypeVar("T")


class SlowdownRow(TypedDict):
    """A slowdown of the head, a share; `moved` where its interval excludes that both are equal."""

    title: str
    value: float
    interval: list[Figure]
    moved: bool


def _compare(
    old: Sections, new: Sections, paths: Paths, checks: Sequence[Mapping[str, Any]]
) -> Mapping[str, object]:
    return {"slowdowns": [row for check in checks for row in _slowdown(check)]}


def _slowdown(check: Mapping[str, Any]) -> Iterator[SlowdownRow]:
    """Of a check; `latency_against`, which compares with another model, has no protocol."""
    value = number(check["value"])
    if check["metric"] == SLOWDOWN.name and value is not None and check.get("protocol"):
        low, high = (number(end) for end in check.get("interval") or (None, None))
        moved = (low is not None and low > 0) or (high is not None and high < 0)
        yield {"title": check["title"], "value": value, "interval": [low, high], "moved": moved}


def slowdown_words(row: SlowdownRow) -> str:
    """`11 % slower (interval 9 % to 13 %)`."""
    known = [end for end in row["interval"] if end is not None]
    ends = (
        " to ".join(RATIO.format(end, 3) for end in known)
        if len(row["interval"]) == len(known) == 2
        else "open"
    )
    value, options = row["value"], row["title"].partition(" (")
    how = f" ({options[2]}" if options[1] else ""
    return f"{RATIO.format(abs(value), 3)} {'slower' if value >= 0 else 'faster'}{how} (interval {ends})"


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    for row in changes.get("slowdowns", []):
        words = slowdown_words(row)
        yield Line(
            words, short=words, strong=bool(row["moved"]), worse=bool(row["moved"] and row["value"] > 0)
        )


def _joined(key: str, values: Sequence[Sequence[T]]) -> list[T]:
    """Each shard's times, equal ones once."""
    found: list[T] = []
    for row in (row for rows in values for row in rows):
        if row not in found:
            found.append(row)
    return found


COMPARISON = Comparison(
    ("slowdowns",),
    _compare,
    lines=_lines,
    is_change=lambda key, rows: any(row["moved"] for row in rows),
    types={"slowdowns": list[SlowdownRow]},
    joined=_joined,
)
