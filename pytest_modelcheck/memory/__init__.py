"""Peak memory: the tensors that are alive at once in one forward call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..checks import Budget, Registry

if TYPE_CHECKING:
    from ..subject import Subject
    from ..verdict import Measurement

DOC = "at most this many bytes of live tensors (parameters, buffers, inputs, activations) at any moment of one call."


def register(registry: Registry) -> None:
    """The budget of this folder, and the section of the report."""
    registry.add(Budget("peak_memory_budget", "peak_memory", "bytes", DOC, _observe, _read))
    registry.add_section("memory", _describe)


def _describe(subject: Subject) -> list[dict[str, Any]]:
    from .accounting import peak_memory

    return [{**peak_memory(subject).to_dict(), "nodeid": None}]


def _observe(subject: Subject) -> Any:
    from .accounting import peak_memory

    return peak_memory(subject)


def _read(observed: Any) -> Measurement:
    from ..verdict import Measurement

    where = observed.at or "the model itself"
    return Measurement(observed.total, notes=(f"the peak is in {where}",))
