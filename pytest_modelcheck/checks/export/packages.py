"""What an export needs beside torch."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from ...model.undoing import undoing

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TELEMETRY = "ORT_DISABLE_TELEMETRY"


@contextmanager
def without_telemetry() -> Iterator[None]:
    """A block that loads ONNX Runtime, which from 1.29 on reports what it runs to its maker unless this is set then.

    Who has loaded it before, or has set it to something, has decided.
    """
    if TELEMETRY in os.environ:
        yield
        return
    with undoing(partial(os.environ.pop, TELEMETRY, None)):
        os.environ[TELEMETRY] = "1"
        yield
