"""ModelCheck: the public handle. The fixture `modelcheck` is one; in a notebook or script it works alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import ModelCheckError

if TYPE_CHECKING:
    from .complexity.result import Complexity
    from .complexity.table import Summary
    from .explain.heatmap import Heatmap
    from .recorder import Recorder
    from .structure.tree import Structure
    from .subject import Subject
    from .weights.stats import Weights


class ModelCheck:
    """All measurements of one model on one set of example inputs. Nothing it does changes the model.

    `model`: an nn.Module, a callable that returns one, or a spec ("package.module:factory", "torchvision:resnet18").
    `inputs`: a tensor, a tuple of positional arguments, a mapping of keyword arguments, or a callable that returns
    one of these. `input_size`: instead, one shape or a list of shapes (random normal from a fixed seed, of `dtype`).
    Raises SubjectError if these give no model or contradict each other.
    """

    def __init__(
        self,
        model: Any,
        inputs: Any = None,
        *,
        input_size: Any = None,
        dtype: Any = None,
        device: Any = None,
        name: str | None = None,
    ) -> None:
        from .subject import build_subject

        self._recorder: Recorder | None = None
        self._missing: Exception | None = None
        self._subject: Subject | None = build_subject(
            model, inputs, input_size=input_size, dtype=dtype, device=device, name=name
        )

    @classmethod
    def _of(cls, subject: Subject | None, recorder: Recorder, missing: Exception | None = None) -> ModelCheck:
        """The fixture's handle; without a subject it only binds others, and says so (`missing`) when used."""
        check = cls.__new__(cls)
        check._subject, check._recorder, check._missing = subject, recorder, missing
        return check

    def __call__(self, model: Any, inputs: Any = None, **keywords: Any) -> ModelCheck:
        """Bind another model, with the arguments of ModelCheck itself; in a test it joins the report too."""
        other = ModelCheck(model, inputs, **keywords)
        other._recorder = self._recorder
        if other._recorder is not None:
            other._recorder.subject(other.subject)
        return other

    def __repr__(self) -> str:
        return f"ModelCheck({self._subject.name!r})" if self._subject else "ModelCheck(no subject)"

    @property
    def subject(self) -> Subject:
        """The model and its inputs. Raises SubjectError where a test named none."""
        if self._subject is None:
            raise self._missing or ModelCheckError("this ModelCheck has no subject")
        return self._subject

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.subject.name

    def complexity(
        self, *, phase: str = "forward", attention: str = "dense", strict: bool = False
    ) -> Complexity:
        """Count operations, bytes, activations and parameters; see `Complexity`.

        `phase`: "forward", "backward" or "training_step"; `attention`: "dense" or "causal" (a causal mask halves
        the products). Raises MeasurementError with `strict` if an operator is unknown, ModelRunError if the model
        itself raises.
        """
        from .complexity.measure import count

        return count(self.subject, phase=phase, attention=attention, strict=strict)

    def summary(self, *, depth: int | None = None, sort_by: str | None = None) -> Summary:
        """The complexity as a table of modules; `depth` limits the nesting, `sort_by` is a column's name."""
        from .complexity.table import summary

        return summary(self.complexity(), depth=depth, sort_by=sort_by)

    def gradcam(self, target: Any = None, layer: Any = None, *, call: int = -1) -> Heatmap:
        """Grad-CAM (Selvaraju et al. 2017): which pixels speak for `target`.

        `target`: a class index, one index per sample, a callable on the model's output that returns a score, or
        None for the top class. `layer`: a module or its dotted name; None takes the last one with a spatial map.
        `call` picks a call of a shared module. Raises ExplanationError when there is nothing honest to show.
        """
        from .explain.cam import cam

        heatmap = cam(self.subject, method="gradcam", target=target, layer=layer, call=call)
        if self._recorder is not None:
            self._recorder.owners[id(heatmap)] = self.subject
        return heatmap

    def weights(self) -> Weights:
        """Statistics, histograms and filters of all parameters and buffers, with what is wrong with them."""
        from .weights.stats import weigh

        return weigh(self.subject)

    def structure(self) -> Structure:
        """The module tree: names, types, attributes, parameters, and a fingerprint of it."""
        from .structure.tree import trace

        return trace(self.subject)

    def show(self, title: str, content: Any) -> None:
        """Put a panel of your own into the report: text, a table (a list of mappings or rows) or an image.

        Raises ModelCheckError outside a test, and for content of another kind.
        """
        from .recorder import panel_content

        if self._recorder is None:
            raise ModelCheckError(
                "show() puts a panel into a test run's report; here there is no test running"
            )
        kind, shown = panel_content(content)
        name = self._subject.name if self._subject else ""
        self._recorder.panel(name, str(title), kind, shown)
