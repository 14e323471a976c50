"""ONNX: export, checker, agreement with ONNX Runtime, size, operators."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...demand.check import Free, Registry

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...verdict.judge import Measurement

DOC = (
    "must export to ONNX, pass the checker and agree with ONNX Runtime: the largest error relative to the output's "
    "scale stays below rtol (or the absolute one below atol); max_size limits the file."
)


STARTED = time.time()  # older files of a report folder are an earlier run's


def register(registry: Registry) -> None:
    """The marker `onnx_export`."""
    from .options import DEFAULTS

    settings = ("report", "output")
    registry.add(
        Free("onnx_export", "as a share of 1", DOC, _observe, _read, DEFAULTS, _bound, settings, "onnx")
    )


def _bound(options: Mapping[str, Any]) -> float:
    """The bound of the error, and the check of what the marker says. Raises LimitError."""
    from .options import read_options

    return read_options(options)


def _observe(subject: Subject, **options: Any) -> Any:
    from .measure import export_for_check

    return export_for_check(subject, **options)


def _read(result: Any, **options: Any) -> Measurement:
    from .read import read

    return read(result, **options)
