"""torch.profiler, one at a time, and without the chatter of its library on the terminal."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

import torch

from ..errors import MeasurementError, NothingSeenError

# What says nothing to the user: that it begins and ends, and that a machine without a GPU has none.
CHATTER = re.compile(
    r"^(USDT|INFO|STAGE):.*\.cpp:\d+\]|^ERROR:.*gpuGetDeviceCount failed|"
    r"allocated before the profiling started, profiler results will not include"
)


@contextmanager
def profiling(name: str, **settings: Any) -> Iterator[Any]:
    """A torch.profiler that runs for the block. Raises MeasurementError if one is active already."""
    refuse_another(name)
    profiler = torch.profiler.profile(**settings)
    block: AbstractContextManager[object] = profiler
    with quiet():
        block.__enter__()
    try:
        yield profiler
    finally:
        with quiet():
            block.__exit__(None, None, None)


def refuse_another(name: str) -> None:
    """Raise MeasurementError if a profiler is active."""
    if torch._C._autograd._profiler_enabled():
        raise MeasurementError(
            f"{name}: a profiler is active already, and there can be only one.\n"
            "Leave the outer torch.profiler block before, or read the figures from it."
        )


def refuse_ended(name: str) -> None:
    """Raise NothingSeenError if the profiler that should be active no longer is: another took its place."""
    if not torch._C._autograd._profiler_enabled():
        raise NothingSeenError(
            f"{name}: the profiler was ended while the model ran, and all that it had recorded is lost.\n"
            "The model opens a profiler itself (torch.profiler, torch.autograd.profiler): there can be only one. Take "
            "it out of forward."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep CHATTER off stderr; all other lines that are written there meanwhile come after the block."""
    try:
        sys.stderr.flush()
        before = os.dup(2)
    except (OSError, ValueError, AttributeError):  # there is no stderr to keep it from
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            with suppress(OSError, ValueError, AttributeError):
                sys.stderr.flush()
            os.dup2(before, 2)
            os.close(before)
            caught.seek(0)
            rest = [line for line in caught if not CHATTER.search(line.decode("utf-8", "replace"))]
            os.write(2, b"".join(rest))
