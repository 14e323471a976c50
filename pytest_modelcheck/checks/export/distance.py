"""How far an output is from what it should be."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ...verdict.units import RATIO

RTOL, ATOL = 1e-3, 1e-5  # how far outputs may be off where nobody says it: within one of both is enough


@dataclass(frozen=True)
class OutputError:
    """How far one output of ONNX Runtime is from the model's own.

    `relative` is to the output's largest magnitude; of masks and whole numbers, which have no distance, it is the share
    of entries that differ (`differing` of them). `at`: the sizes of the inputs, where they are not the example's.
    `reason`: why there is no distance.
    """

    name: str
    relative: float
    absolute: float
    scale: float
    where: tuple[int, ...] = ()
    reason: str = ""
    differing: int = 0
    at: str = ""

    @classmethod
    def missing(cls, reason: str, at: str = "", name: str = "(outputs)") -> OutputError:
        """One without a distance."""
        return cls(name, math.inf, math.inf, 0.0, reason=reason, at=at)

    def exceeds(self, rtol: float, atol: float) -> bool:
        """Whether it is further off than both tolerances allow."""
        return bool(self.reason) or (self.relative > rtol and self.absolute > atol)

    def amount(self, whose: str = "its") -> str:
        """`3 % of its scale`."""
        if math.isinf(self.relative):
            return f"{self.absolute:.3g} where {whose} scale is {self.scale:.3g}"
        return f"{RATIO.format(self.relative, 3)} of {whose} {'entries' if self.differing else 'scale'}"

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" if self.reason else f"{self.name!r} by {self.amount()}"


def first_beyond(errors: Iterable[OutputError], rtol: float, atol: float) -> OutputError | None:
    """The first that is further off than both tolerances allow."""
    return next((error for error in errors if error.exceeds(rtol, atol)), None)
