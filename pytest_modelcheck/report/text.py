"""What terminal, page and Markdown say alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..errors import LimitError
from ..records.compare import TIMES
from ..verdict.units import BYTES, RATIO, named


def headroom_text(headroom: float | None) -> str:
    """`12 % free`, `missed by 16.9 %`, `1,687 times the limit`."""
    if headroom is None:
        return ""
    if headroom < FAR:
        return f"{1 - headroom:,.0f} times the limit"
    return f"{RATIO.format(headroom, 3)} free" if headroom >= 0 else f"missed by {RATIO.format(-headroom, 3)}"


FAR = -10  # headroom below which a share says less than a factor
SYMBOLS = {"pass": "✓", "fail": "✗", "warn": "!", "inconclusive": "?", "not gated": "–", "error": "✗"}


def shown_outcome(check: dict[str, object]) -> str:
    """The outcome as it is shown: a breach at level="warn" is a warning."""
    outcome = str(check["outcome"])
    return "warn" if outcome == "fail" and check.get("level") == "warn" else outcome


def amount(unit: str, value: Any) -> str:
    """A value in the unit of that noun; `–` for none."""
    if value is None:
        return "–"
    try:
        return named(unit).format(value)
    except LimitError:
        return f"{value:.4g}"


def change(share: float | None) -> str:
    """`+5.4 %`, `0 %`; empty where there is nothing to compare."""
    if share is None:
        return ""
    return f"{'+' if share > 0 else ''}{RATIO.format(share, 3)}"


def differing(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Figures that differ; a time that the base has not is none: it is not measured there alone."""
    return [
        row
        for row in rows
        if row["base"] != row["head"] and not (row["metric"] in TIMES and row["base"] is None)
    ]


def count(n: int, one: str, many: str = "") -> str:
    """`1 check`, `1,200 checks`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def graph_words(graph: Mapping[str, Any]) -> str:
    """`adds 2 nodes to the graph, changes 1`; empty for an empty mapping."""
    verbs = (("added", "adds", " to the graph"), ("removed", "removes", " from the graph"))
    told = [f"{verb} {count(graph[key], 'node')}{where}" for key, verb, where in verbs if graph.get(key)]
    if graph.get("changed"):
        changed = count(graph["changed"], "node")
        told.append(f"changes {changed}" if told else f"changes {changed} of the graph")
    return ", ".join(told)


def by_module(changes: Iterable[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Changes of structure by module; shapes of parameters are left out where the module's settings tell of them."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in changes:
        found.setdefault(row["path"], []).append(row)
    return [(path, [row for row in rows if not _follows(row, rows)]) for path, rows in found.items()]


def _follows(row: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether it is a shape that changed along with a setting."""
    return row["what"].startswith("parameter ") and any(
        other["kind"] == "changed" and not other["what"].startswith("parameter ") for other in rows
    )


def change_words(row: Mapping[str, Any]) -> str:
    """`stride 2 -> 1`, `module added: Conv2d(3, 8)`, `call removed`."""
    sides = " -> ".join(str(row[side]) for side in ("before", "after") if row[side] is not None)
    if row["kind"] == "changed" and sides:
        return f"{row['what']} {sides}"
    return f"{row['what']} {row['kind']}{f': {sides}' if sides else ''}"


def heatmap_words(row: Mapping[str, Any]) -> tuple[str, str]:
    """What became of a heatmap, and the figures or the reason."""
    places, strength = (_share(row[key]) for key in ("places", "strength"))
    figures = f"1 - Pearson {places} (at most {row['limits'][0]:g}), strength {strength} (at most {row['limits'][1]:g})"
    if row["from"] != row["title"] and row["reason"]:
        other = row["reason"].partition(" ")[0].replace("target", "class")
        return f"heatmap is of another {other}", f"{row['from']} -> {row['title']}"
    if row["reason"]:
        return "heatmap cannot be compared", row["reason"]
    return "heatmap moved" if row["moved"] else "heatmap did not move", figures


def slowdown_words(row: Mapping[str, Any]) -> str:
    """`11 % slower (interval 9 % to 13 %)`."""
    known = len(row["interval"]) == 2 and None not in row["interval"]
    ends = " to ".join(RATIO.format(end, 3) for end in row["interval"]) if known else "open"
    value, options = row["value"], row["title"].partition(" (")
    how = f" ({options[2]}" if options[1] else ""
    return f"{RATIO.format(abs(value), 3)} {'slower' if value >= 0 else 'faster'}{how} (interval {ends})"


def _share(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, (int, float)) else str(value)


def onnx_words(row: Mapping[str, Any]) -> Iterator[str]:
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


def weights_words(weights: Mapping[str, Any]) -> str:
    """`3 of 12 tensors hold other values`."""
    if weights["changed"] == weights["of"]:
        return f"all {count(weights['of'], 'tensor')} hold other values: trained anew, or drawn without a fixed seed"
    return f"{weights['changed']:,} of {count(weights['of'], 'tensor')} hold other values"
