"""torch.compile of a model with dynamo left as it was found: in a fork where there can be one, else in this process."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from inspect import signature
from typing import Any, Protocol, TypeVar

import torch._dynamo
import torch._dynamo.repro.after_dynamo  # what dynamo loads late takes long: once here, and not in each fork
from torch import nn
from torch._dynamo import convert_frame, eval_frame

from ..errors import MeasurementError, ModelRunError
from .apart import in_a_fork
from .subject import Subject
from .undoing import patched, undoing

Made = TypeVar("Made")
HERE = "compiled in this process, without a reset of dynamo: what was compiled before may show"
_OF_FORKS = ("fork-based multiprocessing", "forked subprocess")  # torch, of autograd's threads and of CUDA


def as_found(subject: Subject, work: Callable[[], Made]) -> tuple[Made, str]:
    """What `work` returns, and why it was done in this process; "" where it was in a fork, with a dynamo that knows
    nothing. Here dynamo is afterwards as it was; `work` restores the model.

    Raises what `work` raises, and MeasurementError for a process that hangs or dies, or where nothing can be compiled.
    """
    if torch.cuda._is_in_bad_fork():
        raise MeasurementError(
            f"{subject.name}: this process is a fork of one that had begun to use CUDA, where torch.compile fails "
            "whatever the model.\n"
            "Run this test in a process that is no fork (without pytest-forked), or use CUDA in none before it."
        )
    why = why_here(subject)
    if not why:
        try:
            return in_a_fork(partial(afresh, work)), ""
        except ModelRunError as error:
            if not any(text in str(error) for text in _OF_FORKS):
                raise
            why = f"{HERE} (its forward does what torch refuses in a fork, such as computing gradients)"
    with kept(subject.module):
        return work(), why


def why_here(subject: Subject) -> str:
    """Why it cannot be compiled in a fork; "" where it can."""
    if not sys.platform.startswith("linux"):
        return f"{HERE} (no fork on {sys.platform})"
    devices = {str(t.device.type) for t in (*subject.module.parameters(), *subject.module.buffers())}
    devices |= {tensor.device.type for tensor in subject.require_inputs().tensors}
    if other := sorted(devices - {"cpu", "meta"}):
        return f"{HERE} (the model is on {', '.join(other)})"
    if torch.cuda.is_initialized():
        return f"{HERE} (CUDA is in use)"
    return ""


def afresh(work: Callable[[], Made]) -> Made:
    """What `work` returns in a fork, where all that dynamo knew may be thrown away."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    return work()


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """A block after which counters and notes of dynamo's, and the module's buffers, are as they were; and what dynamo
    looked at for the first time it has not seen: it counts what is compiled of a function, and stops at a limit.
    """
    copies = [(t, t.detach().clone()) for t in module.buffers()]

    def restore() -> None:
        with torch.no_grad():
            for tensor, value in copies:
                if not torch.equal(tensor, value):
                    tensor.copy_(value)

    with uncounted(), undoing(restore), unseen():
        yield


@contextmanager
def unseen() -> Iterator[None]:
    """A block after which dynamo has nothing of the functions that it had not looked at before."""
    codes = convert_frame.input_codes
    before = list(codes.seen)

    def restore() -> None:
        known = {one() for one in before}
        for code in {code for one in codes.seen if (code := one())} - known:
            torch._C._dynamo.eval_frame.reset_code(code)
            codes.seen_ids.discard(id(code))
        codes.seen[:] = before

    with undoing(restore):
        yield


@contextmanager
def uncounted() -> Iterator[None]:
    """A block after which counters and notes of dynamo's are as they were; torch's exporters add to them, too."""
    utils = torch._dynamo.utils
    counters = {name: Counter(counted) for name, counted in utils.counters.items()}
    notes = list(utils.graph_break_reasons)

    def restore() -> None:
        utils.counters.clear()
        utils.counters.update(counters)
        utils.graph_break_reasons[:] = notes

    with undoing(restore):
        yield


def compiled_by(backend: Callable[..., Any], module: nn.Module, **options: Any) -> Any:
    """The module under torch.compile; it itself stays as it is. Raises what torch refuses before it is called."""
    if "isolate_recompiles" in signature(eval_frame._optimize).parameters:
        options["isolate_recompiles"] = True  # apart from the user's own, since torch 2.12
    return torch._dynamo.optimize(backend, **options)(module)


class Conversion(Protocol):
    """What became of a function that dynamo looked at: it was `compiled`, or why it was `skipped`."""

    compiled: bool
    skipped: str


@contextmanager
def conversions(around: Callable[[Any], AbstractContextManager[Conversion]]) -> Iterator[None]:
    """A block in which each frame that this thread's dynamo looks at is so within `around(frame)`."""
    thread, converter = threading.get_ident(), convert_frame.ConvertFrameAssert
    convert = converter.__call__

    def converted(self_: Any, frame: Any, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            return convert(self_, frame, *args, **kwargs)
        with around(frame) as noted:
            result = convert(self_, frame, *args, **kwargs)
            noted.compiled = getattr(result, "guarded_code", result) is not None
            noted.skipped = getattr(result, "skip_reason", "") or ""
            return result

    # dynamo looks past its own frames for what called a function (`disable(recursive=False)`): so past this one
    converted.__code__ = converted.__code__.replace(co_filename=convert_frame.__file__)
    with patched(converter, __call__=converted):
        yield


def switched_off() -> str:
    """Why dynamo compiles nothing at all in this process; "" if it does."""
    stance = getattr(getattr(eval_frame, "_stance", None), "stance", "default")
    if stance not in ("default", "eager_then_compile", "aot_eager_then_compile"):
        return f"the stance of torch.compiler is {stance!r} (torch.compiler.set_stance)"
    if torch._dynamo.config.disable or os.environ.get("TORCHDYNAMO_DISABLE") == "1":
        return "dynamo is disabled (TORCHDYNAMO_DISABLE, torch._dynamo.config.disable)"
    return ""


def is_disabled(module: nn.Module) -> bool:
    """Whether its forward as a whole is (torch.compiler.disable)."""
    return bool(getattr(module.forward, "_torchdynamo_disable", False))
