"""Imports of test code: what the base has not is stood in for, so that the other tests of the file still count."""

from __future__ import annotations

import ast
import builtins
import functools
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, NoReturn

from .absence import Absent, absent
from .moved import NotAtBase
from .redirect import Redirect

_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException", "suppress", "raises"}


class Missing:
    """Stands for a name that the base has not; whoever calls it is told so."""

    def __init__(self, name: str) -> None:
        self._full = name
        self.__name__ = self.__qualname__ = name.rpartition(".")[2]  # as it is called where it is there

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise Absent(self._full)

    def __getattr__(self, name: str) -> Missing:
        if name.startswith("_"):
            raise AttributeError(name)
        return Missing(f"{self._full}.{name}")

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type]:
        """As the base of a test's own class."""
        return (type(self.__name__, (), {"__init__": self.__call__}),)


class Imports:
    """In its block, `import` statements of test code at the top level of a file find what the base has not stood in
    for, unless they stand in a `try` that catches it. `uses`: by importing file, what has another name at the base.
    """

    def __init__(self, redirect: Redirect) -> None:
        self.redirect = redirect
        self.uses: dict[str, dict[str, str]] = {}
        self._original = builtins.__import__
        self._deciding = threading.local()

    def __enter__(self) -> Imports:
        self._original = builtins.__import__
        builtins.__import__ = self
        return self

    def __exit__(self, *error: object) -> None:
        builtins.__import__ = self._original

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> Any:
        file = (globals or {}).get("__file__")
        if not isinstance(file, str) or not self._is_test(file):
            return self._original(name, globals, locals, fromlist, level)
        frame = sys._getframe(1)
        stands = frame.f_globals is globals and frame.f_code.co_name == "<module>" and not _is_caught(frame)
        before = {*self.redirect.names.told, *self.redirect.names.aliases}
        module = self._module((name, globals, locals, fromlist, level), stands)
        if stands and "*" in (fromlist or ()):
            fromlist = [one for one in self.redirect.offers(module.__name__) if not one.startswith("_")]
            new = [one for one in fromlist if one not in frame.f_globals]
            frame.f_globals.update(self._found(module, new))
        for one in fromlist or () if stands else ():
            if one != "*" and not hasattr(module, one) and self._is_of_base(module):
                setattr(module, one, Missing(f"{module.__name__}.{one}"))
        self._note(file, module, fromlist or (), before)
        return module

    def _is_test(self, file: str) -> bool:
        """What is imported to find that out (pathlib does, in Python 3.12) is no test's import."""
        if getattr(self._deciding, "now", False):
            return False
        self._deciding.now = True
        try:
            return _is_test(file, self.redirect)
        finally:
            self._deciding.now = False

    def _module(self, asked: tuple[Any, ...], stands: bool) -> Any:
        while True:
            try:
                return self._original(*asked)
            except NotAtBase as error:
                if not stands or not absent(error, self.redirect.tree) or str(error.name) in sys.modules:
                    raise
                stand_in(str(error.name))

    def _found(self, module: Any, offered: Iterable[str]) -> dict[str, Any]:
        """What `import *` brings in this tree; what it finds at the base by itself comes after this."""
        lacks = {one: Missing(f"{module.__name__}.{one}") for one in offered}
        return {one: getattr(module, one, lacks[one]) for one in offered}

    def _is_of_base(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return file is not None and Path(file).resolve().is_relative_to(self.redirect.tree)

    def _note(self, file: str, module: Any, fromlist: Any, before: set[str]) -> None:
        """What the statement brought in that is called otherwise at the base."""
        names, called = self.redirect.names, self.redirect.names.called(getattr(module, "__name__", ""))
        for one in fromlist:
            getattr(module, one, None)  # looks it up
        spoken = {called, *(f"{called}.{one}" for one in fromlist)}
        tables = {**names.aliases, **names.told}
        found = {new: old for new, old in tables.items() if new in spoken or new not in before}
        if found:
            self.uses.setdefault(str(Path(file).resolve()), {}).update(found)


def stand_in(name: str) -> None:
    """Put a module in `sys.modules` that has every name, each as a `Missing`."""
    module = ModuleType(name)
    module.__path__ = []
    module.__getattr__ = lambda one: _member(name, one)  # type: ignore[method-assign]
    sys.modules[name] = module
    parent, _, own = name.rpartition(".")
    if parent in sys.modules:
        setattr(sys.modules[parent], own, module)


def _member(module: str, name: str) -> Missing:
    if name.startswith("__"):
        raise AttributeError(name)
    return Missing(f"{module}.{name}")


@functools.lru_cache(maxsize=4096)
def _is_test(file: str, redirect: Redirect) -> bool:
    return redirect.is_test(Path(file).resolve())


def _is_caught(frame: FrameType) -> bool:
    """Whether the statement stands where its failure is expected."""
    return any(first <= frame.f_lineno <= last for first, last in _caught(frame.f_code.co_filename))


@functools.lru_cache(maxsize=256)
def _caught(file: str) -> list[tuple[int, int]]:
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [span for node in ast.walk(tree) for span in _spans(node)]


def _spans(node: ast.AST) -> Iterator[tuple[int, int]]:
    """The lines of a block whose errors are caught."""
    if isinstance(node, ast.Try):
        caught = [handler.type for handler in node.handlers]
        if None in caught or any(_mentions(kind) for kind in caught):
            yield node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno
    elif isinstance(node, ast.With) and any(_mentions(item.context_expr) for item in node.items):
        yield node.body[0].lineno, node.body[-1].end_lineno or node.body[-1].lineno


def _mentions(kind: ast.expr | None) -> bool:
    names = [getattr(part, "id", getattr(part, "attr", "")) for part in ast.walk(kind)] if kind else []
    return any(name in _CATCHING for name in names)
