"""A model's answers beside those that it gives under torch.compile, with the backend that users have."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch._inductor.compile_fx  # here and not in each fork
from torch import nn
from torch._inductor import config, exc

from ...errors import MeasurementError
from ...model.dynamo import as_found, compiled_by, conversions, is_disabled, switched_off
from ...model.eager import uncompiled
from ...model.subject import Inputs, Subject
from ...progress import busy
from ...text import first_sentence, printable
from .answer import Answer, answer, call, innermost, refused, seeded


def compiled(subject: Subject) -> tuple[Answer, Answer]:
    """Both, on the same number of threads. Raises MeasurementError, ModelRunError."""
    subject.require_inputs()
    with busy(f"compiling {printable(subject.name)}"):
        both, _ = as_found(subject, lambda: _both(subject))
    return both


def _both(subject: Subject) -> tuple[Answer, Answer]:
    """Code is made without processes or threads of its own: a fork has not those that its parent began."""
    own, seen = answer(subject, trace=False), _Seen()

    def run(inputs: Inputs) -> object:
        try:
            model = compiled_by(seen.backend, subject.module, dynamic=None)
            return model(*inputs.args, **inputs.kwargs)
        except Exception as error:
            raise _without_compiler(subject, error) or refused(subject, "torch.compile", error) from error

    as_written = subject.restored(guard=False), uncompiled(subject.module), torch.inference_mode(False)
    with ExitStack() as stack:
        for block in (*as_written, config.patch(compile_threads=1), conversions(seen.looked_at), seeded()):
            stack.enter_context(block)
        other = call(subject, trace=False, run=run)
    return own, replace(other, idle=seen.idle(subject.module))


def _without_compiler(subject: Subject, error: Exception) -> MeasurementError | None:
    """What to say where it is only a C++ compiler that is missing."""
    if not isinstance(innermost(error), exc.InvalidCxxCompiler):
        return None
    return MeasurementError(
        f"{subject.name}: torch.compile needs a C++ compiler, and there is none that works here.\n"
        "Install one (g++ or clang++), or name it in the environment variable CXX."
    )


@dataclass
class _Look:
    """What became of a function that dynamo looked at; `failed`: the exception that ended it."""

    compiled: bool = False
    skipped: str = ""
    failed: BaseException | None = None


@dataclass
class _Seen:
    """How many graphs were made, and what became of each function; the first is the model's forward."""

    graphs: int = 0
    looks: list[_Look] = field(default_factory=list)

    def backend(self, graph: Any, inputs: Any) -> Callable[..., Any]:
        """torch.compile's default one."""
        made: Callable[..., Any] = torch._dynamo.lookup_backend("inductor")(graph, inputs)
        self.graphs += 1
        return made

    @contextmanager
    def looked_at(self, frame: object) -> Iterator[_Look]:
        """For `conversions`."""
        self.looks.append(_Look())
        try:
            yield self.looks[-1]
        except BaseException as error:
            self.looks[-1].failed = error
            raise

    def idle(self, module: nn.Module) -> str:
        """Why what ran was the model as it is written; "" where it was compiled."""
        root = self.looks[0] if self.looks else None
        if self.graphs and root is not None and root.compiled:
            return ""
        what = "skipped its forward" if self.graphs else "made no graph of it"
        return f"torch.compile {what} ({switched_off() or _why(root, module)})"


def _why(root: _Look | None, module: nn.Module) -> str:
    if is_disabled(module):
        return "its forward is disabled, torch.compiler.disable"
    if isinstance(module, torch.jit.ScriptModule):
        return "it is TorchScript, which dynamo does not look into"
    if root is not None and (root.failed or root.skipped):
        return first_sentence(str(root.failed or root.skipped)).rstrip(".")
    return "its forward runs eagerly as a whole"
