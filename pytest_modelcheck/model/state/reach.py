"""Where the code of a model keeps what is in none of its modules.

Attributes of its classes, globals that its forward uses (a cache of masks, a counter, a function with `lru_cache`), and
variables of functions around it. Followed are the names in the code, from `forward` on, within the model's own package.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import WeakKeyDictionary

from .kinds import ABSENT, NOTHING, PLAIN, cells, kind_of

Owner: TypeAlias = type | dict[str, Any]  # a class, or the namespace of a file
Code: TypeAlias = type | types.FunctionType
LIBRARIES = frozenset(
    ["torch", "torchvision", "builtins", "typing", "abc", "collections", "pytest_modelcheck"]
)  # keep nothing between calls
FUNCTIONS = 100  # that are followed from one place
OUTSIDE = frozenset(
    ["open", "read_text", "read_bytes", "time", "perf_counter", "monotonic", "now", "today"]
)  # what is named so by code that asks for files, or the time
STARTS = ("forward", "__call__", "__getattr__")
_MODULES = (types.ModuleType, type)


@dataclass
class Reach:
    """`names`: of what may be kept under them, or in their place; `functions`: of what is called; `closures`: functions
    that have variables of others.
    """

    names: list[tuple[Owner, str]] = field(default_factory=list)
    functions: list[tuple[Owner, str]] = field(default_factory=list)
    closures: list[types.FunctionType] = field(default_factory=list)
    asks: bool = False  # whether it asks for files or the time


def own_classes(classes: Iterable[type]) -> list[type]:
    """They and their bases, but for those of libraries."""
    bases = dict.fromkeys(base for cls in classes for base in cls.__mro__)
    return [base for base in bases if _package(base) not in LIBRARIES]


def value_of(owner: Owner, name: str) -> Any:
    """What is kept there now; None for nothing."""
    return (vars(owner) if isinstance(owner, type) else owner).get(name)


def put_value(owner: Owner, name: str, value: object) -> None:
    """Keep it there."""
    if isinstance(owner, type):
        setattr(owner, name, value)
    else:
        owner[name] = value


def reach(code: Code) -> Reach:
    """Of a class, or of a function that a model holds; none of libraries that keep nothing between calls."""
    if _package(code) in LIBRARIES:
        return Reach()
    key = code if isinstance(code, type) else code.__code__
    search = _KNOWN.get(key)
    if search is None:
        search = _KNOWN[key] = _Search(code)
    if not isinstance(code, type):
        return search.found
    own = [(_home(code, name) or code, name) for name in search.attributes]
    methods = [(_home(code, name) or code, name) for name in search.methods]
    called = [function_of(value_of(owner, name)) for owner, name in methods]
    closures = [method for method in called if method is not None and _is_closure(method)]
    found = search.found
    return Reach([*own, *found.names], [*methods, *found.functions], [*closures, *found.closures], found.asks)


_KNOWN: WeakKeyDictionary[type | types.CodeType, _Search] = WeakKeyDictionary()


class _Search:
    """What can be known of code once and for all. It must not hold the class itself: that would keep it alive.

    `attributes` and `methods` of the class by name; `found` belongs to files.
    """

    def __init__(self, code: Code) -> None:
        self.found, self.attributes, self.methods = Reach(), dict[str, None](), dict[str, None]()
        self._package, self._seen = _package(code), set[object]()
        self._todo: list[types.FunctionType] = []
        cls = code if isinstance(code, type) else None
        if isinstance(code, types.FunctionType):
            self._todo.append(code)
        else:
            self._methods(code, STARTS)
            own = [name for base in code.__mro__ if _package(base) not in LIBRARIES for name in vars(base)]
            self.attributes |= {name: None for name in own if self._is_kept(code, name)}
        for _ in range(FUNCTIONS):
            if not self._todo:
                break
            self._function(self._todo.pop(0), cls)
        del self._todo

    def _function(self, function: types.FunctionType, cls: type | None) -> None:
        if id(function.__code__) in self._seen:
            return
        self._seen.add(id(function.__code__))
        names = _names(function.__code__)
        self.found.asks |= not OUTSIDE.isdisjoint(names)
        if cls is not None:
            self._methods(cls, names)
        self._namespace(function.__globals__, names)

    def _methods(self, cls: type, names: Iterable[str]) -> None:
        """The class's methods that have one of these names."""
        for name in names:
            home = _home(cls, name)
            if home is not None and name not in self.methods:
                function = function_of(value_of(home, name))
                if function is not None:
                    self.methods[name] = None
                    self._todo.append(function)

    def _is_kept(self, cls: type, name: str) -> bool:
        home = _home(cls, name)
        return not name.startswith("__") and home is not None and _keeps(value_of(home, name))

    def _namespace(self, space: dict[str, Any], names: set[str]) -> None:
        for name in names:
            if name in space and (id(space), name) not in self._seen:
                self._seen.add((id(space), name))
                self._value(space, name, space[name], names)

    def _value(self, space: dict[str, Any], name: str, value: object, names: set[str]) -> None:
        if isinstance(value, types.ModuleType):
            if _package(value) == self._package:
                self._namespace(vars(value), names)
            else:
                self.found.functions += [(vars(value), n) for n in names if n in vars(value)]
        elif isinstance(value, type):
            if _package(value) == self._package:
                self.found.names += [(value, n) for n in names if _keeps(vars(value).get(n))]
        else:
            if _keeps(value):
                self.found.names.append((space, name))
            self._called(space, name, value)

    def _called(self, space: dict[str, Any], name: str, value: object) -> None:
        function = function_of(value)
        if function is None:
            return
        self.found.functions.append((space, name))
        if _package(function) == self._package:
            self._todo.append(function)
            if function is value and _is_closure(function):
                self.found.closures.append(function)


def _keeps(value: object) -> bool:
    """Whether something may be kept in a value, or in its place."""
    if value is None or isinstance(
        value, (*_MODULES, types.FunctionType, property, classmethod, staticmethod)
    ):
        return False
    cls: Any = type(value)
    return cls in PLAIN or kind_of(cls) is not NOTHING


def _package(code: object) -> str:
    module = code.__name__ if isinstance(code, types.ModuleType) else getattr(code, "__module__", None)
    return (module or "").partition(".")[0]


def _home(cls: type, name: str) -> type | None:
    """The class among those of `cls`, and of no library, that has the attribute."""
    return next(
        (base for base in cls.__mro__ if name in vars(base) and _package(base) not in LIBRARIES), None
    )


def function_of(value: object) -> types.FunctionType | None:
    """The Python function that is called in the end."""
    for _ in range(8):
        if isinstance(value, types.FunctionType):
            return value
        if isinstance(value, property):
            value = value.fget
        elif isinstance(value, (classmethod, staticmethod, functools._lru_cache_wrapper)):
            value = getattr(value, "__wrapped__", None)
        else:
            return None
    return None


def _is_closure(function: types.FunctionType) -> bool:
    """Whether it has variables of others that are more than the class it belongs to, or keeps something itself."""
    if any(content is not ABSENT and not isinstance(content, type) for content in cells(function)) or vars(
        function
    ):
        return True
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    return any(type(value) not in PLAIN for value in defaults)


def _names(code: types.CodeType) -> set[str]:
    """The names that code uses, in functions within it too."""
    within = (_names(const) for const in code.co_consts if isinstance(const, types.CodeType))
    return set(code.co_names).union(*within)
