"""What modules cost on their own, and how often operators run, at the base and now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from typing_extensions import TypedDict

from ...alike import alike
from ...drawing.panel import Panel
from ...records.counts import CountRow, count_changes
from ...records.plain import number
from ...records.prices import ModulePrice, Price, dearness, price_words, total
from ...records.section import Cell, Comparison, Origin, Paths, Sections, Table, content_of
from ...verdict.measurement import ROOT
from ...verdict.units import MACS, PARAMS

COSTS = {"macs": MACS, "params": PARAMS}  # a module's own, without its children's


class ModuleGroup(NamedTuple):
    """Modules that cost the same and now cost the same: their names as one, how many, and the first one's row."""

    module: str
    size: int
    row: Mapping[str, Any]


class ModuleChange(TypedDict):
    """A module's own cost: pairs of base and head."""

    module: str
    type: str
    status: Literal["new", "removed", "changed"]
    macs: tuple[float, float]
    params: tuple[float, float]


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[Any]) -> Mapping[str, Any]:
    left, right = content_of(old, "complexity"), content_of(new, "complexity")
    calls = ({o["name"]: o.get("calls", 0) for o in side.get("operators", [])} for side in (left, right))
    modules = sorted(module_changes(left, right, paths), key=lambda row: dearness(_price(row)))
    return {"modules": modules, "operators": count_changes(*calls)}


def module_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], paths: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Modules whose own MACs or own parameters changed, in the order of the head; removed ones last.

    `paths`: old name -> new name of modules that are the same one; without any, the same name is the same module.
    """
    left, right = _costs(old), _costs(new)
    known = {paths[name]: name for name in left if name in paths} if paths else {n: n for n in left}
    rows = []
    for name, cost in right.items():
        before = left[known[name]] if name in known else None
        if before is None or any(_differ(before[key], cost[key]) for key in COSTS):
            rows.append(_row(name, "new" if before is None else "changed", before, cost))
    kept = {known[name] for name in right if name in known}
    rows += [_row(name, "removed", cost, None) for name, cost in left.items() if name not in kept]
    return [row for row in rows if any(row[key] != [0, 0] for key in COSTS)]


def _price(row: Mapping[str, Any]) -> Price:
    """What a module costs more than at the base."""
    return {unit.noun: row[key][1] - row[key][0] for key, unit in COSTS.items()}


def _prices(changes: Mapping[str, Any]) -> list[ModulePrice]:
    rows = changes.get("modules", [])
    return [
        ModulePrice(row["module"], _price(row), gone=row["status"] == "removed", fresh=row["status"] == "new")
        for row in rows
    ]


def _differ(one: float | None, other: float | None) -> bool:
    """Whether two known costs differ; records of the first release do not know a module's own parameters."""
    return one is not None and other is not None and one != other


def _row(
    name: str, status: str, base: Mapping[str, Any] | None, head: Mapping[str, Any] | None
) -> dict[str, Any]:
    nothing = dict.fromkeys(COSTS, 0)
    kind = (head or base or {})["type"]
    costs = {key: [(side or nothing)[key] or 0 for side in (base, head)] for key in COSTS}
    return {"module": name, "type": kind, "status": status, **costs}


def _costs(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Own MACs and own parameters of each module."""
    return {
        m["name"]: {
            "type": m["type"],
            "macs": number(m.get("own_macs")) or 0,
            "params": number(m.get("own_params")),
        }
        for m in content.get("modules", [])
    }


def grouped(rows: Sequence[Mapping[str, Any]]) -> list[ModuleGroup]:
    """Repeated layers in one row; the groups that cost most more come first."""
    keyed = [((row["type"], row["status"], *row["macs"], *row["params"]), (row["module"],)) for row in rows]
    groups = [ModuleGroup(names[0], len(same), rows[same[0]]) for names, same in alike(keyed)]
    return sorted(groups, key=lambda group: dearness(total([_price(group.row)] * group.size)))


def _tables(changes: Mapping[str, Any]) -> Iterator[Table]:
    modules = changes.get("modules", [])
    if modules:
        title = ("module costs something else", "modules cost something else")
        columns = ("module", "type", "", "MACs", "parameters")
        yield Table(title, columns, "lllrr", [*map(_module_cells, grouped(modules))], size=len(modules))
    operators = [
        [Cell(row["operator"], True), Cell(f"{row['base']}"), Cell(f"{row['head']}")]
        for row in changes.get("operators", [])
    ]
    if operators:
        title = ("operator runs more or less often", "operators run more or less often")
        yield Table(title, ("operator", "base", "head"), "lrr", operators)


def _module_cells(group: ModuleGroup) -> list[Cell]:
    row = group.row
    pairs = [_pair(row[key], unit.format, group.size) for key, unit in COSTS.items()]
    return [Cell(group.module or ROOT, True), Cell(row["type"], True), Cell(row["status"]), *pairs]


def _pair(values: Sequence[float], text: Callable[[float], str], size: int) -> Cell:
    old, new = map(text, values)
    pair = old if old == new else f"{old} → {new}"
    return Cell(f"{size} × ({pair})" if size > 1 and values != [0, 0] else pair)


def _origins(changes: Mapping[str, Any]) -> Iterator[Origin]:
    for group in grouped(changes.get("modules", [])):
        yield Origin(group.module or ROOT, price_words(_price(group.row)), "cost", group.row["module"])


COMPARISON = Comparison(
    ("modules", "operators"),
    _compare,
    tables=_tables,
    prices=_prices,
    origins=_origins,
    panel=Panel(__package__, "changes.html.j2", functions=lambda: {"grouped": grouped}),
    types={"modules": list[ModuleChange], "operators": list[CountRow]},
)
