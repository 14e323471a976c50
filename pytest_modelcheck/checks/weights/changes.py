"""Weights of the same subject at the base and now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict

from ...drawing.panel import Panel
from ...records.plain import number, share
from ...records.section import Comparison, Line, Origin, Paths, Sections, content_of
from ...records.types import Figure
from ...text import count

FIGURES = ("mean", "std", "min", "max", "l2")


class TensorChange(TypedDict):
    """A tensor that holds other values: its L2 norm on both sides."""

    tensor: str
    base: Figure
    head: Figure


class WeightsChange(TypedDict):
    """How many tensors hold other values, and which moved most."""

    changed: int
    of: int
    tensors: list[TensorChange]


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    """How many tensors hold other values, and which of them moved most (by the L2 norm); shapes are structure."""
    left, right = (
        {t["name"]: t for t in (content_of(side, "weights") or {}).get("tensors", [])} for side in (old, new)
    )
    names = {_renamed(name, paths): name for name in left}
    both = [(name, left[names[name]], tensor) for name, tensor in right.items() if name in names]
    moved = [
        {"tensor": name, "base": number(a.get("l2")), "head": number(b.get("l2"))}
        for name, a, b in both
        if a.get("shape") == b.get("shape") and any(a.get(key) != b.get(key) for key in FIGURES)
    ]
    ranked = sorted(moved, key=lambda row: -abs(share(row["base"], row["head"]) or 0))
    return {"weights": {"changed": len(moved), "of": len(both), "tensors": ranked[:20]} if moved else {}}


def _renamed(name: str, paths: Paths) -> str:
    module, _, own = name.rpartition(".")
    module = paths.get(module, module)
    return f"{module}.{own}" if module else own


def weights_words(weights: WeightsChange) -> str:
    """`3 of 12 tensors hold other values`."""
    if weights["changed"] == weights["of"] == 1:
        return "its tensor holds other values: trained anew, or drawn without a fixed seed"
    if weights["changed"] == weights["of"]:
        return f"all {count(weights['of'], 'tensor')} hold other values: trained anew, or drawn without a fixed seed"
    return f"{weights['changed']:,} of {count(weights['of'], 'tensor')} hold other values"


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    if changes.get("weights"):
        names = tuple(row["tensor"] for row in changes["weights"]["tensors"])
        words = weights_words(changes["weights"])
        yield Line(words, names=names, short=words)


def _origins(changes: Mapping[str, Any]) -> Iterator[Origin]:
    if changes.get("weights"):
        yield Origin("", weights_words(changes["weights"]), "weights")


COMPARISON = Comparison(
    ("weights",),
    _compare,
    lines=_lines,
    origins=_origins,
    panel=Panel(__package__, "changes.html.j2", functions=lambda: {"weights_words": weights_words}),
    types={"weights": WeightsChange},
)
