"""What a ModelCheck tells about structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .tree import Structure


class StructureMethods(Handle):
    """Measurements of structure."""

    def structure(self) -> Structure:
        """The module tree: names, types, attributes, parameters, and a fingerprint of it."""
        from .tree import trace

        return trace(self.subject)
