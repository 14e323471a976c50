"""How much memory a ModelCheck needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from ...verdict.phases import Phase
    from .phase import MakeOptimizer
    from .result import PeakMemory


class MemoryMethods(Handle):
    """Peak memory."""

    def peak_memory(
        self,
        *,
        phase: Phase = "forward",
        optimizer: str | MakeOptimizer = "SGD",
        measured: bool | None = None,
    ) -> PeakMemory:
        """Bytes of live tensors at the worst moment, counted under fake tensors: nothing is computed or allocated.

        `phase`: "forward", "backward" or "training_step", whose `optimizer` is the name of a class of torch.optim or
        a callable that makes one of the parameters. `measured=True` makes a real call too: `.allocated` is what the
        allocator gave out (by default on CUDA only). Kernels' own scratch is only in `.allocated`.
        Raises MeasurementError for unknown words and where nothing can be trained.
        """
        from .measure import peak_memory

        result = peak_memory(self.subject, phase=phase, optimizer=optimizer, measured=measured)
        self._keep(result)
        return self._own(result)
