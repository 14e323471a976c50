"""Counts of named things on both sides, for the comparisons of several sections."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import TypedDict


class CountRow(TypedDict):
    """How often an operator occurs."""

    operator: str
    base: int
    head: int


def count_changes(old: Mapping[str, int], new: Mapping[str, int]) -> list[CountRow]:
    """Operators that occur more or less often than at the base."""
    rows: list[CountRow] = [
        {"operator": name, "base": old.get(name, 0), "head": new.get(name, 0)}
        for name in sorted({*old, *new})
    ]
    return [row for row in rows if row["base"] != row["head"]]
