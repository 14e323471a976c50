"""The explanations of a ModelCheck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar, cast

from ...errors import ExplanationError
from ..handle import Handle

if TYPE_CHECKING:
    from .answers import Group
    from .evolution import Checkpoints, Evolution, StrongestActivations
    from .faithfulness import Faithfulness
    from .heatmap import Explanation, Heatmap
    from .images import ImageChoice
    from .invariance import Invariance
    from .layers import Layer, Layers
    from .probability import ProbabilityChoice
    from .projection import Projection
    from .targets import Target
    from .words import Transform

    Made = TypeVar("Made", bound=Explanation)

Classes: TypeAlias = "Sequence[str] | Mapping[int, str] | None"
"""Names of classes, by index; None: the ini key's."""

_ARGUMENTS = """

        `target`: a class index, one index per sample, a callable on the model's output that returns a score (for
        Finer-CAM a `ClassDifference`), or None for the top class. `layer`: a module or its dotted name; None takes the
        last one with a spatial map that the score depends on. `call` picks a call of a shared module. `image`: which of
        the inputs is the picture, the n-th tensor or an argument's name; None takes the one that looks like one.
        `classes`: names of the classes for the report, a sequence or index -> name (None: ini key modelcheck_classes).
        `probability`: how that of the likeliest classes (`.top`) is made of the output, see `invariance`.
        Returns a Heatmap. Raises ExplanationError when there is nothing honest to show.
        """


class CamMethod(Protocol):
    """A method of the CAM family, as who calls it on a ModelCheck sees it."""

    def __call__(
        self,
        target: Target = None,
        layer: Layer = None,
        *,
        call: int = -1,
        image: ImageChoice = None,
        probability: ProbabilityChoice = None,
        classes: Classes = None,
    ) -> Heatmap:
        """The arguments of all of them; see `_ARGUMENTS`."""


def _heatmap(method: str, doc: str) -> CamMethod:
    """The method of the CAM family that is called so: they differ in nothing but the formula."""

    def explain(
        self: Handle,
        target: Target = None,
        layer: Layer = None,
        *,
        call: int = -1,
        image: ImageChoice = None,
        probability: ProbabilityChoice = None,
        classes: Classes = None,
    ) -> Heatmap:
        from .cam import cam

        made = cam(
            self.subject,
            method=method,
            target=target,
            layer=layer,
            call=call,
            image=image,
            probability=probability,
        )
        made = _named(self, made, classes)
        self._keep(made)
        return self._own(made)

    explain.__name__, explain.__qualname__ = method, f"ModelCheck.{method}"
    explain.__doc__ = doc + _ARGUMENTS
    return cast("CamMethod", explain)  # a function: an instance binds it


def _named(handle: Handle, made: Made, classes: Classes) -> Made:
    """With the names of the classes."""
    known = classes if classes is not None else handle._setting("classes") or {}
    if isinstance(known, (str, bytes)) or not isinstance(known, (Mapping, Iterable)):
        raise ExplanationError(f"classes={known!r} are no names: give a sequence, or index -> name")
    names = dict(known) if isinstance(known, Mapping) else dict(enumerate(known))
    try:
        by_index = {int(str(index)): str(name) for index, name in names.items()}
    except ValueError:
        raise ExplanationError(f"classes={known!r}: a class is a whole number; give index -> name") from None
    return replace(made, names=by_index) if names else made


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
        self,
        target: Target = None,
        layer: Layer = None,
        *,
        feature: int | None = None,
        call: int = -1,
        image: ImageChoice = None,
        classes: Classes = None,
    ) -> Projection:
        """Zeiler and Fergus 2013: what of the pixels a class's logit or, with `layer`, a feature stands on.

        A feature starts from its strongest activation, all others zeroed; `feature=None` takes the layer's strongest
        one for each sample. ReLUs may be modules or functions. Raises ExplanationError if the model has none.
        """
        return self._projection("deconvnet", target, layer, feature, call, image, classes)

    def guided_backprop(
        self,
        target: Target = None,
        layer: Layer = None,
        *,
        feature: int | None = None,
        call: int = -1,
        image: ImageChoice = None,
        classes: Classes = None,
    ) -> Projection:
        """Springenberg et al. 2014: as `deconvnet`, and only through what was active."""
        return self._projection("guided", target, layer, feature, call, image, classes)

    def guided_gradcam(
        self,
        target: Target = None,
        layer: Layer = None,
        *,
        call: int = -1,
        image: ImageChoice = None,
        classes: Classes = None,
    ) -> Projection:
        """Selvaraju et al. 2017: guided backpropagation of a class, where Grad-CAM is positive."""
        from .projection import guided_gradcam

        made = guided_gradcam(self.subject, target=target, layer=layer, call=call, image=image)
        made = _named(self, made, classes)
        self._keep(made)
        return made

    def _projection(
        self,
        rule: str,
        target: Target,
        layer: Layer,
        feature: int | None,
        call: int,
        image: ImageChoice,
        classes: Classes,
    ) -> Projection:
        from .projection import project

        made = project(
            self.subject, rule, target=target, layer=layer, feature=feature, call=call, image=image
        )
        made = _named(self, made, classes)
        self._keep(made)
        return made

    def invariance(
        self,
        transform: Transform,
        *,
        target: Group = None,
        layers: Layers = None,
        values: Sequence[float] | None = None,
        image: ImageChoice = None,
        probability: ProbabilityChoice = None,
    ) -> Invariance:
        """Zeiler and Fergus 2013: features and probability as the images are moved, enlarged or turned.

        `transform`: "translation", "scale" or "rotation"; `values` in shares of the height, factors, degrees (None:
        the paper's range). `target`: a class, one per sample, a set of classes, a callable on the output that returns a
        score, or None for the top class. `layers`: names or modules; None takes an early and a late one.
        `probability`: how it is made of the output: "softmax", "sigmoid", "given" (as it is), a callable on the output
        that returns (N, classes) in [0, 1], or None: as it is where the model ends in a softmax or sigmoid or its rows
        are probabilities, else a sigmoid of one column and a softmax of more. A set of classes that do not exclude each
        other has 1 - prod(1 - p). Raises ExplanationError.
        """
        from .invariance import invariance

        made = invariance(
            self.subject,
            transform,
            target=target,
            layers=layers,
            values=values,
            image=image,
            probability=probability,
        )
        self._keep(made)
        return made

    def strongest_activations(
        self, layers: Layers = None, *, features: int = 4, samples: int = 4, image: ImageChoice = None
    ) -> StrongestActivations:
        """Zeiler and Fergus 2013: what the strongest features of `layers` see, beside the patches they see it in.

        For each layer (None: an early and a late one) `features` features, each in the `samples` inputs where it is
        strongest. Raises ExplanationError for models without ReLUs.
        """
        from .evolution import strongest_activations

        made = strongest_activations(
            self.subject, layers=layers, features=features, samples=samples, image=image
        )
        self._keep(made)
        return made

    def feature_evolution(
        self,
        checkpoints: Checkpoints,
        *,
        layers: Layers = None,
        strict: bool = True,
        image: ImageChoice = None,
    ) -> Evolution:
        """Zeiler and Fergus 2013: features of `layers` at each of the `checkpoints` of a training run.

        `checkpoints`: name -> state_dict or path, or a sequence of these, the last one the reference; with
        `strict=False` they may lack tensors that the layers do not need. Raises MeasurementError for one that does
        not fit.
        """
        from .evolution import feature_evolution

        made = feature_evolution(self.subject, checkpoints, layers=layers, strict=strict, image=image)
        self._keep(made)
        return made

    def faithfulness(
        self,
        heatmap: Heatmap,
        *,
        steps: int = 20,
        image: ImageChoice = None,
        probability: ProbabilityChoice = None,
        baselines: bool = True,
    ) -> Faithfulness:
        """Whether a heatmap of this model is any good: insertion and deletion, average drop and increase.

        Beside it `baselines`: the same of a random map and of one of the centre, with which it costs 6 x `steps`
        forwards, three times as many as without. `probability`: see `invariance`; of a callable's score it is a
        callable that returns (N,). For the pointing game see `Heatmap.points_at`. Raises ExplanationError.
        """
        from .faithfulness import faithfulness

        made = faithfulness(
            self.subject, heatmap, steps=steps, image=image, probability=probability, baselines=baselines
        )
        self._keep(made)
        return made
