"""`structure_snapshot`: module tree and operators."""

from __future__ import annotations

from ..checks.structure.compare.stored import differences
from ..checks.structure.metrics import SNAPSHOT
from ..checks.structure.result import Structure
from ..checks.structure.text import to_text
from .files import STRUCTURE
from .text import TextExtension, TextSnapshot


class StructureExtension(TextExtension):
    """Exact."""

    file_extension = STRUCTURE
    noun = "structure"
    format = 2  # arguments have the names of their overload, fingerprints know places and values
    metric = SNAPSHOT
    usage = "assert modelcheck.structure() == structure_snapshot"

    def accepts(self, data: object) -> bool:
        """A Structure."""
        return isinstance(data, Structure)

    def text(self, data: Structure) -> str:
        """Module tree and operators."""
        return to_text(data)

    def differences(self, actual: str, expected: str) -> list[str]:
        """What changed, module by module; lines of the file where that does not tell of all."""
        if actual == expected:
            return []
        try:
            told = differences(actual, expected)
        except (ValueError, KeyError, IndexError):  # no text of ours: edited, or damaged
            told = []
        return told or super().differences(actual, expected)


class StructureSnapshot(TextSnapshot):
    """A snapshot of a structure."""
