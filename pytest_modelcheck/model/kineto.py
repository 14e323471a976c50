"""torch.profiler, one at a time, and without the chatter of its library on the terminal."""

from __future__ import annotations

import functools
import os
import re
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from io import FileIO
from typing import Any

import torch

from ..errors import MeasurementError, NothingSeenError
from .state.process import end_profiler
from .undoing import undoing

# What says nothing to the user: that it begins and ends, and that a machine without a GPU has none.
CHATTER = re.compile(
    r"^(USDT|INFO|STAGE):.*\.cpp:\d+\]|^ERROR:.*gpuGetDeviceCount failed|"
    r"allocated before the profiling started, profiler results will not include"
)
OWN_PROFILER = (
    "the model opens a profiler itself (torch.profiler, torch.autograd.profiler), and there can be only one: what "
    "ours had recorded is lost.\nTake it out of forward."
)


@contextmanager
def profiling(name: str, **settings: Any) -> Iterator[Any]:
    """A torch.profiler that runs for the block. Raises MeasurementError if one is active already."""
    refuse_another(name)
    profiler = torch.profiler.profile(**settings)
    block: AbstractContextManager[object] = profiler
    with undoing(end_profiler):
        try:
            with quiet():
                block.__enter__()
            yield profiler
        except BaseException:  # it, or a step of it, had perhaps only begun to begin
            with suppress(AssertionError, RuntimeError), quiet():
                block.__exit__(None, None, None)
            raise
        runs = torch._C._autograd._profiler_enabled()
        with (
            quiet(),
            nullcontext() if runs else suppress(RuntimeError),
        ):  # torch 2.6 ends none that another has ended
            block.__exit__(None, None, None)


def refuse_another(name: str) -> None:
    """Raise MeasurementError if a profiler is active."""
    if torch._C._autograd._profiler_enabled():
        raise MeasurementError(
            f"{name}: a profiler is active already, and there can be only one.\n"
            "Leave the outer torch.profiler block before, or read the figures from it."
        )


def refuse_begun(name: str) -> None:
    """Raise NothingSeenError if a call of the model left a profiler active; it is ended: others would meet it."""
    if torch._C._autograd._profiler_enabled():
        end_profiler()
        raise NothingSeenError(f"{name}: {OWN_PROFILER}")


def refuse_ended(name: str) -> None:
    """Raise NothingSeenError if the profiler that should be active no longer is: another took its place."""
    if not torch._C._autograd._profiler_enabled():
        raise NothingSeenError(f"{name}: {OWN_PROFILER}")


@contextmanager
def own_profiler_told(name: str) -> Iterator[None]:
    """Some of torch's profilers refuse to begin beside ours: say so, instead of blaming the model."""
    try:
        yield
    except RuntimeError as error:
        if "rofiler is already enabled" in str(error):
            raise NothingSeenError(f"{name}: {OWN_PROFILER}") from error
        raise


class _Stderr(FileIO):
    """A copy of stderr's descriptor, which gets back what it was when this is closed, or no longer needed."""

    moved = False

    def close(self) -> None:
        if self.moved and not self.closed:
            os.dup2(self.fileno(), 2)
        super().close()


_PRIVATE = functools.partial(os.open, mode=0o600)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep CHATTER off stderr; all other lines that are written there meanwhile come after the block.

    Whatever interrupts it, and wherever, no descriptor stays open: each belongs to a file from its first moment on.
    """
    path = os.path.join(tempfile.gettempdir(), f"modelcheck-{uuid.uuid4().hex}")
    try:
        try:
            sys.stderr.flush()
            caught, before = FileIO(path, "x+", opener=_PRIVATE), _Stderr(os.devnull, "w")
            os.dup2(2, before.fileno(), inheritable=False)
        finally:
            try:  # noqa: SIM105, an interrupt must not come before it
                os.unlink(path)
            except OSError:
                pass
    except (OSError, ValueError, AttributeError):  # there is no stderr to keep it from
        yield
        return
    with caught:
        with before:
            before.moved = True
            os.dup2(caught.fileno(), 2)
            try:
                yield
            finally:
                with suppress(OSError, ValueError, AttributeError):
                    sys.stderr.flush()
        caught.seek(0)
        rest = [line for line in caught if not CHATTER.search(line.decode("utf-8", "replace"))]
        os.write(2, b"".join(rest))
