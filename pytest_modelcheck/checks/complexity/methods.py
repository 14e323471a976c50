"""What a ModelCheck counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from ...verdict.phases import Phase
    from .measure import Attention
    from .result import Complexity
    from .table import SortKey, Style, Summary


class ComplexityMethods(Handle):
    """Measurements of complexity."""

    def complexity(
        self, *, phase: Phase = "forward", attention: Attention = "dense", strict: bool = False
    ) -> Complexity:
        """Count operations, bytes, activations and parameters; see `Complexity`.

        `phase`: "forward", "backward" or "training_step"; `attention`: "dense" or "causal" (a causal mask halves
        the products). Raises MeasurementError with `strict` if an operator is unknown, ModelRunError if the model
        itself raises.
        """
        from .measure import count

        return self._own(count(self.subject, phase=phase, attention=attention, strict=strict))

    def summary(
        self, *, depth: int | None = None, sort_by: SortKey | None = None, style: Style = "modelcheck"
    ) -> Summary:
        """The complexity as a table of modules; `depth` limits the nesting, `sort_by` is a column's name.

        `style`: "modelcheck", or the layouts and conventions of "torchsummary" and "torchstat" (which runs the model
        once to time its layers, unless it is on meta). It prints, and has `to_markdown()`, `to_dict()` and HTML.
        Raises MeasurementError for another `style` or `sort_by`.
        """
        from .table import checked_style, summary

        if checked_style(style) == "modelcheck":
            return summary(self.complexity(), depth=depth, sort_by=sort_by)
        from .classic import torchstat, torchsummary
        from .timing import layer_seconds

        if style == "torchsummary":
            return torchsummary(self.subject.architecture, self.complexity())
        return torchstat(self.subject.module, self.complexity(), layer_seconds(self.subject))

    def shufflenet_mac(self) -> dict[str, int]:
        """Memory access cost of each point-wise convolution after ShuffleNetV2 (Ma et al. 2018): hw(c1 + c2) + c1 c2.

        In elements, by module; grouped ones: hw(c1 + c2) + c1 c2 / g. Never to be mixed up with MACs.
        """
        from .classic import shufflenet_mac

        return shufflenet_mac(self.subject.architecture, self.complexity())
