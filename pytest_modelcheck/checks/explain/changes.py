"""Heatmaps of the same input at the base and now, by the rule of the heatmap snapshots."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from ...drawing.panel import Panel
from ...records.plain import number
from ...records.section import Comparison, Line, Paths, Sections, content_of
from .entries import Compared, HeatmapChange, HeatmapEntry

if TYPE_CHECKING:
    from PIL import Image

    from .compare import StoredMap

Place: TypeAlias = tuple[str | None, str, int]  # the test, the method, which of these in it


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    return {"heatmaps": heatmap_changes(content_of(old, "heatmaps"), content_of(new, "heatmaps"), paths)}


def heatmap_changes(
    old: Sequence[HeatmapEntry], new: Sequence[HeatmapEntry], paths: Paths
) -> list[HeatmapChange]:
    """Each heatmap that both sides have.

    They are the same one if the same test made them in the same order, with the same method. `paths`: old name -> new
    name of modules, so that a renamed layer is no other layer. One that moved brings both pictures along.
    """
    left, right = _by_place(old), _by_place(new)
    return [_row(left[key], right[key], paths) for key in right if key in left]


def _by_place(entries: Sequence[HeatmapEntry]) -> dict[Place, HeatmapEntry]:
    found: dict[Place, HeatmapEntry] = {}
    for entry in entries:
        if "raw" in entry:
            alike = sum(key[:2] == (entry["nodeid"], entry["method"]) for key in found)
            found[entry["nodeid"], entry["method"], alike] = entry
    return found


def _row(old: HeatmapEntry, new: HeatmapEntry, paths: Paths) -> HeatmapChange:
    from .compare import PRESETS, HeatmapComparison, compare

    layer = paths.get(old["layer"], old["layer"])
    sides = None
    try:
        sides = _stored(old, layer), _stored(new, new["layer"])
        seen = compare(sides[1], sides[0])
    except (ValueError, binascii.Error) as error:
        seen = HeatmapComparison("default", reason=f"cannot be compared: {error}")
    row: HeatmapChange = {
        "title": new["title"],
        "from": old["title"],
        "nodeid": new["nodeid"],
        "moved": not seen.matches,
        "places": seen.correlation_distance,
        "strength": seen.max_change,
        "limits": list(PRESETS["default"]),
        "reason": " ".join(seen.reason.split()),
        "score": [number(side["score"][0]) if side["score"] else None for side in (old, new)],
    }
    if row["moved"]:
        row["pictures"] = [old["image"], new["image"]]
        if sides is not None and new.get("space"):
            row["compared"] = _compared(sides[0], sides[1], new)
    return row


def _compared(old: StoredMap, new: StoredMap, entry: HeatmapEntry) -> Compared:
    """Both maps on scales that agree, and the difference, over the input as the entry shows it."""
    from ...drawing.images import from_base64
    from .pictures import compared_maps

    inputs = {view["sample"]: view.get("input", "") for view in entry.get("views", [])} | {0: entry["input"]}

    def given(sample: int, slices: Sequence[int]) -> Image.Image | None:
        return (
            from_base64(inputs.get(sample, "")) if not slices else None
        )  # these may be others than it shows

    return compared_maps(old.raw, new.raw, entry["space"], given, entry.get("extent", ()))


def _stored(entry: HeatmapEntry, layer: str) -> StoredMap:
    """The raw map. Raises ValueError where it is damaged."""
    import numpy as np

    from .compare import StoredMap

    shape, data = entry["raw"]["shape"], base64.b64decode(entry["raw"]["float32"], validate=True)
    axes = len(entry.get("space", ())) or 2
    if len(shape) != axes + 1 or min(shape) < 1 or math.prod(shape) * 4 != len(data):
        raise ValueError(f"a map of shape {shape} in {len(data)} bytes")
    facts = {"method": entry["method"], "layer": layer, "target": entry["target"]}
    return StoredMap(np.frombuffer(data, "<f4").reshape(shape), facts)


def heatmap_words(row: HeatmapChange) -> tuple[str, str]:
    """What became of a heatmap, and the figures or the reason."""
    places, strength = (_share(value) for value in (row["places"], row["strength"]))
    figures = f"1 - Pearson {places} (at most {row['limits'][0]:g}), strength {strength} (at most {row['limits'][1]:g})"
    if row["from"] != row["title"] and row["reason"]:
        other = row["reason"].partition(" ")[0].replace("target", "class")
        return f"heatmap is of another {other}", f"{row['from']} -> {row['title']}"
    if row["reason"]:
        return "heatmap cannot be compared", row["reason"]
    return "heatmap moved" if row["moved"] else "heatmap did not move", figures


def _share(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, (int, float)) else str(value)


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    for row in changes.get("heatmaps", []):
        became, why = heatmap_words(row)
        yield Line(became, why, short=became, strong=row["moved"], worse=row["moved"])


COMPARISON = Comparison(
    ("heatmaps",),
    _compare,
    lines=_lines,
    panel=Panel(__package__, "changes.html.j2", functions=lambda: {"heatmap_words": heatmap_words}),
    is_change=lambda key, rows: any(row["moved"] for row in rows),
    types={"heatmaps": list[HeatmapChange]},
)
