"""Where the code of a model keeps what is in none of its modules.

Attributes of its classes, globals that their methods use (a cache of masks, a counter, a function with `lru_cache`),
and variables of functions around them.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from opcode import opmap
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from .kinds import PLAIN

Owner: TypeAlias = type | dict[str, Any]  # a class, or the namespace of a file
LIBRARIES = frozenset(
    ["torch", "torchvision", "builtins", "typing", "abc", "collections", "pytest_modelcheck"]
)
FUNCTIONS = 300  # that are followed from one class
_STORE_GLOBAL = opmap["STORE_GLOBAL"]
_CODE = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MemberDescriptorType, types.GetSetDescriptorType),
    *(type, types.ModuleType, property, classmethod, staticmethod),
)


@dataclass
class Reach:
    """`names`: of what may be kept under them; `closures`: functions that have variables of others."""

    names: list[tuple[Owner, str]] = field(default_factory=list)
    closures: list[types.FunctionType] = field(default_factory=list)


def value_of(owner: Owner, name: str) -> Any:
    """What is kept there now; None for nothing."""
    return (vars(owner) if isinstance(owner, type) else owner).get(name)


def put_value(owner: Owner, name: str, value: object) -> None:
    """Keep it there."""
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:
        owner[name] = value


def reach(code: type | types.FunctionType) -> Reach:
    """Of a class with all its methods, or a function; libraries that keep nothing between calls are left out."""
    return _Search(code).found


class _Search:
    """Follows the functions of a class, or one, and those of its own package that they name."""

    def __init__(self, code: type | types.FunctionType) -> None:
        self.found, self.package = Reach(), _package(code)
        self._seen: set[int] = set()
        self._todo: list[types.FunctionType] = []
        if isinstance(code, type):
            for base in code.__mro__:
                if _package(base) not in LIBRARIES:
                    self._class(base)
        elif self.package not in LIBRARIES:
            self._todo.append(code)
        for _ in range(FUNCTIONS):
            if not self._todo:
                break
            self._function(self._todo.pop(0))

    def _class(self, cls: type) -> None:
        if id(cls) in self._seen:
            return
        self._seen.add(id(cls))
        for name, value in vars(cls).items():
            function = _function_of(value)
            if function is not None:
                self._todo.append(function)
            if isinstance(value, functools._lru_cache_wrapper) or not (
                name.startswith("__") or isinstance(value, _CODE)
            ):
                self.found.names.append((cls, name))

    def _function(self, function: types.FunctionType) -> None:
        if id(function) in self._seen:
            return
        self._seen.add(id(function))
        if any(not isinstance(content, type) for content in _contents(function)):
            self.found.closures.append(function)
        names, stored = _names(function.__code__)
        self._namespace(function.__globals__, names, stored)

    def _namespace(self, space: dict[str, Any], names: Iterable[str], stored: Iterable[str]) -> None:
        for name in names:
            if name in space:
                self._value(space, name, space[name], names, stored)

    def _value(
        self, space: dict[str, Any], name: str, value: object, names: Iterable[str], stored: Iterable[str]
    ) -> None:
        if isinstance(value, types.ModuleType):
            if value.__name__.partition(".")[0] == self.package and id(value) not in self._seen:
                self._namespace(vars(value), [n for n in names if n != name], ())
        elif isinstance(value, type):
            if _package(value) == self.package:
                self._class(value)
        elif (function := _function_of(value)) is not None:
            if _package(function) == self.package:
                self._todo.append(function)
            if function is not value:  # it keeps what it has computed
                self.found.names.append((space, name))
        elif name in stored or type(value) not in PLAIN:
            self.found.names.append((space, name))


def _package(code: type | types.FunctionType) -> str:
    return (code.__module__ or "").partition(".")[0]


def _function_of(value: object) -> types.FunctionType | None:
    """The Python function that is called in the end."""
    for _ in range(8):
        if isinstance(value, types.FunctionType):
            return value
        value = (
            value.fget
            if isinstance(value, property)
            else getattr(value, "__wrapped__", None)
            if isinstance(value, (classmethod, staticmethod, functools._lru_cache_wrapper))
            else None
        )
    return None


def _contents(function: types.FunctionType) -> Iterator[object]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it stands for nothing yet
            continue


_KNOWN: WeakKeyDictionary[types.CodeType, tuple[set[str], set[str]]] = WeakKeyDictionary()


def _names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """The names that code uses, in functions within it too; and the globals that it sets."""
    if (known := _KNOWN.get(code)) is not None:
        return known
    names, stored = set(code.co_names), set()
    if _STORE_GLOBAL in code.co_code[::2]:
        stored = set(names)
    for const in code.co_consts:
        if isinstance(const, types.CodeType):
            more = _names(const)
            names |= more[0]
            stored |= more[1]
    _KNOWN[code] = names, stored
    return names, stored
