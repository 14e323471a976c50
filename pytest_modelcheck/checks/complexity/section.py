"""The section `complexity`: its type, its figures, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import NotRequired, TypedDict

from ...records.plain import number
from ...records.section import Section, Spread, Total, content_of
from ...records.types import Number
from ...verdict.measurement import ROOT, Contributor
from ...verdict.metric import Metric
from . import metrics
from .changes import COMPARISON
from .panel import PANEL

if TYPE_CHECKING:
    from ...model.subject import Subject


class ModuleCostRow(TypedDict):
    """A module's cost with its children's; `own_macs` and `own_params` without."""

    name: str
    type: str
    own_macs: NotRequired[Number]
    own_params: NotRequired[Number]


class OperatorRow(TypedDict):
    """An operator's calls and cost."""

    name: str
    calls: NotRequired[int]


class ComplexityEntry(TypedDict):
    """What `Complexity.to_dict()` gives."""

    modules: NotRequired[list[ModuleCostRow]]
    operators: NotRequired[list[OperatorRow]]
    unknown_operators: NotRequired[dict[str, int]]
    loops: NotRequired[dict[str, int]]
    left_torch: NotRequired[list[str]]
    unsaved: NotRequired[list[str]]
    merged: NotRequired[dict[str, str]]
    used_through_weights: NotRequired[dict[str, str]]


def _describe(subject: Subject) -> dict[str, object]:
    from .measure import count

    return count(subject).to_dict()


def _parts(scale: int) -> Callable[[Any], Iterable[Contributor]]:
    """Each module's own contractions."""

    def parts(content: Mapping[str, Any]) -> Iterable[Contributor]:
        rows = content.get("modules", [])
        return [Contributor(m["name"] or ROOT, m["own_macs"] * scale) for m in rows if m.get("own_macs")]

    return parts


def _total(metric: Metric, **more: Any) -> Total:
    return Total(
        metric,
        lambda content: content.get(metric.name),
        options=lambda content: {"phase": content.get("phase")},
        **more,
    )


def _costs(content: Mapping[str, Any]) -> Mapping[str, int]:
    return {m["name"]: m["macs"] for m in content.get("modules", [])}


def _spreads(content: Mapping[str, Any]) -> Iterator[Spread]:
    """Records hold numbers that are none as words: they colour nothing."""
    for metric in (metrics.FLOPS, metrics.MEMORY_ACCESS, metrics.ACTIVATIONS):
        values = {m["name"]: number(m.get(metric.name)) for m in content.get("modules", [])}
        yield Spread(metric, {name: value for name, value in values.items() if value is not None})


def _upgraded(content: Mapping[str, Any], sections: Mapping[str, Any]) -> Mapping[str, Any]:
    """Schema 1 had the modules' own parameters in the structure alone."""
    structure = content_of(sections, "structure") or {}
    rows = structure.get("modules", []) if isinstance(structure, dict) else []
    own = {
        row["name"]: row["own_params"]
        for row in rows
        if isinstance(row, dict) and {"name", "own_params"} <= row.keys()
    }
    modules = [{"own_params": own.get(row["name"]), **row} for row in content.get("modules", [])]
    return {**content, "modules": modules}


COMPLEXITY = Section(
    "complexity",
    _describe,
    tab="cost",
    title="Complexity",
    type=ComplexityEntry,
    panel=PANEL,
    totals=(
        _total(metrics.MACS, parts=_parts(1)),
        _total(metrics.FLOPS, parts=_parts(2), key=True),
        _total(metrics.PARAMS, key=True),
        _total(metrics.ACTIVATIONS),
        _total(metrics.MEMORY_ACCESS),
    ),
    changes=COMPARISON,
    costs=_costs,
    spreads=_spreads,
    upgraded=_upgraded,
    steady=True,
)
