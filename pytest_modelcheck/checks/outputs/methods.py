"""What a ModelCheck tells about outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from ...errors import ModelCheckError
from ...text import first_sentence
from ..handle import Handle

if TYPE_CHECKING:
    from torch import nn

    from .drift import Drift
    from .result import Outputs
    from .words import Variant


class OutputsMethods(Handle):
    """Measurements of outputs."""

    def outputs(self) -> Outputs:
        """What the model answers to its example inputs: `.rows`, one for each tensor, with `.path`, `.shape`,
        `.dtype`, `.mean`, `.std`, `.min`, `.max`, `.largest` and `.values`.

        One forward call in eval mode; dropout that stays active and other draws are the same in every run. In a test
        `assert modelcheck.outputs() == output_snapshot` compares with a stored file. Raises ModelRunError if the model
        itself raises, SubjectError for a model on meta.
        """
        from .measure import answers

        result = answers(self.subject)
        if self._recorder is not None and self._recorder.ask is not None:
            result = replace(result, moved=self._moved)
        self._keep(result)
        return self._own(result)

    def _moved(self) -> str:
        """For a snapshot that differs: whether the base answers otherwise too, and where that begins."""
        from .base import drift_from_base
        from .words import words

        try:
            return (
                f"against the base: {words(drift_from_base(self.subject, self._ask(), others=False).figures)}"
            )
        except ModelCheckError as error:
            return f"against the base: {first_sentence(str(error))}"

    def drift(self, against: Variant | Literal["base"] | nn.Module | Handle = "base") -> Drift:
        """How far the model's answers are from others: `.max_error`, `.mean_error`, `.agreement`, `.outputs`,
        `.first_module`, `.by_module()`, `.vacuous`, `.bit_for_bit`.

        `against`: another model with the weights that it has (an nn.Module, a ModelCheck); "base": the base revision's
        model with this one's weights; or this model in another way: "bfloat16", "float16", "float64" (weights and
        floating inputs), "autocast", "channels_last", "one_by_one" (a batch against calls of one), "repeated",
        "compile", "export", "onnx", "cuda". `by_module()` has root mean squares, estimated, not largest errors: no
        module's output is held. Both answer to this model's inputs in eval mode, with the same random numbers.
        Raises MeasurementError for other words, where there is no base, and where its model cannot be asked or does not
        take these inputs; UngatedError where the base has no such model; ModelRunError.
        """
        from .against import drift_against
        from .base import drift_from_base
        from .words import BASE

        is_base = isinstance(against, str) and against == BASE
        result = (
            drift_from_base(self.subject, self._ask()) if is_base else drift_against(self.subject, against)
        )
        self._keep(result)
        return self._own(result)
