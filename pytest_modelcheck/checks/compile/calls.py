"""The calls that are compiled: the example, the example again, and each further size; and the inputs of these."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ...errors import RAISED, MeasurementError, ModelRunError
from ...model.dynamo import compiled_by
from ...model.eager import eager
from ...model.subject import Inputs, Subject
from .result import shapes_in, shapes_words
from .tracing import Trace

Shape: TypeAlias = tuple[int, ...]
Size: TypeAlias = tuple[Any, ...]  # a shape, or a shape for each tensor


class Refused(Exception):
    """torch compiles a model not at all: the `error` that it raised, `at` which call (as it continues a sentence)."""

    def __init__(self, error: BaseException, at: str) -> None:
        super().__init__(at)
        self.error, self.at = error, at


def calls(subject: Subject, sizes: Sequence[Size]) -> list[Inputs]:
    """The inputs of all calls: the example, it again, each of the sizes. Raises MeasurementError."""
    example = subject.require_inputs()
    return [example, example, *(resized(example, size) for size in sizes)]


def run_calls(subject: Subject, trace: Trace, given: Sequence[Inputs], dynamic: bool | None) -> None:
    """Call the compiled model with each of the inputs. Raises Refused, ModelRunError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dynamo's: as errors they would be the model's
        try:
            compiled = compiled_by(
                trace.backend, subject.module, dynamic=dynamic, guard_fail_fn=trace.guard_failed
            )
        except RAISED as error:  # what torch refuses before it is called, as TorchScript
            raise Refused(error, "") from error
        with torch.inference_mode(False), torch.no_grad(), trace.watching():
            _call(subject, trace, compiled, given)


def _call(subject: Subject, trace: Trace, compiled: Any, given: Sequence[Inputs]) -> None:
    for trace.call, inputs in enumerate(given):
        _run(subject, compiled, inputs, f" at inputs {shapes_of(inputs)}" if trace.call > 1 else "")


def _run(subject: Subject, compiled: Any, inputs: Inputs, at: str) -> None:
    try:
        call_compiled(compiled, inputs.copied())
    except RAISED as error:
        try:
            with eager():
                subject.run(inputs.copied())
        except ModelRunError as own:
            if at:
                raise ModelRunError(f"{own}\n(called with one of the further sizes,{at})") from own
            raise
        raise Refused(error, at) from error


def call_compiled(compiled: Any, inputs: Inputs) -> None:
    """The call below which the stack is the model's."""
    compiled(*inputs.args, **inputs.kwargs)


def shapes_of(inputs: Inputs) -> str:
    """In words."""
    return shapes_words([tuple(tensor.shape) for tensor in inputs.tensors])


def resized(example: Inputs, size: Size) -> Inputs:
    """The example inputs in another size: a shape, or a list with one for each tensor. Values are the example's, from
    the beginning again where they do not suffice, so that tokens stay tokens. Raises MeasurementError.
    """
    shapes = shapes_in(size)
    tensors = [leaf for leaf in tree_leaves((example.args, dict(example.kwargs))) if isinstance(leaf, Tensor)]
    if len(shapes) != len(tensors):
        raise MeasurementError(
            f"sizes: {size!r} has {len(shapes)} shape(s), but the model is called with {len(tensors)} tensor(s): "
            f"{shapes_of(example)}.\nWrite for each size a list with the shape of each tensor, in this order."
        )
    wanted = iter(shapes)
    return example.map(
        lambda leaf: _of_shape(leaf, tuple(next(wanted))) if isinstance(leaf, Tensor) else leaf
    )


def _of_shape(tensor: Tensor, shape: Shape) -> Tensor:
    with torch.no_grad():
        value = tensor.detach()
        if value.dim() != len(shape) or 0 in value.shape:
            value = value.reshape(-1) if value.numel() else value.new_zeros(1)
            count = torch.Size(shape).numel()
            value = value[torch.arange(count, device=value.device) % value.numel()].reshape(shape)
        for axis, n in enumerate(shape):
            places = torch.arange(n, device=value.device) % max(value.shape[axis], 1)
            value = value.index_select(axis, places)
        return value.requires_grad_(tensor.requires_grad)
