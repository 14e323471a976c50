"""What a ModelCheck tells about structure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .result import Structure


class StructureMethods(Handle):
    """Measurements of structure."""

    def structure(self, *, weights: bool = False, autograd: bool = False) -> Structure:
        """Module tree and operator graph, a fingerprint of them, `.diff(other)`, `.to_svg()`, `.to_dot()`.

        The graph comes from one forward call in eval mode; without inputs there is the tree alone. `weights` hashes
        the values too; `autograd` reads which tensors and parameters carry gradients, and in a test the report draws
        them. Raises ModelRunError if the model itself raises.
        """
        from .measure import trace

        result = self._own(trace(self.subject, weights=weights, autograd=autograd))
        if result.autograd is not None:
            self._keep(result.autograd)
        return result
