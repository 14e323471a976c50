"""The arguments of an operator call under the names of its signature: what is data flow, and what is an attribute."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from numbers import Number
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch._C import FunctionSchema

from .values import canonical

UNTOLD = frozenset(
    [
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
        "memo",
        "_stacklevel",
        "is_causal_hint",
        "stream",
        "max_version",
        "read_only",
        "dl_device",
    ]
)
"""Arguments that say how or where something runs, not what it is."""
SWITCHES = frozenset(["training", "train"])
"""Told where they are on, which they are not in eval mode unless someone forgot it."""
ALIASES = {"self": "input", "axis": "dim", "keepdims": "keepdim", "x": "input", "x1": "input", "x2": "other"}
"""Other words for the same argument, as numpy's users write them."""
FACTORIES = {
    "tensor": ("data",),
    "as_tensor": ("data",),
    "asarray": ("obj",),
    "new_tensor": ("input", "data"),
}
"""Arguments of functions that have no signature to read."""
MOST = 4096  # calls that are remembered
LISTS = ("List[int]", "List[SymInt]")

Operator: TypeAlias = Callable[..., object]
Operands: TypeAlias = list[tuple[str, Tensor]]


class Signature(NamedTuple):
    """Names in order; `variadic` takes all positional values that are left, as `view(2, 3)` has them."""

    names: tuple[str, ...] = ()
    variadic: str = ""
    defaults: Mapping[str, object] = {}


def bind(
    func: Operator, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> tuple[dict[str, object], Operands]:
    """What a call was given: attributes as JSON holds them, and tensors, each with its place.

    None and run-time switches are left out. A place is the name of the argument (aten's `self` is `input`), within
    containers with the index or key: `tensors[0]`.
    """
    key, tensors = _key(func, args, kwargs)
    if key is None:
        return _bind(func, args, kwargs)
    known = _BOUND.get(key)
    if known is None:
        told, operands = _bind(func, args, kwargs)
        if len(_BOUND) >= MOST:
            _BOUND.clear()
        known = _BOUND[key] = told, [place for place, _ in operands]
    return known[0], list(zip(known[1], tensors, strict=True))


_BOUND: dict[tuple[object, ...], tuple[dict[str, object], list[str]]] = {}
"""Calls that were bound before: a model makes the same ones again and again."""
_SIMPLE = frozenset([type(None), bool, int, str, torch.dtype, torch.device, torch.memory_format])


def _key(
    func: Operator, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> tuple[tuple[object, ...] | None, list[Tensor]]:
    """Equal for calls that differ in their tensors alone, and these; None where a value is not simple."""
    key: list[object] = [func]
    tensors: list[Tensor] = []
    for value in (*args, *kwargs.values()) if kwargs else args:
        cls = type(value)
        if isinstance(value, Tensor):
            tensors.append(value)
            key.append(Tensor)
        elif cls in _SIMPLE:
            key += (cls, value)
        elif cls is float:
            key.append(repr(value))
        elif isinstance(value, (tuple, list)) and all(type(item) is int for item in value):
            key.append(tuple(value))
        else:
            return None, tensors
    return (*key, *kwargs), tensors


def _bind(
    func: Operator, args: tuple[object, ...], kwargs: Mapping[str, object]
) -> tuple[dict[str, object], Operands]:
    keywords = tuple([ALIASES.get(name, name) for name in kwargs])
    names, variadic, defaults = _signature(func, tuple(map(_kind, args)), keywords)
    told = dict(defaults)
    operands: Operands = []
    for position, value in enumerate(args):
        name = names[position] if position < len(names) else f"argument {position}"
        if name == variadic and not isinstance(value, (list, tuple)):
            told[name] = _take(args[position:], name, operands)
            break
        told[name] = _take(value, name, operands)
    for name, value in kwargs.items():
        name = ALIASES.get(name, name)
        told[name] = _take(value, name, operands)
    return {name: value for name, value in told.items() if _is_told(name, value)}, operands


def _is_told(name: str, value: object) -> bool:
    if value is None or name in UNTOLD or (name == "stride" and value == []):
        return False
    return name not in SWITCHES or value is True


def _take(value: object, name: str, operands: Operands) -> object:
    """The value as an attribute; the tensors in it go to the operands."""
    if isinstance(value, Tensor):
        operands.append((name, value))
        return None
    if type(value) not in _PLAIN:
        operands.extend(places(value, name))
    return canonical(value, name)


_PLAIN = frozenset([type(None), bool, int, float, complex, str, bytes, torch.dtype, torch.device, torch.Size])


def places(value: object, name: str = "", depth: int = 6) -> Iterator[tuple[str, Tensor]]:
    """All tensors in nested containers, dataclasses and other objects, in order, with their places."""
    if isinstance(value, Tensor):
        yield name, value
    elif depth and type(value) not in _PLAIN and not isinstance(value, (torch.nn.Module, type)):
        for key, item in parts(value):
            if type(item) not in _PLAIN:
                yield from places(item, f"{name}{key}", depth - 1)


def tensors_in(value: object) -> list[Tensor]:
    """They alone."""
    return [tensor for _, tensor in places(value)]


def parts(value: object) -> Iterable[tuple[str, object]]:
    """What a container or object holds, each with its key."""
    if isinstance(value, Mapping):
        return [(f"[{key!r}]" if isinstance(key, (str, int)) else "[]", item) for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"[{i}]", item) for i, item in enumerate(value)]
    if isinstance(value, (set, frozenset)):
        return [("{}", item) for item in value]
    if isinstance(value, slice):
        return [(".start", value.start), (".stop", value.stop), (".step", value.step)]
    if hasattr(value, "__dict__"):
        return [(f".{key}", item) for key, item in vars(value).items()]
    return ()


# Signatures


def _kind(value: object) -> str:
    """A word for the type, as schemas have them."""
    if isinstance(value, Tensor):
        return "Tensor"
    if isinstance(value, (list, tuple)):
        return "Tensors" if any(isinstance(item, Tensor) for item in value) else "list"
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, np.integer)):
        return "int"
    return "number" if isinstance(value, Number) else type(value).__name__


@lru_cache(maxsize=MOST)
def _signature(func: Operator, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> Signature:
    name = getattr(func, "__name__", "")
    if name in FACTORIES:
        return Signature(FACTORIES[name])
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
            return _named((p.name, None if p.default is p.empty else p.default) for p in parameters)
    return None


def _schema_signature(func: Operator, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> Signature:
    """The first overload that the call fits."""
    fitting = next((schema for schema in _schemas(func, kinds) if _fits(schema, kinds, keywords)), None)
    if fitting is None:
        return Signature()
    given = ((a.name, a.default_value if a.has_default_value() else None) for a in fitting.arguments)
    return _named(given, _variadic(fitting))


def _named(given: Iterable[tuple[str, object]], variadic: str = "") -> Signature:
    defaults = {ALIASES.get(name, name): canonical(value, name) for name, value in given}
    return Signature(tuple(defaults), variadic, defaults)


def _schemas(func: Operator, kinds: tuple[str, ...]) -> list[FunctionSchema]:
    name = getattr(func, "_qualified_op_name", None) or f"aten::{getattr(func, '__name__', '').strip('_')}"
    own = getattr(func, "_schema", None)
    found: list[FunctionSchema] = [own] if own is not None else torch._C._jit_get_schemas_for_operator(name)
    if not found:
        found = torch._C._jit_get_schemas_for_operator(f"aten::{getattr(func, '__name__', '')}")
    of_tensors = [s for s in found if any("Tensor" in str(a.type) for a in s.arguments)]
    return of_tensors if {"Tensor", "Tensors"} & {*kinds} or own is not None else found


def _variadic(schema: FunctionSchema) -> str:
    """The argument that takes what is left, if it is a list and the last one that has a position."""
    last = next((a for a in reversed(schema.arguments) if not a.kwarg_only), None)
    return last.name if last is not None and str(last.real_type) in (*LISTS, "List[Tensor]") else ""


def _fits(schema: FunctionSchema, kinds: tuple[str, ...], keywords: tuple[str, ...]) -> bool:
    arguments: Sequence[Any] = schema.arguments
    positional = [a for a in arguments if not a.kwarg_only]
    known = {ALIASES.get(a.name, a.name) for a in arguments}
    if any(a.is_out for a in arguments) or not set(keywords) - UNTOLD <= known:
        return False
    variadic = _variadic(schema)
    if len(kinds) > len(positional) and not variadic:
        return False
    rest = (a for a in positional[len(kinds) :] if ALIASES.get(a.name, a.name) not in keywords)
    if not all(a.has_default_value() for a in rest):
        return False
    return all(_accepts(argument, kind, variadic) for argument, kind in zip(positional, kinds, strict=False))


_ACCEPTED = {
    "Tensor": ("Tensor",),
    "int": ("int", "bool"),
    "SymInt": ("int", "bool"),
    "number": ("int", "bool", "number"),
    "float": ("int", "bool", "number"),
    "bool": ("bool", "int"),
    "str": ("str",),
    "ScalarType": ("dtype",),
    "Device": ("device", "str", "int"),
    "MemoryFormat": ("memory_format",),
}


def _accepts(argument: Any, kind: str, variadic: str) -> bool:
    wanted = str(argument.real_type)
    if wanted.startswith("Optional["):
        if kind == "NoneType":
            return True
        wanted = wanted.removeprefix("Optional[")[:-1]
    if wanted.startswith("List["):
        if "Tensor" in wanted:
            return kind in ("Tensors", "list") or (kind == "Tensor" and argument.name == variadic)
        single = argument.N is not None or argument.name == variadic
        return kind in ("list", "Size") or (single and kind in ("int", "bool", "number"))
    return kind in _ACCEPTED.get(wanted, (kind,))
