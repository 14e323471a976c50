"""An export as a measurement: the largest relative error; what is wrong otherwise is an error of the check."""

from __future__ import annotations

from typing import Any

from ...errors import MeasurementError
from ...verdict.judge import Measurement
from ...verdict.units import BYTES, RATIO
from .options import ATOL, RTOL
from .result import Onnx


def read(
    result: Onnx, *, rtol: Any = RTOL, atol: float = ATOL, max_size: Any = None, **_: Any
) -> Measurement:
    """The error that rtol limits; 0 where atol alone allows it.

    Raises MeasurementError if the model is not exportable, agreement is vacuous, or the file is too large.
    """
    if not result.exported:
        raise MeasurementError(f"not exportable: {result.reason}")
    if result.vacuous:
        raise MeasurementError(
            "the outputs agree, but vacuously: they are zero or the same for any input, so that no error could show.\n"
            "Give example inputs or weights for which the model says something."
        )
    if max_size is not None and result.size_bytes > BYTES.parse(max_size):
        size, most = BYTES.format(result.size_bytes), BYTES.format(BYTES.parse(max_size))
        raise MeasurementError(f"the .onnx file has {size}, more than max_size={most}")
    first = result.disagreement(RATIO.parse(rtol), atol)
    if first is None:
        within = [o.relative for o in result.outputs if o.relative <= RATIO.parse(rtol)]
        notes = (
            f"opset {result.opset}, {BYTES.format(result.size_bytes)}, {sum(result.operators.values())} nodes",
        )
        return Measurement(max(within, default=0.0), notes=notes)
    if first.reason:
        raise MeasurementError(f"output {first.name!r} disagrees: {first.reason}")
    place = f"{first.absolute:.3g} at {list(first.where)}, its scale is {first.scale:.3g}"
    return Measurement(first.relative, notes=(f"output {first.name!r} differs first: {place}",))
