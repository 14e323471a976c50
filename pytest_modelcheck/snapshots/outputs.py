"""`output_snapshot`: what the model answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from ..checks.outputs.metrics import SNAPSHOT
from ..checks.outputs.pictures import side_by_side
from ..checks.outputs.result import Outputs, Row, some
from ..checks.outputs.stored import from_text, to_text
from ..checks.outputs.tolerance import ATOL, RTOL, coarse, differences, silence
from ..errors import LimitError, MeasurementError, NothingSeenError
from .files import OUTPUTS
from .text import TextExtension, TextSnapshot
from .verdicts import record_text

if TYPE_CHECKING:
    from syrupy.assertion import AssertionResult

    from ..records.recorder import Recorder

TOLD = 5  # things that are not compared


class OutputExtension(TextExtension):
    """Values may be off by `atol`, and by `rtol` of themselves (see `checks.outputs.tolerance`)."""

    file_extension = OUTPUTS
    noun = "output"
    metric = SNAPSHOT
    usage = "assert modelcheck.outputs() == output_snapshot"
    advice = "read the lines at the top of the file"
    rtol, atol = RTOL, ATOL

    def accepts(self, data: object) -> bool:
        """An Outputs."""
        return isinstance(data, Outputs)

    def text(self, data: Outputs) -> str:
        """Lines for a reviewer, then the values."""
        return to_text(data)

    def differences(self, actual: str, expected: str) -> list[str]:
        """A line for each output that differs; or why the stored file cannot be compared."""
        if actual == expected:
            return []
        try:
            stored = from_text(expected)
        except MeasurementError as error:
            return [f"cannot be compared: {error}"]
        return differences(from_text(actual), stored, self.rtol, self.atol)

    def notes(self, data: Outputs) -> Sequence[str]:
        """What is not compared, or hardly."""
        return [*(f"not compared: {other}" for other in some(data.others, TOLD)), *coarse(data, self.atol)]

    def silence(self, data: Outputs) -> NothingSeenError | None:
        """Outputs that say nothing."""
        reason = silence(data, self.rtol, self.atol) or (data.deaf() if data.deaf is not None else "")
        if not reason:
            return None
        return NothingSeenError(
            f"the outputs of {data.name or 'the model'} say nothing: {reason}.\n"
            "A snapshot of them would hold for many a model. Give inputs that it answers to, another tolerance "
            "(output_snapshot(rtol=, atol=)), or mend the model."
        )

    def reasons(self, data: Outputs) -> Sequence[str]:
        """Where head and base are apart, in a run with one."""
        return [data.moved()] if data.moved is not None else []

    def rule(self) -> str:
        """The tolerance."""
        return f" (rtol {self.rtol:g}, atol {self.atol:g})"


class OutputSnapshot(TextSnapshot):
    """A snapshot of outputs; `output_snapshot(rtol=1e-3, atol=1e-5)` for one comparison."""

    takes = ("rtol", "atol")

    def __call__(
        self, *, rtol: float | None = None, atol: float | None = None, **options: Any
    ) -> OutputSnapshot:
        """`rtol`: a share of each value; `atol`: an amount. Raises LimitError."""
        given = {
            name: _checked(name, value)
            for name, value in (("rtol", rtol), ("atol", atol))
            if value is not None
        }
        if given:
            options["extension_class"] = OutputExtension
        super().__call__(**options)
        for name, value in given.items():
            setattr(self.extension, name, value)  # of this one comparison
        return self


def _checked(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a huge int
        number = math.inf
    if not 0 <= number < math.inf:
        raise LimitError(f"output_snapshot: {name}={value!r} is not a number from 0 on")
    return number


def record_outputs(
    recorder: Recorder, result: AssertionResult, extension: OutputExtension, outputs: Outputs
) -> None:
    """Put the comparison among the run's checks, and what differs side by side into the report."""
    record_text(recorder, result, extension, outputs)
    if recorder.sections is None or result.recalled_data is None or (result.success and not result.updated):
        return
    lines = extension.differing(result.asserted_data or "", result.recalled_data)
    try:
        stored = from_text(str(result.recalled_data))
    except MeasurementError:
        shown = []
    else:
        shown = [
            *side_by_side(outputs.inputs, stored.arrays, outputs.arrays),
            *({"path": row.path, "kind": "sample"} for row in stored.rows if _is_hidden(row, outputs)),
        ]
    recorder.amend(outputs, {"compared": {"lines": lines, "shown": shown}})


def _is_hidden(row: Row, outputs: Outputs) -> bool:
    """Whether it differs, and the stored file has too few of its values for a picture."""
    now = next((one for one in outputs.rows if one.path == row.path), None)
    return row.is_sample and now is not None and row.figures != now.figures
