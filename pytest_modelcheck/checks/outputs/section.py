"""The sections `outputs` and `drift`: their types, and how they are made."""

from __future__ import annotations

from typing_extensions import TypedDict

from ...records.section import Section
from ...records.types import Number
from .entries import DriftEntry


class OutputRow(TypedDict):
    """One tensor of an output; figures are None where they are no numbers."""

    path: str
    shape: list[int]
    dtype: str
    mean: Number
    std: Number
    min: Number
    max: Number


class OutputsEntry(TypedDict):
    """What `Outputs.to_dict()` gives."""

    rows: list[OutputRow]


OUTPUTS = Section("outputs", tab="outputs", title="Outputs", type=list[OutputsEntry])
DRIFT = Section("drift", tab="outputs", title="Drift", type=list[DriftEntry])
