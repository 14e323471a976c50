"""The explanations of a ModelCheck."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..handle import Handle

if TYPE_CHECKING:
    from .heatmap import Heatmap
    from .projection import Projection

_ARGUMENTS = """

        `target`: a class index, one index per sample, a callable on the model's output that returns a score (for
        Finer-CAM a `ClassDifference`), or None for the top class. `layer`: a module or its dotted name; None takes the
        last one with a spatial map that the score depends on. `call` picks a call of a shared module.
        Returns a Heatmap. Raises ExplanationError when there is nothing honest to show.
        """


def _heatmap(method: str, doc: str) -> Callable[..., Heatmap]:
    """The method of the CAM family that is called so: they differ in nothing but the formula."""

    def explain(self: Handle, target: Any = None, layer: Any = None, *, call: int = -1) -> Heatmap:
        from .cam import cam

        return self._own(cam(self.subject, method=method, target=target, layer=layer, call=call))

    explain.__name__, explain.__qualname__ = method, f"ModelCheck.{method}"
    explain.__doc__ = doc + _ARGUMENTS
    return explain


class ExplainMethods(Handle):
    """Heatmaps."""

    gradcam = _heatmap("gradcam", "Grad-CAM (Selvaraju et al. 2017): which pixels speak for `target`.")
    gradcam_plus_plus = _heatmap("gradcam_plus_plus", "Grad-CAM++ (Chattopadhyay et al. 2018).")
    xgradcam = _heatmap("xgradcam", "XGrad-CAM (Fu et al. 2020).")
    hirescam = _heatmap("hirescam", "HiResCAM (Draelos and Carin 2020): gradient times activation.")
    elementwise_cam = _heatmap("elementwise_cam", "HiResCAM with only what speaks for the target.")
    layercam = _heatmap("layercam", "LayerCAM (Jiang et al. 2021); good for early layers too.")
    eigencam = _heatmap("eigencam", "EigenCAM (Muhammad and Yeasin 2020): the same for every target.")
    eigen_gradcam = _heatmap("eigen_gradcam", "EigenCAM of gradient times activation.")
    cam = _heatmap("cam", "CAM (Zhou et al. 2016), for global average pooling and one linear layer.")
    ablation_cam = _heatmap("ablation_cam", "AblationCAM (Desai and Ramaswamy 2020): features switched off.")
    score_cam = _heatmap("score_cam", "ScoreCAM (Wang et al. 2020): costs one forward per feature.")

    def deconvnet(
        self, target: Any = None, layer: Any = None, *, feature: int | None = None, call: int = -1
    ) -> Projection:
        """Zeiler and Fergus 2013: what of the pixels a class's logit or, with `layer`, a feature stands on.

        A feature starts from its strongest activation, all others zeroed; `feature=None` takes the layer's strongest
        one for each sample. ReLUs may be modules or functions. Raises ExplanationError if the model has none.
        """
        return self._projection("deconvnet", target, layer, feature, call)

    def guided_backprop(
        self, target: Any = None, layer: Any = None, *, feature: int | None = None, call: int = -1
    ) -> Projection:
        """Springenberg et al. 2014: as `deconvnet`, and only through what was active."""
        return self._projection("guided", target, layer, feature, call)

    def guided_gradcam(self, target: Any = None, layer: Any = None, *, call: int = -1) -> Projection:
        """Selvaraju et al. 2017: guided backpropagation of a class, where Grad-CAM is positive."""
        from .projection import guided_gradcam

        made = guided_gradcam(self.subject, target=target, layer=layer, call=call)
        self._keep("deconvnet", made)
        return made

    def _projection(self, rule: str, target: Any, layer: Any, feature: Any, call: int) -> Projection:
        from .projection import project

        made = project(self.subject, rule, target=target, layer=layer, feature=feature, call=call)
        self._keep("deconvnet", made)
        return made
