"""Operator counts of one call, as torch.profiler counts them: exact and repeatable, so they can be gated on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...demand.check import Budget, Registry, Text

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Measurement

OPERATOR = (
    "at most this many calls of an operator in one forward call, as torch.profiler counts them (operators called by "
    "operators too); 0 forbids it. operator: 'aten::copy_', or a pattern: 'aten::*' is all of them together."
)
SYNC = (
    "no operator in the forward may make the host wait for the device (.item(), bool(tensor), nonzero, ...)."
)


def register(registry: Registry) -> None:
    """The budgets of this folder."""
    registry.add(
        Budget(
            "operator_budget",
            "operator_calls",
            "calls",
            OPERATOR,
            _observe,
            _read,
            {"operator": Text()},
            section="profile",
            leading=("operator",),
        )
    )
    registry.add(
        Budget(
            "forbid_host_sync",
            "host_syncs",
            "calls",
            SYNC,
            _observe,
            _read_syncs,
            section="profile",
            fixed=0,
        )
    )


def _observe(subject: Subject, **options: Any) -> Any:
    from .run import profile

    return profile(subject)


def _read(observed: Any, *, operator: str) -> Measurement:
    return observed.calls_of(operator)


def _read_syncs(observed: Any) -> Measurement:
    return observed.host_syncs()
