"""Whether torch.compile takes the model at all, and what it makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...demand.trial import Mark, Trial
from ...errors import MeasurementError
from .check import CompileBudget, refuse_vacuous

if TYPE_CHECKING:
    from .methods import CompileMethods
    from .result import Compiled


def _compiled(check: CompileMethods) -> Compiled:
    result = check.compile()
    if result.reason:
        refused = MeasurementError(f"{check.name}: torch.compile does not compile it: {result.reason}")
        refused.details = result.details
        raise refused
    refuse_vacuous(result)
    return result


def _told(check: CompileMethods) -> str:
    result = _compiled(check)
    return str(result).removeprefix(f"{check.name}: ")


def _budgets(check: CompileMethods) -> Sequence[Mark]:
    result = _compiled(check)
    today = {"graph_breaks": result.graph_breaks, "recompiles": result.recompiles}
    return [Mark(CompileBudget.name, kwargs=today)]


_BUDGET = CompileBudget()
TRIAL = Trial(
    "compile",
    _told,
    words=tuple(name for metric in _BUDGET.metrics for name in _BUDGET.names(metric)),
    budgets=_budgets,
)
