"""Complexity: operations, bytes, activations and parameters, per operator and per module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...demand.check import Budget, Registry

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Measurement

PHASES = {"phase": ("forward", "backward", "training_step")}
TRAINABLE = {"trainable": (None, True, False)}
BUDGETS = (  # metric, unit, what the limit is
    ("flops", "FLOPs", "at most this many floating-point operations (2 x MACs) in one call."),
    ("macs", "MACs", "at most this many multiply-accumulate operations in one call."),
    ("memory_access", "bytes", "at most this many bytes read and written by the operators of one call."),
    ("activations", "elements", "at most this many elements in outputs of convolutions and matrix products."),
)
PARAMS = "at most this many parameters; trainable=True or False counts only those."


def register(registry: Registry) -> None:
    """The budgets of this folder, and its section of the report."""
    for metric, unit, doc in BUDGETS:
        read = _reader(metric)
        registry.add(
            Budget(f"{metric}_budget", metric, unit, doc, _observe, read, PHASES, ("strict_operators",))
        )
    read = _reader("params")
    registry.add(Budget("params_budget", "params", "parameters", PARAMS, _observe_params, read, TRAINABLE))
    registry.add_section("complexity", _describe)


def _observe(subject: Subject, *, phase: str, strict_operators: bool) -> Any:
    from .measure import count

    return count(subject, phase=phase, strict=strict_operators)


def _observe_params(subject: Subject, *, trainable: bool | None) -> Any:
    from .params import count_params

    return count_params(subject, trainable=trainable)


def _reader(metric: str) -> Callable[..., Measurement]:
    def read(observed: Any, **options: Any) -> Any:
        from . import read as check

        return getattr(check, f"read_{metric}")(observed)

    return read


def _describe(subject: Subject) -> dict[str, Any]:
    from .measure import count

    return count(subject).to_dict()
