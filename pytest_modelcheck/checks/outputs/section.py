"""The sections `outputs` and `drift`: their types, and how they are made."""

from __future__ import annotations

from typing import Any

from typing_extensions import NotRequired, TypedDict

from ...records.section import Section
from ...records.types import Number
from .entries import DriftEntry


class OutputRow(TypedDict):
    """One tensor of an output; figures are None where no value is finite."""

    path: str
    shape: list[int]
    dtype: str
    mean: Number
    std: Number
    min: Number
    max: Number
    largest: list[Any]
    nan: int
    inf: int
    kept: int
    size: int
    silence: str


class OutputsEntry(TypedDict):
    """What `Outputs.to_dict()` gives."""

    rows: list[OutputRow]
    others: list[str]
    nodeid: NotRequired[str | None]


OUTPUTS = Section("outputs", tab="outputs", title="Outputs", type=list[OutputsEntry])
DRIFT = Section("drift", tab="outputs", title="Drift", type=list[DriftEntry])
