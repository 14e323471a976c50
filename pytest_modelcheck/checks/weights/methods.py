"""What a ModelCheck tells about weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import NothingSeenError
from ..handle import Handle

if TYPE_CHECKING:
    from .patterns import Named
    from .stats import Weights


class WeightsMethods(Handle):
    """Measurements of weights."""

    def weights(
        self,
        *,
        include: Named = None,
        exclude: Named = None,
        against: object = None,
        filters: Named = None,
        svd: bool = False,
    ) -> Weights:
        """Statistics, histograms and filters of parameters and buffers, with what is wrong with them.

        `include`, `exclude`: patterns of tensor names ("layer4.*"), for large models. `against`: another state (an
        nn.Module, a ModelCheck, a state_dict) to compare with, in histograms of the same bins. `filters`: patterns of
        convolutions whose filters to draw, beside the first one's. `svd`: singular values too, which takes long.
        Raises MeasurementError; NothingSeenError for a model without floating parameters and buffers.
        """
        from .stats import weigh

        made = weigh(
            self.subject, include=include, exclude=exclude, against=against, filters=filters, svd=svd
        )
        if not made.tensors:
            raise NothingSeenError(
                f"{self.name} has no floating parameter or buffer: there are no weights to look at.\n"
                "What a model keeps outside of its parameters and buffers is not seen."
            )
        if made.comparison is not None:
            self._keep(made.comparison)
        return made
