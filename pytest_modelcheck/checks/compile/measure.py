"""Compile a subject with torch.compile's backend `eager`, and tell what came of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import torch

from ...errors import at_length
from ...model.dynamo import as_found
from ...model.eager import uncompiled
from ...model.places import Place
from ...model.shared import shared
from ...model.subject import Subject
from ...progress import busy
from ...text import printable
from .calls import Refused, Size, calls, run_calls
from .findings import Findings
from .result import Compiled
from .source import Line, Owner
from .tracing import Trace
from .words import break_words


def _settings() -> object:
    """What else decides what dynamo does."""
    names = [name for name in os.environ if name.startswith(("TORCH", "PYTORCH"))]
    stance = vars(
        getattr(torch._dynamo.eval_frame, "_stance", object)
    )  # its repr, once interrupted, stays "..."
    config = torch._dynamo.config.get_config_copy()
    return sorted((name, os.environ[name]) for name in names), repr({**stance}), repr(sorted(config.items()))


@shared(also=_settings)
def compile_model(subject: Subject, *, sizes: Sequence[Size] = (), dynamic: bool | None = None) -> Compiled:
    """Compile and call it with the example, with the example again, and with each of `sizes`.

    In a fork of this process where that is possible: dynamo knows nothing there, and here it is left as it was.
    Raises ModelRunError if the model itself raises, SubjectError without inputs, MeasurementError for a process that
    hangs or dies, and for sizes that do not fit the inputs.
    """
    subject.require_inputs()
    with busy(f"compiling {printable(subject.name)}"):
        made, why = as_found(subject, lambda: _compiled(subject, sizes, dynamic))
        return replace(made, isolated=not why, shared=why)


def _compiled(subject: Subject, sizes: Sequence[Size], dynamic: bool | None) -> Compiled:
    names = {id(module): name for name, module in subject.module.named_modules()}
    trace = Trace({key: name.replace("._orig_mod", "") for key, name in names.items()})
    given = calls(subject, sizes)
    made = Compiled(subject.name, sizes=tuple(sizes), dynamic=dynamic)
    with subject.restored(guard=False), uncompiled(subject.module):
        try:
            run_calls(subject, trace, given, dynamic)
        except Refused as refused:
            words = break_words(str(refused.error))
            reason = f"{_refusal(refused.error, words.reason, Owner(subject.module))}{refused.at}"
            made = replace(made, reason=reason, details=at_length(refused.error, reason), hint=words.hint)
    return replace(Findings(subject, trace, given, dynamic).told(made), unsaved=subject.unsaved)


def _refusal(error: BaseException, reason: str, owner: Owner) -> str:
    """torch's reason, with the user's line where it knows one."""
    told = f"{type(error).__name__}: {reason}".rstrip(": ")
    stack = getattr(error, "real_stack", None) or []
    line, _ = owner.places([Line.of(str(f.filename), f.lineno or 0, f.name) for f in stack])
    return f"{told} (at {Place(None, line.file, line.number)})" if line is not None else told
