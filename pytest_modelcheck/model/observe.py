"""Run a model and leave no trace: one context manager that saves everything and puts it back.

What a forward, a hook or a failed model can change is saved by reference, which costs next to nothing, and the
large tensors are protected lazily: a parameter is copied only when something is about to write to it (see guard).
Buffers are small and some operators write to them without saying so (aten::native_batch_norm), so they are copied.
"""

from __future__ import annotations

import itertools
import operator
import random
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..errors import SubjectError
from .guard import CopyOnWrite

_ONE_AT_A_TIME = threading.RLock()  # two threads that save and restore one model would mix up their states


@contextmanager
def observe(
    *modules: nn.Module, train: bool = False, frozen: bool = False, guard: bool = True
) -> Iterator[AbstractContextManager[object]]:
    """Put `modules` into eval (or train) mode for the block; afterwards nothing of section 4 of the contract differs.

    Restored, whatever the block raises: training flags, attributes, parameters, buffers, `.grad`, `requires_grad`
    and hooks of every module; RNG state of torch, numpy and python; grad mode, thread count, default dtype.
    `frozen`: in the block no parameter asks for a gradient. Train mode leaves the caller's inference mode, in which
    there are no gradients. `guard=False` saves the watch over parameters, for a block that never touches them; the
    block gets it as a context manager, for a part that does. What torch.export made keeps the mode it was exported in.
    Raises SubjectError for parameters that are not initialised yet (lazy modules).
    """
    with _ONE_AT_A_TIME, torch.inference_mode(False) if train else nullcontext():
        parts = list(dict.fromkeys(m for root in modules for m in root.modules()))
        parameters, buffers = _tensors(parts)
        if any(map(is_lazy, (*parameters, *buffers))):
            for module in modules:
                refuse_lazy(module)
        settings, states, tensors = _Globals(), _Modules(parts), _Tensors(parameters, buffers)
        copies = CopyOnWrite(tensors.guarded, scripted=is_scripted(parts))
        try:
            if any(_differs(part, train) for part in parts):
                with copies:  # a model's own train() may do more, such as merge weights
                    for module in modules:
                        _set_mode(module, train)
            if frozen:
                for parameter in parameters:
                    if not parameter.is_inference():  # these cannot, nor do they make a graph
                        parameter.requires_grad_(False)
            with copies if guard else nullcontext():
                yield copies
        finally:
            settings.restore()
            states.restore()
            tensors.restore(copies.copies)


def is_scripted(parts: Iterable[nn.Module]) -> bool:
    """Whether a part is TorchScript."""
    return any(isinstance(part, torch.jit.ScriptModule) for part in parts)


def _differs(part: nn.Module, train: bool) -> bool:
    """Whether it is in the other mode; what torch.jit.freeze made has none."""
    return getattr(part, "training", train) is not train


def _set_mode(module: nn.Module, train: bool) -> None:
    """Into train or eval mode. torch.export's modules refuse that: theirs is part of the graph."""
    try:
        module.train(train)
    except NotImplementedError:
        module.training = train
        for child in module.children():
            _set_mode(child, train)


def refuse_lazy(module: nn.Module) -> None:
    """Raise SubjectError if a parameter has no shape yet."""
    for kind, named in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
        for name in (name for name, tensor in named if is_lazy(tensor)):
            raise SubjectError(
                f"{kind} {name!r} is not initialised yet (a lazy module).\n"
                "Call the model once, before the check, so that its shapes are known."
            )


def _tensors(parts: list[nn.Module]) -> tuple[list[nn.Parameter], list[Tensor]]:
    """Parameters and buffers, tied ones once."""
    parameters = (p for part in parts for p in part._parameters.values() if p is not None)
    buffers = (b for part in parts for b in part._buffers.values() if b is not None)
    return list(dict.fromkeys(parameters)), list(dict.fromkeys(buffers))


class _Modules:
    """The attributes of modules, and the contents of the plain containers among them (hooks, children, lists)."""

    def __init__(self, parts: list[nn.Module]) -> None:
        self.saved = [(part, type(part), part.__dict__, part.__dict__.copy()) for part in parts]
        values = itertools.chain.from_iterable(attributes.values() for *_, attributes in self.saved)
        containers: list[Any] = [value for value in values if isinstance(value, (dict, list, set))]
        self.empty = [c for c in containers if not c]  # most of them: hooks that nobody set
        self.filled = [(c, c.copy()) for c in containers if c]

    def restore(self) -> None:
        for module, cls, attributes, before in self.saved:
            if type(module) is not cls:
                module.__class__ = cls
            _refill(attributes, before)
        for container in filter(None, self.empty):
            container.clear()
        for container, content in self.filled:
            _refill(container, content)


def _refill(container: Any, content: Any) -> None:
    if _identical(container, content):
        return
    container.clear()
    if isinstance(container, list):
        container.extend(content)
    else:
        container.update(content)


def _identical(container: Any, content: Any) -> bool:
    """Whether both hold the very same objects in the same order."""
    if len(container) != len(content):
        return False
    if isinstance(container, dict) and not all(map(operator.is_, container.values(), content.values())):
        return False
    return all(map(operator.is_, container, content))


class _Tensors:
    """Storage, gradient and requires_grad of parameters and buffers, and the values of buffers."""

    def __init__(self, parameters: list[nn.Parameter], buffers: list[Tensor]) -> None:
        self.saved = [(t, t.data, t.requires_grad, _gradient(t)) for t in (*parameters, *buffers)]
        data = [data for _, data, _, _ in self.saved]
        gradients = [grad.data for _, _, _, grad in self.saved if grad is not None]
        self.guarded = data[: len(parameters)] + gradients
        self.values = _Values(data[len(parameters) :])

    def restore(self, copies: list[tuple[Tensor, Tensor]]) -> None:
        with torch.no_grad():
            for tensor, data, requires_grad, grad in self.saved:
                if not _same_memory(tensor, data):
                    tensor.data = data
                if _gradient(tensor) is not grad:
                    tensor.grad = grad
                if tensor.requires_grad != requires_grad:
                    tensor.requires_grad_(requires_grad)
            self.values.restore()
            for data, value in copies:
                data.copy_(value)


def _gradient(tensor: Tensor) -> Tensor | None:
    """A buffer that was computed from a parameter has none, and warns when it is asked."""
    return tensor.grad if tensor.is_leaf or tensor.retains_grad else None


class _Values:
    """Copies of tensors: those of one kind in one piece, since a model has hundreds of small buffers."""

    def __init__(self, tensors: list[Tensor]) -> None:
        kinds: dict[tuple[torch.dtype, torch.device], list[Tensor]] = {}
        self.single: list[tuple[Tensor, Tensor]] = []
        for tensor in tensors:
            if tensor.is_meta:
                continue
            if tensor.layout is torch.strided and not tensor.is_quantized:
                kinds.setdefault((tensor.dtype, tensor.device), []).append(tensor)
            else:
                self.single.append((tensor, tensor.clone()))
        self.joined = [(alike, _joined(alike)) for alike in kinds.values()]

    def restore(self) -> None:
        for tensor, value in self.single:
            tensor.copy_(value)
        for tensors, values in self.joined:
            if not _same_bits(_joined(tensors), values):
                parts = values.split_with_sizes([t.numel() for t in tensors])
                for tensor, part in zip(tensors, parts, strict=True):
                    if not _same_bits(tensor.reshape(-1), part):
                        tensor.copy_(part.view(tensor.shape))


def _joined(tensors: list[Tensor]) -> Tensor:
    flat = torch._C._nn.flatten_dense_tensors(tensors)
    return flat if len(tensors) > 1 else flat.clone()  # a single one is not copied


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Also where they are NaN, and with the sign of zero."""
    return torch.equal(a.view(torch.uint8), b.view(torch.uint8))


def _same_memory(a: Tensor, b: Tensor) -> bool:
    try:
        return a.dtype is b.dtype and a.is_set_to(b)
    except (RuntimeError, NotImplementedError):  # meta, sparse, quantized, or moved to another device
        return a.shape == b.shape and a.dtype is b.dtype and a.device == b.device and a.layout is b.layout


class _Globals:
    """The process-wide settings that a model may touch."""

    def __init__(self) -> None:
        self.python = random.getstate()
        numpy = sys.modules.get("numpy")
        self.numpy = (numpy.random, numpy.random.get_state()) if numpy else None
        self.torch = torch.random.get_rng_state()
        started = torch.cuda.is_initialized()
        self.cuda = torch.cuda.get_rng_state_all() if started else []
        self.settings = [(setter, getter, getter()) for getter, setter in _SETTINGS]

    def restore(self) -> None:
        random.setstate(self.python)
        if self.numpy:
            self.numpy[0].set_state(self.numpy[1])
        torch.random.set_rng_state(self.torch)
        if self.cuda:
            torch.cuda.set_rng_state_all(self.cuda)
        for setter, getter, value in self.settings:
            if getter() != value:
                setter(value)


_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.is_grad_enabled, torch.set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
)
