"""Compile a subject with torch.compile's backend `eager`, and tell what came of it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from ...errors import ModelRunError, at_length
from ...model.places import Place
from ...model.shared import shared
from ...model.subject import Subject
from ...progress import busy
from ...text import printable
from .apart import in_a_fork
from .calls import Refused, Size, calls, run_calls
from .findings import Findings
from .result import Compiled
from .source import Line, Owner
from .tracing import Trace
from .words import break_words

HERE = "compiled in this process, without a reset of dynamo: what was compiled before may show"
_OF_FORKS = ("fork-based multiprocessing", "forked subprocess")  # torch, of autograd's threads and of CUDA


def _settings() -> object:
    """What else decides what dynamo does."""
    names = [name for name in os.environ if name.startswith(("TORCH", "PYTORCH"))]
    stance = getattr(torch._dynamo.eval_frame, "_stance", None)
    config = torch._dynamo.config.get_config_copy()
    return sorted((name, os.environ[name]) for name in names), repr(stance), repr(sorted(config.items()))


@shared(also=_settings)
def compile_model(subject: Subject, *, sizes: Sequence[Size] = (), dynamic: bool | None = None) -> Compiled:
    """Compile and call it with the example, with the example again, and with each of `sizes`.

    In a fork of this process where that is possible: dynamo knows nothing there, and here it is left as it was.
    Raises ModelRunError if the model itself raises, SubjectError without inputs, MeasurementError for a process that
    hangs or dies, and for sizes that do not fit the inputs.
    """
    subject.require_inputs()
    why = _why_here(subject)
    with busy(f"compiling {printable(subject.name)}"):
        if not why:
            try:
                return in_a_fork(lambda: _alone(subject, sizes, dynamic))
            except ModelRunError as error:
                if not any(text in str(error) for text in _OF_FORKS):
                    raise
                why = f"{HERE} (its forward does what torch refuses in a fork, such as computing gradients)"
        return replace(_here(subject, sizes, dynamic), isolated=False, shared=why)


def _why_here(subject: Subject) -> str:
    """Why it cannot be measured in a fork; "" where it can."""
    if not sys.platform.startswith("linux"):
        return f"{HERE} (no fork on {sys.platform})"
    devices = {str(t.device.type) for t in (*subject.module.parameters(), *subject.module.buffers())}
    devices |= {tensor.device.type for tensor in subject.require_inputs().tensors}
    if other := sorted(devices - {"cpu", "meta"}):
        return f"{HERE} (the model is on {', '.join(other)})"
    if torch.cuda.is_initialized():
        return f"{HERE} (CUDA is in use)"
    return ""


def _alone(subject: Subject, sizes: Sequence[Size], dynamic: bool | None) -> Compiled:
    """In a fork: all that dynamo knew is thrown away, and the model need not be restored."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    return _compiled(subject, sizes, dynamic)


def _here(subject: Subject, sizes: Sequence[Size], dynamic: bool | None) -> Compiled:
    """In this process: counters and notes of dynamo's are afterwards as they were."""
    utils = torch._dynamo.utils
    counters = {name: Counter(counted) for name, counted in utils.counters.items()}
    notes = list(utils.graph_break_reasons)
    copies = [(t, t.detach().clone()) for t in subject.module.buffers()]
    try:
        return _compiled(subject, sizes, dynamic)
    finally:
        utils.counters.clear()
        utils.counters.update(counters)
        utils.graph_break_reasons[:] = notes
        with torch.no_grad():
            for tensor, value in copies:
                if not torch.equal(tensor, value):
                    tensor.copy_(value)


def _compiled(subject: Subject, sizes: Sequence[Size], dynamic: bool | None) -> Compiled:
    names = {id(module): name for name, module in subject.module.named_modules()}
    trace = Trace({key: name.replace("._orig_mod", "") for key, name in names.items()})
    given = calls(subject, sizes)
    made = Compiled(subject.name, sizes=tuple(sizes), dynamic=dynamic)
    with subject.restored(guard=False), _uncompiled(subject.module):
        try:
            run_calls(subject, trace, given, dynamic)
        except Refused as refused:
            words = break_words(str(refused.error))
            reason = f"{_refusal(refused.error, words.reason, Owner(subject.module))}{refused.at}"
            made = replace(made, reason=reason, details=at_length(refused.error, reason), hint=words.hint)
    return replace(Findings(subject, trace, given, dynamic).told(made), unsaved=subject.unsaved)


@contextmanager
def _uncompiled(module: nn.Module) -> Iterator[None]:
    """A block in which what was compiled in place (`module.compile()`) is what it was made from."""
    key = "_compiled_call_impl"
    compiled = [(vars(part), vars(part).pop(key)) for part in module.modules() if key in vars(part)]
    try:
        yield
    finally:
        for attributes, call in compiled:
            attributes[key] = call


def _refusal(error: BaseException, reason: str, owner: Owner) -> str:
    """torch's reason, with the user's line where it knows one."""
    told = f"{type(error).__name__}: {reason}".rstrip(": ")
    stack = getattr(error, "real_stack", None) or []
    line, _ = owner.places([Line.of(str(f.filename), f.lineno or 0, f.name) for f in stack])
    return f"{told} (at {Place(None, line.file, line.number)})" if line is not None else told
