"""How much memory a ModelCheck needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .accounting import PeakMemory


class MemoryMethods(Handle):
    """Peak memory."""

    def peak_memory(self) -> PeakMemory:
        """Bytes of live tensors at the peak of one forward call, without running it: fake tensors are counted."""
        from .accounting import peak_memory

        return peak_memory(self.subject)
