"""Counts without a limit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...demand.trial import Mark, Trial
from ...verdict.limit import Limit
from ...verdict.units import FLOPS, MACS, PARAMS
from .budgets import BUDGETS

if TYPE_CHECKING:
    from .methods import ComplexityMethods

_FLOPS, _PARAMS = BUDGETS[0], BUDGETS[-1]


def _counted(check: ComplexityMethods) -> str:
    cost = check.complexity()
    _FLOPS.read(cost, Limit(_FLOPS.metric))  # refuses a count that saw nothing
    gist = f"{MACS.format(cost.macs)}, {FLOPS.format(cost.flops)}, {PARAMS.format(cost.params)} parameters"
    return f"{gist}\n{cost}"


def _budgets(check: ComplexityMethods) -> Sequence[Mark]:
    cost = check.complexity()
    figures = ((_FLOPS, cost.flops), (_PARAMS, cost.params))
    return [Mark(budget.name, [budget.metric.unit.at_least(value)]) for budget, value in figures]


TRIAL = Trial(
    "counts",
    _counted,
    words=tuple(name for budget in BUDGETS for name in budget.names(budget.metric)),
    budgets=_budgets,
    snapshot=("complexity", "complexity_snapshot"),
)
