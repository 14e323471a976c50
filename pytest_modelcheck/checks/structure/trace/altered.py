"""Another run, in which what comes out of tensors is other than it is: what then differs in the trace is data.

`.item()`, `.tolist()` and their kin give other numbers, arrays are of shifted tensors, and what is picked by data is
one fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Alteration:
    """`step`: what integers move by; `picks`: whether what is selected by data is altered too."""

    step: int = 1
    picks: bool = True

    def other(self, value: object) -> object:
        """Another number, or numbers."""
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, list):
            return [self.other(item) for item in value]
        if isinstance(value, int):
            return max(value + self.step, 0) if value >= 0 else value + self.step
        if isinstance(value, (float, complex)):
            return value * 1.015625 + 0.015625
        return value

    def shifted(self, tensor: Tensor) -> Tensor | None:
        """The same of a tensor; None of one that stays as it is."""
        if tensor.is_floating_point() or tensor.is_complex():
            return tensor * 1.015625 + 0.015625
        return None if tensor.dtype is torch.bool else tensor + self.step

    def fewer(self, value: object) -> object:
        """Without the last row."""
        if self.picks and isinstance(value, Tensor) and value.dim() and value.shape[0] > 1:
            return value[:-1]
        if self.picks and isinstance(value, tuple) and not hasattr(value, "_fields"):
            return tuple(self.fewer(item) for item in value)
        return value


ATTEMPTS = (Alteration(), Alteration(-1), Alteration(picks=False), Alteration(-1, picks=False))
"""Each in turn, until the model bears one."""
