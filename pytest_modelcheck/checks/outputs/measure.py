"""One forward call, and what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ...model.draws import same_draws
from .result import Outputs, outputs_of

if TYPE_CHECKING:
    from ...model.subject import Subject


def answers(subject: Subject) -> Outputs:
    """What the model answers to its example inputs, in eval mode; draws are the same in every run.

    Raises ModelRunError if the model itself raises.
    """
    with subject.restored(), torch.no_grad(), same_draws("outputs"):
        inputs = subject.require_inputs()
        return outputs_of(subject.run(), subject.name, inputs.tensors)
