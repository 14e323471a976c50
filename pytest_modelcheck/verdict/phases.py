"""The phases in which a model is measured."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Phase: TypeAlias = Literal["forward", "backward", "training_step"]
PHASES: tuple[Phase, ...] = get_args(Phase)
FORWARD, BACKWARD, TRAINING_STEP = PHASES
"""`backward` is a forward in train mode with the backward after it; `training_step` has the optimizer's step too."""
