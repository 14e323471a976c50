"""ONNX Runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from ...errors import MeasurementError


def session(data: bytes) -> Any:
    """One that runs this model. Raises what ONNX Runtime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def output_names(running: Any) -> list[str]:
    """In order."""
    return [output.name for output in running.get_outputs()]


def run(running: Any, tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """Its inputs are the model's tensors, in order. Raises MeasurementError where it takes others."""
    arrays = [t.detach().cpu().numpy() for t in tensors]
    wanted = [i.name for i in running.get_inputs()]
    if len(wanted) != len(arrays):
        raise MeasurementError(f"the file takes {len(wanted)} inputs, the model {len(arrays)}")
    return list(running.run(None, dict(zip(wanted, arrays, strict=True))))
