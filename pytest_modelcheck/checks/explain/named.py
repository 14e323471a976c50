"""Callables among a marker's options: known by their name to people, by what they do to us."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from numbers import Number
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast

_PLAIN = (str, bytes, Number, type(None), type(...))
_FEW = 1000  # numbers of an array that are read


class Named:
    """A callable whose text is its name; `repr` tells callables of one name apart by what they do and hold.

    What they held when the marker was read: one that counts its calls stays the same.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__name__ = str(getattr(function, "__name__", type(function).__name__))
        does = hashlib.sha256("\n".join(_facts(function)).encode())
        self._repr = f"{self.__name__} {does.hexdigest()[:8]}"

    def __call__(self, *args: Any) -> Any:
        return self.function(*args)

    def __str__(self) -> str:
        return self.__name__

    def __repr__(self) -> str:
        return self._repr


def _facts(value: object) -> Iterator[str]:
    """What a value is, line by line: equal for values that do the same."""
    met: dict[int, tuple[int, object]] = {}  # the objects themselves too: an id is theirs while they live
    left = [value]
    while left:
        value = left.pop()
        if isinstance(value, _PLAIN):
            yield f"{type(value).__name__} {value!r}"
        elif id(value) in met:
            yield f"object {met[id(value)][0]}"
        else:
            met[id(value)] = len(met), value
            parts = _parts(value)
            size = f"only {id(value)}" if parts is None else len(parts)
            yield f"{type(value).__module__}.{type(value).__qualname__}, {size}"
            left += reversed(parts or ())


def _parts(value: Any) -> list[object] | None:
    """What a value consists of; None where it cannot be told, so that it equals nothing but itself."""
    if isinstance(value, FunctionType):
        cells = [_content(cell) for cell in value.__closure__ or ()]
        return [value.__module__, value.__code__, value.__defaults__, value.__kwdefaults__, *cells]
    if isinstance(value, CodeType):
        return [value.co_code, value.co_names, value.co_consts]
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, (list, tuple)):
        return [*value]
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if isinstance(value, (type, ModuleType)):
        return None
    if hasattr(value, "tolist"):
        return _numbers(value)
    return _state(value)


def _state(value: object) -> list[object] | None:
    """Attributes and slots of an object; without attributes what pickle would make it of, or None."""
    state = getattr(value, "__dict__", None)
    if not isinstance(state, dict):
        return _made_of(value)
    slots = (name for base in type(value).__mro__ for name in _names_of(vars(base).get("__slots__", ())))
    return [state, *(getattr(value, name, None) for name in slots if name not in ("__dict__", "__weakref__"))]


def _made_of(value: object) -> list[object] | None:
    try:
        made = value.__reduce_ex__(2)
    except Exception:
        return None
    return [made] if isinstance(made, str) else [*made]


def _names_of(slots: object) -> list[str]:
    """A class's `__slots__`: one name, or several."""
    return [slots] if isinstance(slots, str) else [str(name) for name in cast("Iterable[object]", slots)]


def _content(cell: Any) -> object:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _numbers(array: Any) -> list[object] | None:
    """Of a small array or tensor; a large one is only itself."""
    try:
        few = len(array.reshape(-1)) <= _FEW
        return [str(array.dtype), array.tolist()] if few else None
    except (RuntimeError, AttributeError, TypeError):  # on the meta device, sparse
        return None
