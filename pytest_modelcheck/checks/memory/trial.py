"""Peak memory in a test file that `init` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ...demand.trial import Mark, Trial
from ...verdict.units import BYTES
from .budgets import PeakMemoryBudget

if TYPE_CHECKING:
    from .methods import MemoryMethods


def _budgets(check: MemoryMethods) -> Sequence[Mark]:
    return [Mark(PeakMemoryBudget.name, [BYTES.at_least(check.peak_memory().total)])]


TRIAL = Trial("memory", budgets=_budgets)
