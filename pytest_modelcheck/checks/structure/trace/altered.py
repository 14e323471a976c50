"""Another run, in which what comes out of tensors is other than it is: what then differs in the trace is data.

`.item()`, `.tolist()` and their kin give other numbers, lists and arrays are of shifted tensors in another order, and
what is picked by data is one fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Alteration:
    """`step`: what integers move by, and up to `steps` times that; `picks`: whether what is selected by data is altered
    too; `turned`: whether the order is.
    """

    step: int = 1
    steps: int = 1
    picks: bool = True
    turned: bool = False

    def other(self, value: object, ordinal: int = 0) -> object:
        """Another number, or numbers; for each of several given out (`ordinal`) by another step."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, list):
            others = [self.other(item, ordinal) for item in (value[::-1] if self.turned else value)]
            return [self.other(o, ordinal) if o == item else o for o, item in zip(others, value, strict=True)]
        if isinstance(value, int):
            step = self.step * (1 + ordinal % self.steps)
            return value - step if value == 0 and step < 0 else value + step
        if isinstance(value, (float, complex)):
            return value * 1.015625 + 0.015625 * (1 + ordinal)
        return value

    def shifted(self, tensor: Tensor) -> Tensor | None:
        """The same of a tensor; None of one that stays as it is."""
        if tensor.dtype is torch.bool:
            return None
        given = tensor.flip(*range(tensor.dim())) if self.turned else tensor
        is_whole = not (tensor.is_floating_point() or tensor.is_complex())
        shifted = given + self.step if is_whole else given * 1.015625 + 0.015625
        return shifted + self.step * (shifted == tensor)

    def fewer(self, value: object) -> object:
        """Without the last row."""
        if self.picks and isinstance(value, Tensor) and value.dim() and value.shape[0] > 1:
            return value[:-1]
        if self.picks and isinstance(value, tuple) and not hasattr(value, "_fields"):
            return tuple(self.fewer(item) for item in value)
        return value


class Abandoned(BaseException):
    """Raised within a run that altered values make go on and on; no `except Exception` of the model's takes it."""


ATTEMPTS = (
    Alteration(steps=8, turned=True),
    Alteration(-1, steps=8, turned=True),
    Alteration(turned=True),
    Alteration(-1, turned=True),
    Alteration(),
    Alteration(-1),
    Alteration(picks=False, turned=True),
    Alteration(-1, picks=False, turned=True),
    Alteration(picks=False),
    Alteration(-1, picks=False),
)
"""Each in turn, until the model bears one."""
