"""`complexity_snapshot`: what each module costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks.complexity.metrics import SNAPSHOT
from ..checks.complexity.result import Complexity
from ..checks.complexity.text import TOTAL, compare, to_text
from ..errors import LimitError, NothingSeenError, out_of_sight
from ..verdict.units import RATIO
from .files import COMPLEXITY
from .text import TextExtension, TextSnapshot


class ComplexityExtension(TextExtension):
    """Exact by default; with a tolerance, numbers may differ by that share of the stored ones."""

    file_extension = COMPLEXITY
    noun = "complexity"
    metric = SNAPSHOT
    usage = "assert modelcheck.complexity() == complexity_snapshot"
    tolerance = 0.0

    def accepts(self, data: object) -> bool:
        """A Complexity."""
        return isinstance(data, Complexity)

    def silence(self, data: Complexity) -> NothingSeenError | None:
        """A count that saw nothing, or not all."""
        if data.on_other_threads:
            return NothingSeenError(out_of_sight(data.on_other_threads, "the counter"))
        if data.flops_all or data.memory_access or data.unknown_operators:
            return None
        return NothingSeenError(
            f"{data.name}: saw no operator that counts, so that there is nothing to compare.\n"
            "What works outside of torch's operators (numpy, another library or process) is not seen."
        )

    def text(self, data: Complexity) -> str:
        """One line for each module."""
        return to_text(data)

    def differences(self, actual: str, expected: str) -> list[str]:
        """The modules that differ by more than the tolerance; shapes, names and unknown operators must be equal."""
        return compare(actual, expected, self.tolerance)

    def telling(self, lines: Sequence[str]) -> str:
        """The first module, rather than the total."""
        return next((line for line in lines if not line.startswith((TOTAL, "+ ", "- "))), *lines[:1])

    def rule(self) -> str:
        """The tolerance it was judged with."""
        return f" by more than {RATIO.format(self.tolerance)}" if self.tolerance else ""


class ComplexitySnapshot(TextSnapshot):
    """A snapshot of complexities; `complexity_snapshot(tolerance="1%")` for one comparison."""

    takes = ("tolerance",)

    def __call__(self, *, tolerance: float | str | None = None, **options: Any) -> ComplexitySnapshot:
        """`tolerance`: a share of each stored number, "1%" or 0.01; the rest is syrupy's own. Raises LimitError."""
        if tolerance is not None:
            share = _tolerance(tolerance)
            options["extension_class"] = ComplexityExtension
        super().__call__(**options)
        if tolerance is not None:
            self.extension.tolerance = share  # type: ignore[attr-defined]  # of this one comparison
        return self


def _tolerance(given: float | str) -> float:
    try:
        return RATIO.parse(given)
    except LimitError as error:
        raise LimitError(f"complexity_snapshot: tolerance: {error}") from None
