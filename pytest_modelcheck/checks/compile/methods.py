"""What torch.compile makes of the model of a ModelCheck."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...errors import MeasurementError
from ..handle import Handle
from .check import Sizes, option_problems

if TYPE_CHECKING:
    from .result import Compiled


class CompileMethods(Handle):
    """torch.compile."""

    def compile(
        self, *, sizes: Sequence[Sequence[object]] | None = None, dynamic: bool | None = None
    ) -> Compiled:
        """Trace the model with torch.compile (backend `eager`): calls with the example, again, and with `sizes`.

        `.graphs .graph_breaks .recompiles`; `.breaks` (`.reason .file .line .module .count .hint`), `.guards`
        (`.reason .size .module .hint`), `.fallback`, and `.reason` for a model that is not compilable. `sizes`: further
        shapes, or for each call a list with the shape of each tensor. `dynamic`: torch.compile's own. The model stays
        as it is, and so does what you compiled yourself. Raises ModelRunError, SubjectError; MeasurementError for sizes
        that do not fit, and for another `dynamic` than True, False and None.
        """
        from .measure import compile_model

        if problem := next(option_problems({"sizes": sizes, "dynamic": dynamic}), ""):
            raise MeasurementError(problem.removeprefix("compile_budget: "))
        result = compile_model(self.subject, sizes=Sizes.of(sizes).shapes, dynamic=dynamic)
        self._keep(result)
        return self._own(result)
