"""ONNX files of the same subject at the base and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from typing_extensions import NotRequired, TypedDict

from ...drawing.panel import Panel
from ...records.counts import CountRow, count_changes
from ...records.section import Comparison, Line, Paths, Sections, content_of
from ...records.types import Figure
from ...verdict.units import BYTES

FACTS = ("opset", "size_bytes", "reason")


class DistanceEntry(TypedDict):
    """What there is of an `OutputError`."""

    name: str
    relative: Figure
    absolute: Figure
    scale: Figure
    at: NotRequired[str]
    reason: NotRequired[str]


class StandingEntry(TypedDict):
    """What `Standing.to_dict()` gives."""

    path: str
    problem: str
    graph: list[str]
    outputs: list[DistanceEntry]
    weights: list[DistanceEntry]


class ExportEntry(TypedDict):
    """What `Onnx.to_dict()` gives."""

    name: str
    opset: NotRequired[Figure]
    dynamic: NotRequired[str | None]
    size_bytes: NotRequired[Figure]
    operators: dict[str, int]
    reason: NotRequired[str]
    fixed: NotRequired[list[str]]
    left_out: NotRequired[list[str]]
    unsteady: NotRequired[str]
    unkept: NotRequired[str]
    standing: NotRequired[StandingEntry | None]


class ExportChange(TypedDict):
    """What differs in an export: pairs of base and head."""

    name: str
    operators: list[CountRow]
    opset: NotRequired[list[Figure]]
    size_bytes: NotRequired[list[Figure]]
    reason: NotRequired[list[str]]


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    """What differs in each export that both sides have: nodes by type, opset, size, why it cannot be exported."""
    left, right = _by_place(content_of(old, "onnx")), _by_place(content_of(new, "onnx"))
    rows = [_row(left[key], right[key]) for key in right if key in left]
    return {"onnx": [row for row in rows if row["operators"] or any(fact in row for fact in FACTS)]}


def _by_place(entries: Sequence[ExportEntry]) -> dict[tuple[str | None, int], ExportEntry]:
    """The exports by their options: the opset of one that failed is not known, so it does not count."""
    found: dict[tuple[str | None, int], ExportEntry] = {}
    for entry in entries:
        dynamic = entry.get("dynamic")
        found[dynamic, sum(key[0] == dynamic for key in found)] = entry
    return found


def _row(old: ExportEntry, new: ExportEntry) -> ExportChange:
    row = {"name": new["name"], "operators": count_changes(old["operators"], new["operators"])}
    facts = {fact: [old.get(fact), new.get(fact)] for fact in FACTS if old.get(fact) != new.get(fact)}
    return cast("ExportChange", {**row, **facts})


def export_words(row: ExportChange) -> Iterator[str]:
    """What differs in an export: `Conv 20 -> 22`, `file 44.6 MiB -> 45 MiB`."""
    for entry in row["operators"]:
        yield f"{entry['operator']} {entry['base']:,} -> {entry['head']:,}"
    if "size_bytes" in row:
        yield "file " + " -> ".join(BYTES.format(size) if size else "–" for size in row["size_bytes"])
    if "opset" in row:
        yield "opset " + " -> ".join("–" if opset is None else str(opset) for opset in row["opset"])
    if "reason" in row:
        old, new = row["reason"]
        yield f"not exportable: {new}" if new else f"exportable again, the base was not: {old}"


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    for row in changes.get("onnx", []):
        yield Line("ONNX", ", ".join(export_words(row)), short=_short(row))


def _short(row: ExportChange) -> str:
    """`ONNX +17 KiB`."""
    old, new = row.get("size_bytes", [None, None])
    if not old or not new:
        return "ONNX export differs"
    return f"ONNX {'+' if new > old else '-'}{BYTES.format(abs(new - old))}"


COMPARISON = Comparison(
    ("onnx",),
    _compare,
    lines=_lines,
    panel=Panel(__package__, "changes.html.j2", functions=lambda: {"export_words": export_words}),
    types={"onnx": list[ExportChange]},
)
