"""The explanations of a ModelCheck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..handle import Handle

if TYPE_CHECKING:
    from .heatmap import Heatmap


class ExplainMethods(Handle):
    """Heatmaps."""

    def gradcam(self, target: Any = None, layer: Any = None, *, call: int = -1) -> Heatmap:
        """Grad-CAM (Selvaraju et al. 2017): which pixels speak for `target`.

        `target`: a class index, one index per sample, a callable on the model's output that returns a score, or
        None for the top class. `layer`: a module or its dotted name; None takes the last one with a spatial map.
        `call` picks a call of a shared module. Raises ExplanationError when there is nothing honest to show.
        """
        from .cam import cam

        return self._own(cam(self.subject, method="gradcam", target=target, layer=layer, call=call))
