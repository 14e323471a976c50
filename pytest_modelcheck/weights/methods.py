"""What a ModelCheck tells about weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..handle import Handle

if TYPE_CHECKING:
    from .stats import Weights


class WeightsMethods(Handle):
    """Measurements of weights."""

    def weights(self) -> Weights:
        """Statistics, histograms and filters of all parameters and buffers, with what is wrong with them."""
        from .stats import weigh

        return weigh(self.subject)
