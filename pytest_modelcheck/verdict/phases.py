"""The phases in which a model is measured."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Phase: TypeAlias = Literal["forward", "backward", "training_step"]
PHASES: tuple[Phase, ...] = get_args(Phase)
FORWARD, BACKWARD, TRAINING_STEP = PHASES
"""Of figures of work (operations, time) `backward` is the backward alone, `training_step` forward and backward. Of peak
memory, where what is alive counts, `backward` is both, and `training_step` has the optimizer's step too.
"""
