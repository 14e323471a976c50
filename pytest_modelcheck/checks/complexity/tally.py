"""What has been counted so far: sums that can be kept apart and added."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from .result import Cost
from .traffic import Bytes

Key = TypeVar("Key")


@dataclass
class Tally:
    """Costs by module and operator, calls of unknown operators, bytes by dtype."""

    cells: dict[tuple[str, str], list[int]] = field(
        default_factory=dict
    )  # the numbers of a Cost, in its order
    unknown: dict[str, int] = field(default_factory=dict)
    read: Bytes = field(default_factory=dict)
    written: Bytes = field(default_factory=dict)

    @property
    def total(self) -> Cost:
        """The sum over everything."""
        return Cost(*map(sum, zip(*self.cells.values(), strict=True))) if self.cells else Cost()

    def add(self, other: Tally) -> None:
        """What another one has counted."""
        for key, numbers in other.cells.items():
            mine = self.cells.get(key)
            self.cells[key] = [a + b for a, b in zip(mine, numbers, strict=True)] if mine else numbers
        _add(self.unknown, other.unknown)
        _add(self.read, other.read)
        _add(self.written, other.written)


def _add(sums: dict[Key, int], more: Mapping[Key, int]) -> None:
    for key, number in more.items():
        sums[key] = sums.get(key, 0) + number
