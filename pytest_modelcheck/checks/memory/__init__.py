"""Peak memory: the tensors that are alive at once in a forward, a backward or a training step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...demand.check import Budget, Choice, Registry

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Measurement

CHOICES: Mapping[str, Choice] = {
    "phase": ("forward", "backward", "training_step"),
    "optimizer": (
        None,
        "SGD",
        "Adam",
        "AdamW",
        "Adagrad",
        "RMSprop",
        "NAdam",
        "RAdam",
        "Adamax",
        "Adafactor",
    ),
}
DOC = (
    "at most this many bytes of live tensors (parameters, buffers, inputs, activations, gradients, optimizer state) at "
    "any moment of one phase. optimizer: the class of torch.optim (SGD) that makes the step of phase='training_step'."
)


def register(registry: Registry) -> None:
    """The budget of this folder, and its section of the report."""
    registry.add(
        Budget("peak_memory_budget", "peak_memory", "bytes", DOC, _observe, _read, CHOICES, section="memory")
    )
    registry.add_section("memory", _describe)


def _describe(subject: Subject) -> list[dict[str, Any]]:
    from .measure import peak_memory

    return [{**peak_memory(subject).to_dict(), "nodeid": None}]


def _observe(subject: Subject, *, phase: str, optimizer: str | None) -> Any:
    from .measure import peak_memory

    return peak_memory(subject, phase=phase, optimizer=optimizer or "SGD")


def _read(observed: Any, **options: Any) -> Measurement:
    from .read import read_peak

    return read_peak(observed)
