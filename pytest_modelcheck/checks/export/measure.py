"""Export a subject to ONNX, check the file, and run it beside the model."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import ModelRunError, NothingSeenError
from ...model.onnx_packages import load_onnx
from ...model.shared import shared
from ...model.subject import Inputs, Subject
from ...progress import busy
from ...text import printable
from . import runtime
from .agreement import compare, plain, silence_of
from .axes import FreeSizes, free_axes, tensor_names
from .distance import OutputError
from .exporter import exported, histogram, opset_of, strip
from .outputs import left_out, tensors_of
from .reasons import refused_axes, short_reason, whole_reason
from .result import Onnx

KEPT = 2**24  # bytes; a larger one is not kept for other tests


@shared(fits=lambda result: len(result.model or b"") < KEPT)
def export(subject: Subject, *, opset: int | None = None, dynamic: object = None) -> Onnx:
    """Export with torch.onnx (dynamo), run onnx.checker and compare with ONNX Runtime on the example inputs.

    `dynamic` is `dynamic_shapes` of torch.onnx.export: along each axis that it frees, model and file are compared at
    other sizes too. The model is run twice, since no file agrees with one that differs from itself. A model that cannot
    be exported gives a result with the reason. Raises MissingExtraError, ModelRunError.
    """
    onnx = load_onnx("the ONNX export")
    inputs = subject.require_inputs()
    output = _output(subject)
    expected = tensors_of(output)
    facts: dict[str, Any] = {"name": subject.name, "dynamic": dynamic}
    if not expected:
        return Onnx(
            **facts,
            reason="its output holds no tensor that an exporter could see (in tuples, lists, dicts, dataclasses)",
        )
    try:
        with busy(f"exporting {printable(subject.name)} to ONNX"):
            program = exported(subject, inputs, output, opset, dynamic)
            model = program.model_proto
            strip(model)
            data = model.SerializeToString()
            onnx.checker.check_model(data, full_check=True)
    except Exception as error:
        facts |= {"reason": short_reason(error), "details": whole_reason(error)}
        return Onnx(**facts, fixed=refused_axes(error))
    facts |= {
        "opset": opset_of(model),
        "size_bytes": len(data),
        "operators": histogram(model.graph.node),
        "left_out": left_out(output),
    }
    if opset not in (None, facts["opset"]):  # it falls back to its own without a word
        return Onnx(**facts, reason=f"torch.onnx gave opset {facts['opset']} where {opset} was asked for")
    return _beside(subject, inputs, expected, program, Onnx(**facts, model=data))


def _beside(subject: Subject, inputs: Inputs, expected: list[Tensor], program: Any, made: Onnx) -> Onnx:
    """The export `made`, with how it compares to the model."""
    try:
        with busy(f"running {printable(subject.name)} with ONNX Runtime"):
            session = runtime.session(made.model)
            got = runtime.run(session, inputs.tensors)
    except Exception as error:
        reason = f"ONNX Runtime cannot run it: {short_reason(error)}"
        return replace(made, reason=reason, details=whole_reason(error), model=b"")
    names = runtime.output_names(session)
    silence = silence_of(names, expected, lambda other: _expected(subject, other), inputs)
    free = _Free()
    free.run(subject, inputs, made.dynamic, program, session)
    return replace(
        made,
        outputs=(*compare(names, got, expected), *free.outputs),
        repeat=tuple(_repeated(subject, names, expected)),
        tried=tuple(free.tried),
        fixed=free.fixed,
        untried=free.untried,
        vacuous=bool(silence),
        silence=silence,
    )


@dataclass
class _Free:
    """The sizes that were `tried` along free axes, and how the outputs compare there.

    `fixed`: axes that the file does not leave free; `untried`: why another one could not be tried.
    """

    tried: list[str] = field(default_factory=list)
    outputs: list[OutputError] = field(default_factory=list)
    fixed: tuple[str, ...] = ()
    untried: str = ""

    def run(self, subject: Subject, inputs: Inputs, dynamic: object, program: Any, session: Any) -> None:
        axes = free_axes(subject.module, inputs, dynamic)
        if not axes:
            return
        known = getattr(program, "exported_program", None)
        try:
            free = FreeSizes(subject.name, known, inputs, axes, tensor_names(subject.module, inputs))
            self.fixed = free.fixed
            for sizes, given in free.others():
                try:
                    expected = _expected(subject, given.copied())
                except ModelRunError as error:
                    free.refused(sizes, str(error))
                    continue
                free.tried(sizes)
                self._compare(str(sizes), session, given, expected)
            free.refuse_untried()
        except NothingSeenError as error:
            self.untried = str(error)

    def _compare(self, at: str, session: Any, given: Inputs, expected: list[Tensor]) -> None:
        self.tried.append(at)
        try:
            got = runtime.run(session, given.tensors)
        except Exception as error:
            self.outputs.append(
                OutputError.missing(f"the file does not run there: {short_reason(error)}", at)
            )
        else:
            self.outputs += compare(runtime.output_names(session), got, expected, at)


def _repeated(subject: Subject, names: list[str], expected: list[Tensor]) -> Iterator[OutputError]:
    """How far a second run of the model is from the first: from the same state, with other random numbers."""
    with subject.restored(), torch.no_grad(), _other_draws():
        again = tensors_of(subject.run())
    yield from compare(names, [plain(t) for t in again], expected, by="its second run")


@contextmanager
def _other_draws() -> Iterator[None]:
    """A block that draws other random numbers; afterwards the generators stand where they stood."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(random.getrandbits(32))
        np.random.seed(random.getrandbits(32))
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _output(subject: Subject, inputs: Inputs | None = None) -> object:
    """What the model returns."""
    with subject.restored(), torch.no_grad():
        output: object = subject.run(inputs)
    return output


def _expected(subject: Subject, inputs: Inputs | None = None) -> list[Tensor]:
    """The tensors of the model's own output."""
    return tensors_of(_output(subject, inputs))
