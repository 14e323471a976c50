"""Read the value that a budget limits out of a peak, with what it stands on."""

from __future__ import annotations

from ...verdict.judge import Contributor, Measurement
from ...verdict.units import BYTES
from .live import STEP
from .result import PeakMemory


def read_peak(peak: PeakMemory) -> Measurement:
    """All kinds together; the modules whose activations were alive then contribute."""
    unowned = "(the optimizer)" if peak.optimizer and peak.during == STEP else ""
    holders = sorted(peak.holders.items(), key=lambda pair: -pair[1])
    return Measurement(
        peak.total,
        contributors=tuple(Contributor(name or unowned, size) for name, size in holders),
        notes=tuple(_notes(peak)),
    )


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
