"""The section `weights`, and `weight_changes`, what a test compared them with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import NotRequired, TypedDict

from ...records.section import Section
from ...records.types import Number
from ...verdict.metric import Definition
from .changes import COMPARISON
from .panel import COMPARED_PANEL, PANEL

if TYPE_CHECKING:
    from ...model.subject import Subject


class TensorRow(TypedDict):
    """A tensor's statistics; `first`: its first values, row by row."""

    name: str
    first: NotRequired[list[Number]]


class WeightsEntry(TypedDict):
    """What `Weights.to_dict()` gives."""

    tensors: NotRequired[list[TensorRow]]


class ComparedEntry(TypedDict):
    """What a test's `weights(against=...)` found."""

    equal: int


def _describe(subject: Subject) -> dict[str, object]:
    from .stats import describe

    return describe(subject)


WEIGHTS = Section(
    "weights",
    _describe,
    tab="weights",
    title="Weights",
    type=WeightsEntry,
    panel=PANEL,
    changes=COMPARISON,
    steady=True,
    definition=Definition(2, "0.1"),  # means differ in their last digits
)
COMPARED = Section(
    "weight_changes", tab="weights", title="Weights, compared", type=list[ComparedEntry], panel=COMPARED_PANEL
)
