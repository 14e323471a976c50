"""Complexity: operations, bytes, activations and parameters, per operator and per module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..checks import Budget, Registry
from ..units import BYTES, ELEMENTS, FLOPS, MACS, PARAMS
from ..verdict import Measurement

if TYPE_CHECKING:
    from ..subject import Subject

PHASES = {"phase": ("forward", "backward", "training_step")}


def register(registry: Registry) -> None:
    """The budgets of this folder, and its section of the report."""
    for name, unit, doc in (
        ("flops", FLOPS, "at most this many floating-point operations (2 x MACs) in one call."),
        ("macs", MACS, "at most this many multiply-accumulate operations in one call."),
        ("memory_access", BYTES, "at most this many bytes read and written by the operators of one call."),
        (
            "activations",
            ELEMENTS,
            "at most this many elements in the outputs of convolutions and matrix products.",
        ),
    ):
        budget = Budget(
            f"{name}_budget", name, unit, doc, _observe, _reader(name), PHASES, ("strict_operators",)
        )
        registry.add(budget)
    trainable = {"trainable": (None, True, False)}
    doc = "at most this many parameters; trainable=True or False counts only those."
    registry.add(
        Budget("params_budget", "params", PARAMS, doc, _observe_params, _reader("params"), trainable)
    )
    registry.add_section("complexity", _describe)


def _observe(subject: Subject, *, phase: str, strict_operators: bool) -> Any:
    from .measure import count

    return count(subject, phase=phase, strict=strict_operators)


def _observe_params(subject: Subject, *, trainable: bool | None) -> Any:
    from .measure import count_params

    return count_params(subject, trainable=trainable)


def _reader(metric: str) -> Callable[..., Measurement]:
    def read(observed: Any, **options: Any) -> Any:
        from . import check

        return getattr(check, f"read_{metric}")(observed)

    return read


def _describe(subject: Subject) -> dict[str, Any]:
    from .measure import count

    return count(subject).to_dict()
