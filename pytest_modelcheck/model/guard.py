"""Copy-on-write for tensors that a block may write to, at next to no cost for a block that only reads.

A function mode looks at what the model's Python code calls: most of it is known, by the operators' own schemas, to
write to nothing, or to its first argument alone. Only what is not known runs under a dispatch mode, which sees each
operator but costs many times as much. TorchScript is not seen by function modes: a model with such modules is under
the dispatch mode all the time.
"""

from __future__ import annotations

import functools
import inspect
import types
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

from .parts import modules_of
from .plainly import plainly

if TYPE_CHECKING:  # older torches cannot subscript it
    Overload: TypeAlias = torch._ops.OpOverload[..., object]

Arguments: TypeAlias = tuple[object, ...]
Hook = TypeVar("Hook", bound="Callable[..., object]")
Keywords: TypeAlias = Mapping[str, object]

_NOTHING, _FIRST, _UNKNOWN = range(3)  # what a function may write to


_READERS = (
    "torch.nn.modules.",
    "torchvision.models.",
    "torchvision.ops.",
)  # their forwards only read parameters


_HARMLESS: weakref.WeakSet[Callable[..., object]] = weakref.WeakSet()


def harmless(hook: Hook) -> Hook:
    """Note that a hook of ours writes to nothing."""
    _HARMLESS.add(hook)
    return hook


def only_reads(module: nn.Module) -> bool:
    """Whether its forward can write to no parameter: all modules are of torch or torchvision, without hooks but ours.

    Then a block that only calls it needs no watch.
    """
    hooks = (*_global_forward_pre_hooks.values(), *_global_forward_hooks.values())
    if any(hook not in _HARMLESS for hook in hooks):
        return False
    parts = modules_of([module])
    return all(map(_reads, {*map(type, parts)})) and not any(map(_is_altered, parts))


def _reads(cls: type) -> bool:
    """Whether the forward that its modules have by birth only reads parameters."""
    home = getattr(getattr(cls, "forward", None), "__module__", None) or ""
    return home.startswith(_READERS) and getattr(cls, "max_norm", None) is None


def _is_altered(part: nn.Module) -> bool:
    """Whether a module has a forward or hooks of its own, or writes to its weights before it reads them."""
    own = vars(part)
    if "forward" in own or own.get("max_norm") is not None:
        return True
    return bool(part._forward_pre_hooks or part._forward_hooks)


class CopyOnWrite:
    """A context manager that copies a guarded tensor right before its storage is written to."""

    def __init__(self, guarded: Sequence[Tensor], *, scripted: bool = False) -> None:
        self._guarded = guarded
        self.copies: list[tuple[Tensor, Tensor]] = []
        self._mode: AbstractContextManager[object] = _Operators(self) if scripted else _Functions(self)
        self._block = ExitStack()

    @cached_property
    def pending(self) -> dict[int, list[Tensor]]:
        """Tensors that nothing was written to yet, by their memory."""
        found: dict[int, list[Tensor]] = {}
        for tensor in self._guarded:
            key = storage_key(tensor)
            if key:
                found.setdefault(key, []).append(tensor)
        return found

    def __enter__(self) -> CopyOnWrite:
        self.pending  # noqa: B018  # asked for here: under the mode it would watch itself
        self._block.enter_context(plainly())  # torch.compile does not survive the mode
        self._block.enter_context(self._mode)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        self._block.__exit__(kind, error, traceback)

    def save(self, value: object) -> bool:
        """Copy what `value`, a tensor or a container of some, shares memory with; False if that cannot be told."""
        if isinstance(value, Tensor):
            key = storage_key(value)
            if key in self.pending:
                with _disable_current_modes():  # a copy of ours is nobody's operator, nor fake
                    self.copies += [(original, original.clone()) for original in self.pending.pop(key)]
            return bool(key)
        known = [self.save(leaf) for leaf in tree_leaves(value) if isinstance(leaf, Tensor)]
        return all(known)


class _Functions(TorchFunctionMode):
    """Watches the functions that Python code calls."""

    def __init__(self, copies: CopyOnWrite) -> None:
        super().__init__()
        self.copies, self.operators = copies, _Operators(copies)

    def __torch_function__(
        self, func: Callable[..., object], types: object, args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        written = _effect(func)
        if kwargs is None:
            kwargs = {}
        elif "out" in kwargs:
            written = _UNKNOWN
        if written == _FIRST and not (args and self.copies.save(args[0])):
            written = _UNKNOWN
        if written == _UNKNOWN:
            with self.operators:
                return func(*args, **kwargs)
        return func(*args, **kwargs)


class _Operators(TorchDispatchMode):
    """Watches each operator."""

    supports_higher_order_operators = True

    def __init__(self, copies: CopyOnWrite) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.copies = copies

    def __torch_dispatch__(
        self, func: Callable[..., object], types: object, args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        if isinstance(func, torch._ops.OpOverload):  # higher-order operators call others, and write nothing
            for position, name in _written(func):
                self.copies.save(args[position] if position < len(args) else kwargs.get(name))
        return func(*args, **kwargs)


@functools.cache  # asked of every operator that runs
def _written(func: Overload) -> tuple[tuple[int, str], ...]:
    """Position and name of the arguments that an operator writes to."""
    return tuple(
        (position, argument.name)
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


_BUILTIN = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)
_SHARED = (
    "numpy",
    "__array__",
    "__dlpack__",
    "untyped_storage",
    "data_ptr",
)  # what is written there no one sees
_COMPOSED = (
    "torch._tensor",
    "torch.functional",
)  # written in Python, named after the operator that they stand for
_MORE = (
    "embedding",
    "embedding_bag",
    "backward",
)  # write to more than they say: weights with max_norm, gradients


@functools.cache  # asked of every function that is called
def _effect(func: Callable[..., object]) -> int:
    name, home = getattr(func, "__name__", ""), getattr(func, "__module__", None)
    if name in ("__get__", "__set__", "__delete__", "requires_grad_"):
        return _NOTHING  # attributes of a tensor
    if name in _SHARED:
        return _FIRST
    if name in _MORE:
        return _UNKNOWN
    if isinstance(func, _BUILTIN) or (isinstance(func, types.FunctionType) and home in _COMPOSED):
        return _effect_by_name(name)
    if home == "torch.nn.functional":
        return _FIRST if "inplace" in inspect.signature(func).parameters else _NOTHING
    return _UNKNOWN


def _effect_by_name(name: str) -> int:
    """Of the operator called so, by its schemas (those with `out` aside)."""
    if name.startswith("__"):
        return _FIRST if name == "__setitem__" or name.startswith("__i") else _NOTHING
    packet = getattr(torch.ops.aten, name, None)
    if packet is None:
        return _FIRST if name.endswith("_") else _UNKNOWN
    schemas = [getattr(packet, overload) for overload in packet.overloads()]
    written = {place for schema in schemas for place in _written(schema) if not _has_out(schema)}
    if written <= {(0, "self")}:
        return _FIRST if written else _NOTHING
    return _UNKNOWN


def _has_out(overload: Overload) -> bool:
    return any(argument.is_out for argument in overload._schema.arguments)


def storage_identity(tensor: Tensor) -> int:
    """Equal for tensors that share a storage, whatever device it is on; the tensor's own where it has none."""
    try:
        if tensor.layout is torch.sparse_coo:
            tensor = tensor._values()
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return id(tensor)


def storage_key(tensor: Tensor) -> int:
    """Identity of the memory; 0 where there is none to protect (meta, sparse, other wrappers)."""
    try:
        storage = tensor.untyped_storage()
        return 0 if storage.device.type == "meta" else storage.data_ptr()  # fake tensors' are on meta, too
    except (RuntimeError, NotImplementedError):
        return 0
