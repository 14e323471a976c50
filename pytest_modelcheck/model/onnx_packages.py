"""What an export to ONNX, and a run of it, need beside torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..errors import MissingExtraError
from .undoing import undoing

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TELEMETRY = "ORT_DISABLE_TELEMETRY"


def load_onnx(purpose: str) -> Any:
    """The package onnx, with all others loaded too. Raises MissingExtraError, which says what they are needed for."""
    for package in PACKAGES:
        try:
            with _without_telemetry():
                __import__(package)
        except ImportError as error:
            raise MissingExtraError(package, "onnx", purpose) from error
    import onnx

    return onnx


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """A block that loads ONNX Runtime, which from 1.29 on reports what it runs to its maker unless this is set then.

    Who has loaded it before, or has set it to something, has decided.
    """
    if TELEMETRY in os.environ:
        yield
        return
    with undoing(partial(os.environ.pop, TELEMETRY, None)):
        os.environ[TELEMETRY] = "1"
        yield
