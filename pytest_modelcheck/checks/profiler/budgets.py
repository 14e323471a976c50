"""The budgets of operator calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...demand.arguments import Choice, Text
from ...demand.check import AmountCheck
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Definition, Metric
from ...verdict.units import CALLS

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .result import Profile


class _ProfileCheck(AmountCheck):
    """A limit on calls in the profile of one forward call."""

    section = "profile"

    def observe(self, subject: Subject, **options: object) -> Profile:
        """The profile of one forward call; that of another budget of the same model, where there is one."""
        from ...model.shared import shared
        from .run import profile

        return shared()(profile)(subject)


class OperatorBudget(_ProfileCheck):
    """A limit on the calls of one operator, or of all that match a pattern."""

    name = "operator_budget"
    doc = (
        "at most this many calls of an operator in one forward call, as torch.profiler counts them (operators called "
        "by operators too); 0 forbids it. operator: 'aten::copy_', or a pattern: 'aten::*' is all of them together."
    )
    metrics = (Metric("operator_calls", CALLS, "calls of {operator}"),)
    choices: Mapping[str, Choice] = {"operator": Text()}
    leading = ("operator",)
    examples: Mapping[str, str] = {"operator": repr("aten::copy_")}

    def read(self, observed: Profile, limit: Limit) -> Measurement:
        """The calls of the operators that match."""
        return observed.calls_of(str(limit.options["operator"]))


class HostSyncCheck(_ProfileCheck):
    """Forbids what makes the host wait for the device."""

    name = "forbid_host_sync"
    doc = "nothing in the forward may make the host wait for the device (.item(), bool(tensor), .cpu(), masks, ...)."
    metrics = (
        Metric("host_syncs", CALLS, definition=Definition(2, "0.1")),
    )  # 2: what runs no operator on a CPU too
    fixed = 0

    def read(self, observed: Profile, limit: Limit) -> Measurement:
        """The calls after which the host waited."""
        return observed.host_syncs()
