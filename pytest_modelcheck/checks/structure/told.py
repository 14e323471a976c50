"""Changes of a structure in words: module by module, repeated layers in one, the dearest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from ...alike import alike
from ...records.prices import NO_PRICE, Place, Price, Prices, dearness, price_words, total
from ...text import count
from ...verdict.measurement import ROOT
from .compare.change import OPERATOR, SAID, phrase
from .rows import ChangeRow


class Told(NamedTuple):
    """What changed in one module, or alike in several: their names as one, how many, and what they cost more in all."""

    name: str
    size: int
    rows: Sequence[ChangeRow]
    price: Price

    @property
    def words(self) -> str:
        """`out_features 128 -> 256`."""
        groups = (list(rows) for _, rows in groupby(enumerate(self.rows), key=_sort))
        return ", ".join(_words([row for _, row in rows]) for rows in groups)

    @property
    def became(self) -> str:
        """`out_features 128 -> 256`, or in one word that the module is new or gone."""
        (first, *more) = self.rows
        if first["what"] == "module" and not more:
            return {"added": "new", "removed": "gone"}.get(first["kind"], change_words(first))
        return self.words

    @property
    def cost(self) -> str:
        """`12 modules: +3.3 MMACs`: how many and what they cost; empty where there is neither to tell."""
        parts = [count(self.size, "module") if self.size > 1 else "", price_words(self.price)]
        return ": ".join(filter(None, parts))


def _sort(numbered: tuple[int, ChangeRow]) -> object:
    """Equal for operators that came, or went, one after the other."""
    number, row = numbered
    return row["kind"] if row["what"].startswith(OPERATOR) and row["kind"] in ("added", "removed") else number


def _words(rows: Sequence[ChangeRow]) -> str:
    """`operators mul, tanh removed`, or the words of the only row."""
    if len(rows) == 1:
        return change_words(rows[0])
    names = dict.fromkeys(row["what"].removeprefix(OPERATOR) for row in rows)
    return f"operators {', '.join(names)} {rows[0]['kind']}"


def by_module(changes: Iterable[ChangeRow]) -> list[tuple[str, list[ChangeRow]]]:
    """Changes by module."""
    found: dict[Place, list[ChangeRow]] = {}
    for row in changes:
        found.setdefault(place_of(row), []).append(row)
    return [(path, rows) for (path, _), rows in found.items()]


def place_of(row: ChangeRow) -> Place:
    """Its module, and whether that is one of the base's alone."""
    return row["path"], row["kind"] == "removed" and row["what"] == "module"


def priced(changes: Sequence[ChangeRow], prices: Prices) -> list[ChangeRow]:
    """The same with what each module costs more, those that cost most first."""
    costs = prices.of({place_of(row) for row in changes})
    rows = [_with_cost(row, costs.get(place_of(row), NO_PRICE)) for row in changes]
    return sorted(rows, key=lambda row: dearness(row.get("cost", NO_PRICE)))


def _with_cost(row: ChangeRow, price: Price) -> ChangeRow:
    known = {noun: value for noun, value in price.items() if value}
    return {**row, "cost": dict(price)} if known else row


class Entry(NamedTuple):
    """What changed in a module, or in all (`size`) that moved with it from one module into another."""

    path: str
    rows: list[ChangeRow]
    size: int = 1


def told(changes: Iterable[ChangeRow]) -> list[Told]:
    """Module by module; those that changed alike, and cost the same more, are one. The dearest come first."""
    entries = _together([Entry(path, rows) for path, rows in by_module(changes)])
    found = []
    for names, same in alike((_key(entry), (entry.path, *_places(entry.rows))) for entry in entries):
        first, price = entries[same[0]], total(_cost(entries[number]) for number in same)
        size = sum(entries[number].size for number in same)
        found.append(Told(names[0], size, _renamed(first.rows, names), price))
    return sorted(found, key=lambda one: dearness(one.price))


def _together(entries: list[Entry]) -> list[Entry]:
    """Three and more that moved from one module into another, and keep their names, as one: `*` -> `backbone.*`."""
    homes: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        (row, *more) = entry.rows
        old, new = (str(row["before"]).rpartition("."), entry.path.rpartition("."))
        if not more and _is_move(row) and row["what"].startswith("module ") and old[2] == new[2]:
            homes.setdefault((old[0], new[0]), []).append(entry)
    joined = {id(many[0]): _joined(home, many) for home, many in homes.items() if len(many) > 2}
    rest = {id(entry) for many in homes.values() if len(many) > 2 for entry in many[1:]}
    return [joined.get(id(entry), entry) for entry in entries if id(entry) not in rest]


def _joined(home: tuple[str, str], entries: list[Entry]) -> Entry:
    before, after = (f"{path}.*" if path else "*" for path in home)
    price = total(map(_cost, entries))
    row: ChangeRow = {
        **entries[0].rows[0],
        "path": after,
        "what": "modules",
        "before": before,
        "after": after,
    }
    return Entry(after, [_with_cost(row, price)], len(entries))


def _cost(entry: Entry) -> Price:
    return entry.rows[0].get("cost", NO_PRICE)


def _key(entry: Entry) -> tuple[object, ...]:
    """What modules must have in common to be told as one: what happened, and what it costs."""
    facts = [
        (row["kind"], row["what"], *(() if _is_move(row) else (row["before"], row["after"])))
        for row in entry.rows
    ]
    return (*facts, *_cost(entry).items())


def _places(rows: Sequence[ChangeRow]) -> list[str]:
    """Where they were, of those that moved."""
    return [row["before"] or "" for row in rows if _is_move(row)]


def _is_move(row: ChangeRow) -> bool:
    """Whether both sides are modules' names."""
    return row["kind"] == "moved" and row["after"] == row["path"]


def _renamed(rows: Sequence[ChangeRow], names: Sequence[str]) -> list[ChangeRow]:
    """The rows of the first with the names of all in them."""
    before = iter(names[1:])
    return [
        {**row, "path": names[0], "before": next(before) or ROOT, "after": names[0] or ROOT}
        if _is_move(row)
        else row
        for row in rows
    ]


def change_words(row: ChangeRow) -> str:
    """`stride 2 -> 1`, `module added: Conv2d(3, 8)`, `call removed`."""
    sides = " -> ".join(str(side) for side in (row["before"], row["after"]) if side is not None)
    if row["kind"] == "changed" and sides and not row["what"].endswith(SAID):
        return f"{row['what']} {sides}"
    return f"{phrase(row['kind'], row['what'])}{f': {sides}' if sides else ''}"


def graph_words(graph: Mapping[str, int]) -> str:
    """`adds 2 nodes to the graph, changes 1`, `the same operators in the same order; 24 paths differ`."""
    verbs = (("added", "adds", " to the graph"), ("removed", "removes", " from the graph"))
    told = [f"{verb} {count(graph[key], 'node')}{where}" for key, verb, where in verbs if graph.get(key)]
    if graph.get("changed"):
        changed = count(graph["changed"], "node")
        told.append(f"changes {changed}" if told else f"changes {changed} of the graph")
    if not told and graph.get("paths"):
        order = " in the same order" if graph.get("same") else ""
        paths = count(graph["paths"], "path differs", "paths differ")
        return f"the same operators{order}; {paths}"
    return ", ".join(told)
