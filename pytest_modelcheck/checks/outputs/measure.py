"""One forward call, and what it answers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...model.draws import same_draws
from ...model.subject import Inputs, Subject
from .against import refuse_meta
from .answer import as_written
from .result import Outputs, outputs_of
from .vacuous import deafness


def answers(subject: Subject) -> Outputs:
    """What the model answers to its example inputs, in eval mode; draws are the same in every run.

    Raises ModelRunError if the model itself raises, SubjectError on meta, where there are no values.
    """
    refuse_meta(subject)
    found = _answers(subject, subject.require_inputs())
    return replace(found, deaf=partial(_deaf, subject, found))


def _answers(subject: Subject, inputs: Inputs) -> Outputs:
    with subject.restored(), torch.no_grad(), same_draws("outputs"):
        output = as_written(subject, inputs.copied())
        return outputs_of(output, subject.name, inputs.tensors)


def _deaf(subject: Subject, found: Outputs) -> str:
    """Why they say nothing, where they are the same for any input; "" where others are answered otherwise."""
    return deafness(subject, _tensors(found), lambda other: _tensors(_answers(subject, other)))


def _tensors(outputs: Outputs) -> dict[str, Tensor]:
    return {path: torch.from_numpy(array) for path, array in outputs.arrays.items()}
