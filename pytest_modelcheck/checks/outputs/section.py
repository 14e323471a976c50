"""The sections `outputs` and `drift`: their types, and how they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import NotRequired, TypedDict

from ...records.section import Ask, Section
from ...records.types import Number
from .changes import COMPARISON
from .entries import AnswersEntry, DriftEntry
from .panel import DRIFT_PANEL, EVIDENCE, OUTPUTS_PANEL

if TYPE_CHECKING:
    from ...model.subject import Subject


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


class OffSnapshotEntry(TypedDict):
    """How they differ from their snapshot: in words, and what to show (`pictures.side_by_side`)."""

    lines: list[str]
    shown: list[Any]


class OutputsEntry(TypedDict):
    """What `Outputs.to_dict()` gives; `compared` where a snapshot differs."""

    rows: list[OutputRow]
    others: list[str]
    nodeid: NotRequired[str | None]
    compared: NotRequired[OffSnapshotEntry]


OUTPUTS = Section(
    "outputs",
    tab="outputs",
    title="Outputs",
    type=list[OutputsEntry],
    panel=OUTPUTS_PANEL,
    evidence=EVIDENCE,
)
DRIFT = Section(
    "drift",
    tab="outputs",
    title="Drift",
    type=list[DriftEntry],
    panel=DRIFT_PANEL,
    changes=COMPARISON,
)


def _facts(subject: Subject) -> AnswersEntry:
    from .base import facts

    return facts(subject)


def _between(subject: Subject, base: AnswersEntry, head: AnswersEntry, ask: Ask) -> Mapping[str, list[Any]]:
    from .base import between

    return between(subject, base, head, ask)


def _answer(subject: Subject, asked: Any) -> dict[str, Any]:
    from .base import answer_head

    return answer_head(subject, asked)


ANSWERS = Section(
    "answers", _facts, type=AnswersEntry, steady=True, between=_between, answer=_answer, is_shown=False
)
