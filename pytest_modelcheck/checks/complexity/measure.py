"""Count a subject: on meta tensors first, by one real run where the shapes depend on the data."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from ...errors import MeasurementError, ModelCheckError, at_length, in_short, own_error
from ...model.eager import eager
from ...model.garbage import uncollected
from ...model.observe import is_scripted
from ...model.shared import shared
from ...model.subject import Inputs, Subject, differentiable_sums, locate_failure
from ...model.undoing import patched
from ...text import not_one_of
from ...verdict.phases import PHASES
from . import control
from .attention import WrittenOut
from .counter import Counter, WithoutValues
from .formulas import registered
from .known import Known
from .leaving import departures
from .params import Sizes, sizes
from .result import Complexity, ModuleFacts
from .stack import ModuleStack
from .threads import Threads
from .whole import composites_whole

Attention: TypeAlias = Literal["dense", "causal"]
ATTENTION = get_args(Attention)


@shared(by_shapes=lambda result: result.counted_on == "meta", also=registered)
def count(
    subject: Subject, *, phase: str = "forward", attention: str = "dense", strict: bool = False
) -> Complexity:
    """Count one call of the model: operations, bytes, activations, per operator and per module.

    An operator belongs to the innermost module whose forward is running. `phase`: "forward" in eval mode;
    "backward" or "training_step" (forward and backward) in train mode, from the sum of the floating outputs to the
    parameters. `attention="causal"` counts only the unmasked products of attention that is called as causal; the result
    says how many calls were.
    Raises ModelRunError if the model itself raises, MeasurementError (`strict`) for operators without a formula.
    """
    _check_choice("phase", phase, PHASES)
    _check_choice("attention", attention, ATTENTION)
    inputs = subject.require_inputs()
    counter, reason, details = _run(subject, inputs, phase, attention == "causal")
    if strict and counter.unknown:
        raise MeasurementError(_unknown_text(subject.name, counter.unknown))
    return replace(_complexity(subject, counter, phase, reason), details=details)


def _check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise MeasurementError(not_one_of(name, value, allowed))


def _run(subject: Subject, inputs: Inputs, phase: str, causal: bool) -> tuple[Counter, str | None, str]:
    """The counter after the run, and why it was not on meta (None: it was), in short and at length."""
    if not is_scripted(subject.architecture.modules()):
        try:
            with uncollected():  # nothing on meta holds memory
                return _counted(subject, inputs, phase, causal, on_meta=True), None, ""
        except Exception as error:
            reason = str(error) if isinstance(error, WithoutValues) else in_short(error)
            details = at_length(error, reason)
    else:
        reason, details = "a TorchScript module cannot run on copies of its tensors", ""
    try:
        if subject.device.type == "meta":
            return (
                _counted(subject, subject.values or inputs, phase, causal, on_meta=True, known=True),
                None,
                "",
            )
        return _counted(subject, inputs, phase, causal, on_meta=False), reason, details
    except ModelCheckError:
        raise
    except Exception as error:
        raise own_error(f"{subject.name}: the count", error) from error


def _counted(
    subject: Subject, inputs: Inputs, phase: str, causal: bool, *, on_meta: bool, known: bool = False
) -> Counter:
    """`known`: on meta, but for the inputs, whose values are known (see known.py)."""
    module, training = subject.architecture if on_meta else subject.module, phase != "forward"
    stack = ModuleStack(module)
    kind = subject.device.type if subject.is_built else "cpu"  # not to build it for that
    counter = Counter(
        stack,
        on_meta=on_meta,
        trace=training,
        causal=causal,
        known=Known() if known else None,
        autocast=kind if on_meta and kind != "meta" else None,
    )
    located = _located(subject, inputs, on_meta=on_meta, known=known)
    devices = ({"meta"} if on_meta else {subject.device.type}) | (
        _devices(inputs) if known or not on_meta else set()
    )
    with (
        subject.restored(module=module, train=training, replaced=on_meta),
        _settings(counter, devices),
        Threads(counter).followed(),
    ):
        given = inputs.map(_copy_on_meta) if on_meta and not known else inputs.copied()
        if on_meta:
            _replace_tensors(module, _copy_on_meta if training else _on_meta)
        elif training:
            _replace_tensors(module, _alias)
        stack.watch_weights()
        if training:  # a backward loads it, and it copies the methods of tensors: before they are watched
            importlib.import_module("torch._dynamo")
        with counter, departures(counter, {id(child): name for child, name in stack.names.items()}) as left:
            counter.left_torch = left
            counter.recording = phase != "backward"
            with located:
                output = module(*given.args, **given.kwargs)
            counter.recording = True
            if training:
                sums = differentiable_sums(output, subject.name)
                with located:
                    torch.autograd.backward(sums)
    return counter


def _devices(inputs: Inputs) -> set[str]:
    """Where tensors with values are."""
    return {"cpu", *(tensor.device.type for tensor in inputs.tensors)}


def _located(
    subject: Subject, inputs: Inputs, *, on_meta: bool, known: bool
) -> AbstractContextManager[object]:
    """A block that says where the model raised. Not on meta alone, which is the first of two attempts."""
    if on_meta and not known:
        return nullcontext()
    return (_without_values if known else locate_failure)(subject, inputs)


class _without_values(locate_failure):
    """A model that needs values, and has none on meta, did nothing wrong."""

    def located(self, told: str, error: Exception) -> ModelCheckError:
        """What is missing, and where."""
        if not (isinstance(error, NotImplementedError) or re.search(r"(?i)\bmeta\b", str(error))):
            return super().located(told, error)
        return MeasurementError(
            f"{self.subject.name} cannot be counted on meta: {told}\n"
            "Its weights have no values there, nor has what is computed of them. Where a value is asked for, or a "
            "shape depends on one, build the model on the CPU for this check."
        )


@contextmanager
def _settings(counter: Counter, devices: Iterable[str]) -> Iterator[None]:
    """How torch must behave to be counted: products in sight, nothing compiled.

    Gradients are off as in the user's own call, not more than that: inference mode changes what some models answer.
    """
    torch.backends.mha.set_fastpath_enabled(False)  # it hides products; restored() restores the setting
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.set_grad_enabled(counter.trace))
        stack.enter_context(eager(control.rules(counter)))
        stack.enter_context(composites_whole(counter.counts, counter.whole, devices))
        if counter.causal:
            stack.enter_context(WrittenOut(counter.attention))
        if counter.on_meta:
            stack.enter_context(_flex_attention_on_meta())
        yield


@contextmanager
def _flex_attention_on_meta() -> Iterator[None]:
    """Flex attention works on meta tensors, but refuses them."""
    module: Any = sys.modules.get("torch.nn.attention.flex_attention")
    check = getattr(module, "_validate_device", None)
    if check is None:
        yield
        return
    with patched(module, _validate_device=lambda query, *_: None if query.is_meta else check(query, *_)):
        yield


def _copy_on_meta(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor) or (leaf.is_meta and not leaf.requires_grad):
        return leaf
    likeness = torch.empty_like(leaf, device="meta", requires_grad=leaf.requires_grad)
    if hasattr(leaf, "__tensor_flatten__") and type(likeness) is not type(leaf):
        raise TypeError(f"{type(leaf).__name__} holds other tensors, and has no likeness on meta")
    return likeness


def _on_meta(tensor: Tensor) -> Tensor:
    return tensor if tensor.is_meta else _copy_on_meta(tensor)


def _alias(tensor: Tensor) -> Tensor:
    """For a real backward: no gradient must land on the user's parameters."""
    return (
        tensor.detach().requires_grad_(tensor.requires_grad) if isinstance(tensor, nn.Parameter) else tensor
    )


def _replace_tensors(module: nn.Module, replace: Callable[[Tensor], Tensor]) -> None:
    """Put others in the place of parameters and buffers, tied ones once; restored() puts the user's back."""
    made: dict[int, tuple[Tensor, Tensor]] = {}  # those replaced are kept: their number must not be another's
    for child in module.modules():
        for held in (child._parameters, child._buffers):
            for name, tensor in held.items():
                if tensor is not None:
                    if id(tensor) not in made:
                        made[id(tensor)] = tensor, replace(tensor)
                    held[name] = made[id(tensor)][1]  # type: ignore[assignment]


def _unknown_text(name: str, unknown: dict[str, int]) -> str:
    lines = [f"  {operator}  ({calls} call{'s' * (calls != 1)})" for operator, calls in unknown.items()]
    return "\n".join(
        [
            f"{name}: operators without a formula (strict):",
            *lines,
            "Give each one with @pytest_modelcheck.register_formula(torch.ops.<namespace>.<operator>).",
        ]
    )


def _complexity(subject: Subject, counter: Counter, phase: str, reason: str | None) -> Complexity:
    stack = counter.stack
    held = sizes(subject.architecture, stack.names)  # by now the module that was counted
    return Complexity(
        name=subject.name,
        phase=phase,
        counted_on="meta" if reason is None else "real",
        reason=reason,
        cells=counter.cells,
        modules={name: _facts(name, child, stack, held) for child, name in stack.names.items()},
        unknown_operators=dict(counter.unknown),
        on_other_threads=tuple(stack.others),
        loops=counter.loops,
        left_torch=tuple(counter.left_torch),
        unsaved=subject.unsaved,
        merged=_merged(stack.names),
        weights_used=stack.used,
        attention=(counter.attention.causal, counter.attention.dense) if counter.causal else None,
        bytes_by_dtype=counter.bytes_by_dtype,
        params=held.params,
        trainable_params=held.trainable,
        buffers=held.buffers,
        model_bytes=held.bytes,
    )


def _merged(names: Mapping[nn.Module, str]) -> dict[str, str]:
    """What is within TorchScript, where nobody sees which module runs, and the outermost module that is."""
    found: dict[str, str] = {}
    for module, name in names.items():
        if isinstance(module, torch.jit.ScriptModule) and name not in found:
            inner = (names[child] for child in module.modules() if child is not module and child in names)
            found.update(dict.fromkeys(inner, name))
    return found


def _facts(name: str, module: nn.Module, stack: ModuleStack, held: Sizes) -> ModuleFacts:
    given, out = stack.shapes.get(name, (None, None))
    return ModuleFacts(
        type=type(module).__name__,
        params=held.with_children[name],
        own_params=held.by_module[name],
        calls=stack.calls[name],
        input_shape=given,
        output_shape=out,
    )
