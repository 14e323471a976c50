"""What a ModelCheck tells about weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
        Raises MeasurementError.
        """
        from .stats import weigh

        made = weigh(
            self.subject, include=include, exclude=exclude, against=against, filters=filters, svd=svd
        )
        if made.comparison is not None:
            self._keep("weight_changes", made.comparison)
        return made
