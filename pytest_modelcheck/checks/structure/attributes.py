"""The attributes of an operator call under the names of its signature (`stride`, `eps`), defaults filled in."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch._C import FunctionSchema

UNTOLD = frozenset(
    [
        "training",
        "train",
        "device",
        "layout",
        "pin_memory",
        "memory_format",
        "out",
        "requires_grad",
        "generator",
        "non_blocking",
        "copy",
        "cudnn_enabled",
        "need_weights",
        "enable_gqa",
        "_stacklevel",
        "is_causal_hint",
    ]
)
"""Arguments that say how or where something runs, not what it is."""
PER_AXIS = frozenset(["kernel_size", "stride", "padding", "dilation", "output_padding", "output_size"])


Operator: TypeAlias = Callable[..., object]


class Signature(NamedTuple):
    """Names in order; `lists` are those that take all positional ints that are left, as `view(2, 3)` has them."""

    names: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    defaults: Mapping[str, object] = {}


def attributes(func: Operator, args: tuple[object, ...], kwargs: Mapping[str, object]) -> dict[str, object]:
    """What the call was given besides tensors, as JSON holds it; None and run-time switches are left out."""
    kinds = tuple(["T" if _holds_tensor(arg) else type(arg).__name__ for arg in args])
    names, lists, defaults = _signature(func, kinds, tuple(kwargs))
    bound = dict(defaults)
    for position, value in enumerate(args):
        name = names[position] if position < len(names) else f"argument {position}"
        if name in lists and isinstance(value, int) and len(args) > position + 1:
            bound[name] = canonical(args[position:], name)
            break
        bound[name] = canonical(value, name)
    for name, value in kwargs.items():
        bound[name] = canonical(value, name)
    return {name: value for name, value in bound.items() if value is not None and name not in UNTOLD}


def canonical(value: object, name: str = "") -> object:
    """`value` as plain JSON that is equal in every process; None for tensors (they are data flow).

    A setting that is the same along all axes is one number: `stride=2` and `stride=(2, 2)` are the same.
    """
    if value is None or isinstance(value, Tensor):
        return None
    if isinstance(value, (bool, int, float, str)):
        return value if not isinstance(value, float) or value == value else "nan"
    if isinstance(value, (torch.dtype, torch.memory_format)):
        return str(value).removeprefix("torch.")
    if isinstance(value, slice):
        return ":".join("" if v is None else str(canonical(v)) for v in (value.start, value.stop, value.step))
    if isinstance(value, (list, tuple)):
        items = [canonical(item) for item in value]
        if name in PER_AXIS and items and items.count(items[0]) == len(items):
            return items[0]
        return None if items and all(item is None for item in items) else items
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, enum.Enum):
        return value.name
    if value is Ellipsis:
        return "..."
    return getattr(value, "__qualname__", type(value).__name__)


def _holds_tensor(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, Tensor) for item in value)
    return isinstance(value, Tensor)


@lru_cache(maxsize=4096)
def _signature(func: Operator, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> Signature:
    python = _python_signature(func)
    return python if python is not None else _schema_signature(func, kinds, keywords)


def _python_signature(func: Operator) -> Signature | None:
    name = getattr(func, "__name__", "")
    candidates: tuple[Operator, ...] = (getattr(torch.nn.functional, f"_{name}", func), func)
    for candidate in candidates:  # a dispatching pair first
        try:
            parameters = inspect.signature(candidate).parameters.values()
        except (TypeError, ValueError):
            continue
        if all(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters):
            return _with_defaults((p.name, None if p.default is p.empty else p.default) for p in parameters)
    return None


def _schema_signature(func: Operator, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> Signature:
    """The first overload that the call fits."""
    fitting = next((schema for schema in _schemas(func) if _fits(schema, kinds, keywords)), None)
    if fitting is None:
        return Signature()
    lists = frozenset(a.name for a in fitting.arguments if str(a.type) == "List[int]")
    given = ((a.name, a.default_value if a.has_default_value() else None) for a in fitting.arguments)
    return _with_defaults(given, lists)


def _with_defaults(given: Iterable[tuple[str, object]], lists: frozenset[str] = frozenset()) -> Signature:
    defaults = {name: canonical(value, name) for name, value in given}
    return Signature(tuple(defaults), lists, defaults)


def _schemas(func: Operator) -> list[FunctionSchema]:
    name = getattr(func, "_qualified_op_name", None) or f"aten::{getattr(func, '__name__', '').strip('_')}"
    own = getattr(func, "_schema", None)
    found = [own] if own is not None else torch._C._jit_get_schemas_for_operator(name)
    return [s for s in found if any("Tensor" in str(a.type) for a in s.arguments)]


def _fits(schema: FunctionSchema, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> bool:
    arguments = schema.arguments
    names = [a.name for a in arguments]
    lists = any(str(a.type) == "List[int]" for a in arguments)
    if any(a.is_out for a in arguments) or not set(keywords) - UNTOLD <= set(names):
        return False
    if len(kinds) > len(arguments) and not lists:
        return False
    return all(
        ("Tensor" in str(a.type)) == (kind == "T") or kind == "NoneType"
        for a, kind in zip(arguments, kinds, strict=False)
    )
