"""Heatmaps of the same input at the base and now, by the rule of the heatmap snapshots."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...records.load import number

if TYPE_CHECKING:
    from .compare import StoredMap

Record = Mapping[str, Any]
Entry = dict[str, Any]

FACTS = ("method", "layer", "target")


def heatmap_changes(old: Record, new: Record, paths: Mapping[str, str]) -> list[Entry]:
    """Each heatmap that both sides have: how far its places and its strengths moved, whether that is a difference.

    They are the same one if the same test made them in the same order, with the same method. `paths`: old name -> new
    name of modules, so that a renamed layer is no other layer. One that moved brings both pictures along.
    """
    left, right = _by_place(old), _by_place(new)
    return [_row(left[key], right[key], paths) for key in right if key in left]


def _by_place(subject: Record) -> dict[tuple[Any, ...], Record]:
    found: dict[tuple[Any, ...], Record] = {}
    entries = subject.get("heatmaps", [])
    for entry in entries if isinstance(entries, list) else ():
        if "raw" in entry:
            alike = sum(key[:2] == (entry["nodeid"], entry["method"]) for key in found)
            found[entry["nodeid"], entry["method"], alike] = entry
    return found


def _row(old: Record, new: Record, paths: Mapping[str, str]) -> Entry:
    from .compare import PRESETS, HeatmapComparison, compare

    layer = paths.get(old["layer"], old["layer"])
    try:
        seen = compare(_stored(new, new["layer"]), _stored(old, layer))
    except (ValueError, binascii.Error) as error:
        seen = HeatmapComparison("default", reason=f"cannot be compared: {error}")
    row = {
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
    return {**row, "pictures": [old["image"], new["image"]]} if row["moved"] else row


def _stored(entry: Record, layer: str) -> StoredMap:
    """The raw map. Raises ValueError where it is damaged."""
    import numpy as np

    from .compare import StoredMap

    shape, data = entry["raw"]["shape"], base64.b64decode(entry["raw"]["float32"], validate=True)
    if len(shape) != 3 or min(shape) < 1 or math.prod(shape) * 4 != len(data):
        raise ValueError(f"a map of shape {shape} in {len(data)} bytes")
    facts = {fact: entry[fact] for fact in FACTS} | {"layer": layer}
    return StoredMap(np.frombuffer(data, "<f4").reshape(shape), facts)
