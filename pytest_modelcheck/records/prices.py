"""What modules cost more than at the base: the figures of one section put the lines of all in order, dearest first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from ..verdict.units import ALL

Price: TypeAlias = Mapping[
    str, float
]  # a unit's noun -> how much more than at the base; the most telling first
NO_PRICE: Price = {}


class ModulePrice(NamedTuple):
    """What a module costs more on its own. `gone`: it is one of the base's, that the head has no more; `fresh`: the
    base had no such module.
    """

    module: str
    price: Price
    gone: bool = False
    fresh: bool = False


Place = tuple[str, bool]  # a module that is told of, and whether it is one that the head has no more


class Prices:
    """The prices of a subject's modules; one that is not known costs what it did."""

    def __init__(self, found: Iterable[ModulePrice]) -> None:
        self.found = list(found)

    def of(self, told: Collection[Place]) -> dict[Place, Price]:
        """What each module that is told of costs more: with those inside that came or went along with it."""
        shares: dict[Place, list[Price]] = {}
        for row in self.found:
            home = _home(row, told)
            if home is not None:
                shares.setdefault(home, []).append(row.price)
        return {place: total(prices) for place, prices in shares.items()}


def _home(row: ModulePrice, told: Collection[Place]) -> Place | None:
    """The module told of that a price belongs to: itself, or the closest one around it that came or went."""
    path, own = row.module, (row.module, row.gone)
    if own in told:
        return own
    while path and (row.gone or row.fresh):
        path = path.rpartition(".")[0]
        for place in ((path, row.gone), (path, False)):
            if place in told:
                return place
    return None


def total(prices: Iterable[Price]) -> Price:
    """The sum."""
    found: dict[str, float] = {}
    for price in prices:
        for noun, value in price.items():
            found[noun] = found.get(noun, 0) + value
    return found


def dearness(price: Price) -> tuple[float, ...]:
    """Sorts what costs more first, then what costs less, each by how much, then what costs the same."""
    values = [*price.values()]
    sign = next((value > 0 for value in values if value), None)
    if sign is None:
        return (2,)
    return (0, *(-value for value in values)) if sign else (1, *values)


def price_words(price: Price) -> str:
    """`+1.2 GMACs, +64.5 k parameters`; empty where nothing differs."""
    return ", ".join(_amount(noun, value) for noun, value in price.items() if value)


def _amount(noun: str, value: float) -> str:
    unit = next((unit for unit in ALL if unit.noun == noun), None)
    text = unit.format(abs(value)) if unit is not None else f"{abs(value):.4g}"
    named = unit is not None and unit.symbol
    return f"{'+' if value > 0 else '-'}{text}{'' if named else f' {noun}'}"
