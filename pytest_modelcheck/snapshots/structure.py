"""`structure_snapshot`: module tree and operators."""

from __future__ import annotations

from ..checks.structure.metrics import SNAPSHOT
from ..checks.structure.result import Structure
from ..checks.structure.text import to_text
from .files import STRUCTURE
from .text import TextExtension


class StructureExtension(TextExtension):
    """Exact."""

    file_extension = STRUCTURE
    noun = "structure"
    metric = SNAPSHOT
    usage = "assert modelcheck.structure() == structure_snapshot"

    def accepts(self, data: object) -> bool:
        """A Structure."""
        return isinstance(data, Structure)

    def text(self, data: Structure) -> str:
        """Module tree and operators."""
        return to_text(data)
