"""Run a model and leave no trace: one context manager that saves everything and puts it back.

What a forward, a hook or a failed model can change is saved by reference, which costs next to nothing, and the
large tensors are protected lazily: a dispatch mode copies a parameter only when an operator is about to write to it.
Buffers are small and some operators write to them without saying so (aten::native_batch_norm), so they are copied.
"""

from __future__ import annotations

import functools
import operator
import random
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from .errors import SubjectError

_ONE_AT_A_TIME = threading.RLock()  # two threads that save and restore one model would mix up their states


@contextmanager
def observe(
    *modules: nn.Module, train: bool = False, guard: bool = True
) -> Iterator[AbstractContextManager[object]]:
    """Put `modules` into eval (or train) mode for the block; afterwards nothing of section 4 of the contract differs.

    Restored, whatever the block raises: training flags, attributes, parameters, buffers, `.grad`, `requires_grad`
    and hooks of every module; RNG state of torch, numpy and python; grad mode, thread count, default dtype.
    `guard=False` saves the watch over parameters, for a block that never touches them; the block gets it as a context
    manager, for a part that does.
    Raises SubjectError for parameters that are not initialised yet (lazy modules).
    """
    with _ONE_AT_A_TIME:
        for module in modules:
            refuse_lazy(module)
        states = [_ModuleState(m) for root in modules for m in root.modules()]
        keepers: list[_Globals | _ModuleState] = [_Globals(), *states]
        tensors = _TensorState([t for m in modules for t in (*m.parameters(), *m.buffers())])
        copies = _CopyOnWrite(tensors.guarded)
        try:
            for module in modules:
                module.train(train)
            with copies if guard else nullcontext():
                yield copies
        finally:
            for keeper in keepers:
                keeper.restore()
            tensors.restore(copies.copies)


def refuse_lazy(module: nn.Module) -> None:
    """Raise SubjectError if a parameter has no shape yet."""
    for name, parameter in module.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise SubjectError(
                f"parameter {name!r} is not initialised yet (a lazy module).\n"
                "Call the model once, before the check, so that its shapes are known."
            )


class _ModuleState:
    """The attributes of one module, and the contents of the plain containers among them (hooks, children, lists)."""

    def __init__(self, module: nn.Module) -> None:
        self.module, self.cls = module, type(module)
        self.attributes = dict(module.__dict__)
        self.containers = [  # most are empty: hooks that nobody set
            (c, c.copy() if c else _EMPTY)
            for c in self.attributes.values()
            if isinstance(c, (dict, list, set))
        ]

    def restore(self) -> None:
        if type(self.module) is not self.cls:
            self.module.__class__ = self.cls
        attributes = self.module.__dict__
        if not _identical(attributes, self.attributes):
            attributes.clear()
            attributes.update(self.attributes)
        for container, content in self.containers:
            if container or content:
                _refill(container, content)


_EMPTY: Any = ()


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


class _TensorState:
    """Storage, value, gradient and requires_grad of parameters and buffers."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.saved = [(t, t.data, t.requires_grad, t.grad) for t in tensors]
        self.values = [(t.data, t.data.clone()) for t in tensors if not isinstance(t, nn.Parameter)]
        gradients = [t.grad.data for t in tensors if t.grad is not None]
        self.guarded = [t.data for t in tensors if isinstance(t, nn.Parameter)] + gradients

    def restore(self, copies: list[tuple[Tensor, Tensor]]) -> None:
        with torch.no_grad():
            for tensor, data, requires_grad, grad in self.saved:
                if not _same_memory(tensor, data):
                    tensor.data = data
                tensor.grad = grad
                if tensor.requires_grad != requires_grad:
                    tensor.requires_grad_(requires_grad)
            for data, value in self.values:
                if not _same_value(data, value):
                    data.copy_(value)
            for data, value in copies:
                data.copy_(value)


def _same_memory(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device or a.layout != b.layout:
        return False
    if a.layout != torch.strided or a.is_quantized or a.device.type == "meta":
        return True
    return a.data_ptr() == b.data_ptr() and a.stride() == b.stride()


def _same_value(a: Tensor, b: Tensor) -> bool:
    if a.device.type == "meta":
        return True
    return bool(torch.equal(a, b))


class _CopyOnWrite(TorchDispatchMode):
    """Copies a guarded tensor right before the first operator that writes to its storage."""

    supports_higher_order_operators = True

    def __init__(self, guarded: list[Tensor]) -> None:
        super().__init__()
        self.pending: dict[int, list[Tensor]] = {}
        for tensor in guarded:
            key = _storage_key(tensor)
            if key:
                self.pending.setdefault(key, []).append(tensor)
        self.copies: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if isinstance(func, torch._ops.OpOverload):  # higher-order operators call others, and write nothing
            for position, name in _written(func):
                self._save(args[position] if position < len(args) else kwargs.get(name))
        return func(*args, **kwargs)

    def _save(self, value: Any) -> None:
        for tensor in [value] if isinstance(value, Tensor) else tree_leaves(value):
            if isinstance(tensor, Tensor):
                for original in self.pending.pop(_storage_key(tensor), ()):
                    self.copies.append((original, original.clone()))


@functools.cache  # asked of every operator that runs
def _written(func: Any) -> tuple[tuple[int, str], ...]:
    """Position and name of the arguments that an operator writes to."""
    return tuple(
        (position, argument.name)
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


def _storage_key(tensor: Tensor) -> int:
    """Identity of the memory; 0 where there is none to protect (meta, sparse, other wrappers)."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


class _Globals:
    """The process-wide settings that a model may touch."""

    def __init__(self) -> None:
        self.python = random.getstate()
        numpy = sys.modules.get("numpy")
        self.numpy = (numpy.random, numpy.random.get_state()) if numpy else None
        self.torch = torch.random.get_rng_state()
        self.cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
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
    (torch.are_deterministic_algorithms_enabled, torch.use_deterministic_algorithms),
    (torch.backends.mha.get_fastpath_enabled, torch.backends.mha.set_fastpath_enabled),
)
