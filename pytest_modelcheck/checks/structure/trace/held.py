"""Tensors that a model finds when it is called and that are no parameters or buffers: attributes, variables, caches."""

from __future__ import annotations

import functools
import gc
import types
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from ....model.state.containers import Kind
from ....model.state.kinds import PLAIN, kind_of
from ....model.state.reach import own_classes, reach, value_of
from .attributes import parts
from .values import version

_REGISTRIES = ("_parameters", "_buffers", "_modules")
DEPTH = 8
ELSEWHERE = "a tensor held elsewhere"


class HeldTensors:
    """What `known`, and a look around `root` find."""

    def __init__(self, root: nn.Module, known: list[Tensor]) -> None:
        self.root = root
        self._found = {id(t): (t, version(t)) for t in known}
        self._names: dict[int, str] | None = None

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        for tensor, _ in [*self._found.values()]:
            yield self._name(tensor), tensor

    def find(self, tensor: Tensor) -> tuple[str, int] | None:
        """Its name, and the version that it had; None for one that was not there."""
        if id(tensor) not in self._found and self._names is None:
            self.look_again()
        found = self._found.get(id(tensor))
        if found is None or found[0] is not tensor:
            return None
        return self._name(tensor), found[1]

    def _name(self, tensor: Tensor) -> str:
        names = self._named()
        if id(tensor) in names:
            return names[id(tensor)]
        unnamed = [key for key in self._found if key not in names]
        return f"{ELSEWHERE} #{unnamed.index(id(tensor)) + 1}"

    def look_again(self) -> None:
        """After a call that left more."""
        for tensor in self._search():
            self._found.setdefault(id(tensor), (tensor, version(tensor)))

    def _named(self) -> dict[int, str]:
        if self._names is None:
            self._search()
        assert self._names is not None
        return self._names

    def _search(self) -> list[Tensor]:
        search = _Search()
        for name, module in self.root.named_modules():
            search.module(module, name)
        for cls in dict.fromkeys(map(type, self.root.modules())):
            search.code(cls)
        self._names = search.names
        return search.tensors


def _kind(value: Any) -> Kind:
    cls: Any = type(value)
    return kind_of(cls)


class _Search:
    """Walks from modules to tensors; `names` by identity."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        self.tensors: list[Tensor] = []
        self._seen: set[int] = set()
        self._kept: list[object] = []
        self._many: dict[str, int] = {}

    def module(self, module: nn.Module, path: str) -> None:
        """What its attributes hold."""
        self._seen.add(id(module))
        for name, value in vars(module).items():
            if name not in _REGISTRIES:
                self.value(value, f"{path}.{name}".lstrip("."))

    def code(self, code: type | types.FunctionType) -> None:
        """What the code of a class, or a function, finds around it."""
        if isinstance(code, type):
            for base in own_classes([code]):
                for name, value in [*vars(base).items()]:
                    self.value(value, name)
        found = reach(code)
        for owner, name in (*found.names, *found.functions):
            self.value(value_of(owner, name), name)
        for function in found.closures:
            self.value(function, function.__name__)

    def value(self, value: object, name: str, depth: int = DEPTH) -> None:
        """Tensors in it."""
        if type(value) in PLAIN or not depth or id(value) in self._seen:
            return
        self._seen.add(id(value))
        self._kept.append(value)  # its identity must not be another's
        if isinstance(value, types.ModuleType):  # `sys.modules` would be everything that there is
            return
        if isinstance(value, Tensor):
            self.tensors.append(value)
            many = self._many[name] = self._many.get(name, 0) + 1
            self.names[id(value)] = name if many == 1 else f"{name} #{many}"
        elif isinstance(value, nn.Module):
            self._hidden(value, name)
        elif isinstance(value, types.FunctionType):
            self._function(value, depth)
        elif isinstance(value, functools._lru_cache_wrapper):
            self._cached(value, depth)
        elif isinstance(value, types.MethodType):
            self.value(value.__func__, name, depth - 1)
        elif isinstance(value, functools.partial):
            for number, item in enumerate(value.args):
                self.value(item, f"{name}[{number}]", depth - 1)
            for key, item in {"": value.func, **value.keywords}.items():
                self.value(item, key or name, depth - 1)
        elif not _kind(value).told:
            for key, item in parts(value):
                self.value(item, f"{name}{key}", depth - 1)

    def _hidden(self, module: nn.Module, name: str) -> None:
        """One that is not registered: in a plain list, say."""
        for path, part in module.named_modules(prefix=name):
            self.module(part, path)
        for path, tensor in (*module.named_parameters(prefix=name), *module.named_buffers(prefix=name)):
            self.value(tensor, path)

    def _function(self, function: types.FunctionType, depth: int) -> None:
        """Its variables of others, and what its code names."""
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                self.value(cell.cell_contents, name, depth - 1)
            except ValueError:  # it stands for nothing yet
                continue
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        given = function.__defaults__ or ()
        defaults = dict(zip(names[len(names) - len(given) :], given, strict=True))
        for name, value in (defaults | (function.__kwdefaults__ or {})).items():
            self.value(value, name, depth - 1)
        self._globals(function.__code__, function.__globals__, depth)
        self.code(function)

    def _globals(self, code: types.CodeType, space: dict[str, object], depth: int) -> None:
        """Tensors that code names, in functions within it too."""
        for name in code.co_names:
            if isinstance(space.get(name), Tensor):
                self.value(space[name], name, depth - 1)
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                self._globals(inner, space, depth)

    def _cached(self, function: functools._lru_cache_wrapper[object], depth: int) -> None:
        """What it keeps; only the garbage collector knows."""
        for held in gc.get_referents(function):
            if type(held).__name__ == "_lru_list_elem":
                held = gc.get_referents(held)
            if held is not vars(function) and not isinstance(held, type):
                self.value(held, f"{function.__name__}()", depth - 1)
