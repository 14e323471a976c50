"""The phases in which a model is measured."""

FORWARD, BACKWARD, TRAINING_STEP = PHASES = ("forward", "backward", "training_step")
"""`backward` is a forward in train mode with the backward after it; `training_step` has the optimizer's step too."""
