"""Answers that are finite and the same when asked again; and a model that is afterwards as it was."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...demand.trial import Mark, Trial
from ...errors import MeasurementError, ModelCheckError, NothingSeenError
from ...text import count
from .check import DriftBudget
from .metrics import DRIFT, SNAPSHOT

if TYPE_CHECKING:
    from .methods import OutputsMethods
    from .result import Row


def _finite(check: OutputsMethods) -> str:
    found = check.outputs()
    if not found.rows:
        raise NothingSeenError(f"{check.name}: it returns no tensor, so that there is nothing to look at.")
    if strange := [row for row in found.rows if row.figures.nan or row.figures.inf]:
        told = "\n".join(f"  {row.path}: {_strange(row)}" for row in strange[:8])
        raise MeasurementError(f"{check.name}: outputs are not finite:\n{told}")
    return f"{count(len(found.rows), 'output')}, finite, the same when asked again\n{found}"


def _strange(row: Row) -> str:
    named = (("NaN", row.figures.nan), ("infinite", row.figures.inf))
    return f"of {row.size:,} values {', '.join(f'{number:,} {word}' for word, number in named if number)}"


def _as_before(check: Any) -> str:
    """What checks do to a model, a step of training too, is undone."""
    from ...model.state.traces import LOOKED_AT, differing, photograph

    subject = check.subject
    before = photograph(subject.module)
    check.outputs()
    unseen = set(subject.unsaved)
    with suppress(ModelCheckError):  # not all can be trained
        check.complexity(phase="training_step")
        unseen |= set(subject.unsaved)
    if left := differing(before, photograph(subject.module)):
        raise MeasurementError(
            f"{check.name}: not as before, after calls that should leave no trace: {', '.join(left[:8])}.\n"
            "What the model changes outside of its parameters, buffers and attributes, nobody can put back."
        )
    told = f"; not looked into: {', '.join(sorted(unseen))}" if unseen else ""
    return f"as before: {', '.join(LOOKED_AT)}{told}"


OUTPUTS_TRIAL = Trial(
    "outputs",
    _finite,
    (Mark(DriftBudget.name, [0], {"against": "repeated"}),),
    (*DriftBudget().names(DRIFT), SNAPSHOT.name),
    snapshot=("outputs", "output_snapshot"),
)
NO_TRACE = Trial("no_trace", _as_before)
