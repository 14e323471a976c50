"""What a ModelCheck counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .result import Complexity
    from .table import Summary


class ComplexityMethods(Handle):
    """Measurements of complexity."""

    def complexity(
        self, *, phase: str = "forward", attention: str = "dense", strict: bool = False
    ) -> Complexity:
        """Count operations, bytes, activations and parameters; see `Complexity`.

        `phase`: "forward", "backward" or "training_step"; `attention`: "dense" or "causal" (a causal mask halves
        the products). Raises MeasurementError with `strict` if an operator is unknown, ModelRunError if the model
        itself raises.
        """
        from .measure import count

        return self._own(count(self.subject, phase=phase, attention=attention, strict=strict))

    def summary(self, *, depth: int | None = None, sort_by: str | None = None) -> Summary:
        """The complexity as a table of modules; `depth` limits the nesting, `sort_by` is a column's name."""
        from .table import summary

        return summary(self.complexity(), depth=depth, sort_by=sort_by)
