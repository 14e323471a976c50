"""The budget of peak memory, and what the value it limits stands on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ...demand.arguments import Choice
from ...demand.check import AmountCheck
from ...errors import NothingSeenError
from ...verdict.limit import Limit
from ...verdict.measurement import ROOT, Contributor, Measurement
from ...verdict.phases import PHASES
from ...verdict.units import BYTES
from .metrics import PEAK_MEMORY

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .result import PeakMemory

OPTIMIZERS = (
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
)


class PeakMemoryBudget(AmountCheck):
    """A limit on the bytes that are alive at the worst moment."""

    name = "peak_memory_budget"
    doc = (
        "at most this many bytes of live tensors (parameters, buffers, inputs, activations, gradients, optimizer "
        "state) at any moment of one phase. "
        "optimizer: the class of torch.optim (SGD) that makes the step of phase='training_step'."
    )
    metrics = (PEAK_MEMORY,)
    choices: Mapping[str, Choice] = {"phase": PHASES, "optimizer": OPTIMIZERS}
    section = "memory"

    def observe(self, subject: Subject, *, phase: str, optimizer: str | None) -> PeakMemory:
        """The peak of one phase."""
        from .measure import peak_memory

        return peak_memory(subject, phase=phase, optimizer=optimizer or "SGD")

    def read(self, observed: PeakMemory, limit: Limit) -> Measurement:
        """All kinds together; what was alive then contributes, by the module whose it is.

        Raises NothingSeenError where the model's work was out of sight.
        """
        if observed.unseen:
            raise NothingSeenError(observed.unseen)
        return Measurement(
            observed.total,
            contributors=_contributors(observed),
            notes=tuple(_notes(observed)),
            varies=observed.reason is not None,  # it ran on real tensors
            details=tuple(filter(None, [observed.details])),
        )


def _contributors(peak: PeakMemory) -> tuple[Contributor, ...]:
    """All that was alive, by module, the largest first: their sum is the peak."""
    sizes: dict[str, int] = {}
    for (kind, module), size in peak.owners.items():
        name = module or _unowned(peak, kind)
        sizes[name] = sizes.get(name, 0) + size
    return tuple(Contributor(*pair) for pair in sorted(sizes.items(), key=lambda pair: -pair[1]))


def _unowned(peak: PeakMemory, kind: str) -> str:
    """Whose a tensor is that belongs to no module inside the model."""
    from .live import ACTIVATION, INPUT, STEP

    if kind == INPUT:
        return "(the inputs)"
    return "(the optimizer)" if kind == ACTIVATION and peak.during == STEP else ROOT


def _notes(peak: PeakMemory) -> list[str]:
    kinds = {
        "activations": peak.activations,
        "parameters and buffers": peak.parameters,
        "inputs": peak.inputs,
        "gradients": peak.gradients,
        f"state of {peak.optimizer}": peak.optimizer_state,
    }
    notes = [
        f"the peak is in {peak.where}",
        ", ".join(f"{name} {BYTES.format(size)}" for name, size in kinds.items() if size),
    ]
    if peak.reason is not None:
        notes.append(f"counted in a real run: {peak.reason}")
    if peak.allocated is not None:
        notes.append(f"{peak.allocator}: {BYTES.format(peak.allocated)}, kernels' scratch included")
    return notes
