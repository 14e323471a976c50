"""What an export to ONNX, and a run of it, need: packages beside torch, and no way of torch's that hides a branch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ..errors import MissingExtraError
from .undoing import patched, undoing

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
def untraced() -> Iterator[None]:
    """A block in which nothing is exported by a trace, as torch 2.6 does with what torch.export refuses: a file of the
    branch that the example takes, which agrees with it.
    """
    try:
        from torch.onnx._internal.exporter import _capture_strategies as ways
    except ImportError:  # a torch that has other ways
        yield
        return
    kept = tuple(way for way in ways.CAPTURE_STRATEGIES if "Jit" not in way.__name__)
    with patched(ways, CAPTURE_STRATEGIES=kept):
        yield


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
