"""Two revisions in one interpreter: each has a view of `sys.modules` of its own, third-party modules are shared.

The user's modules (those with a file in one of the two trees) are in `sys.modules` only while their view is entered.
So what is imported in a view comes from its revision, and outside of both there is none of them.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

from ..redirect import OURS


class Owner:
    """Tells the user's modules, of both trees, from what is installed."""

    def __init__(self, *trees: Path) -> None:
        self.trees = trees
        self._known: dict[int, tuple[ModuleType, bool]] = {}

    def __call__(self, module: Any) -> bool:
        """Whether a module is the user's."""
        known = self._known.get(id(module))
        if known is None or known[0] is not module:
            known = self._known[id(module)] = (module, any(map(self.has, _places(module))))
        return known[1]

    def has(self, place: str) -> bool:
        """Whether a file or folder is the user's."""
        path = Path(place).resolve()
        if path.is_relative_to(OURS) or {"site-packages", "dist-packages"} & set(path.parts):
            return False
        return any(path.is_relative_to(tree) for tree in self.trees)


def _places(module: object) -> list[str]:
    file = getattr(module, "__file__", None)
    if file:
        return [str(file)]
    try:
        return [str(place) for place in getattr(module, "__path__", ())]
    except Exception:
        return []  # a namespace whose parent is gone


class View:
    """The user's modules of one revision; entered, they are in `sys.modules`, with its finders and paths."""

    def __init__(self, owner: Owner, finders: Sequence[Any] = ()) -> None:
        self.owner, self.finders = owner, list(finders)
        self.modules: dict[str, ModuleType] = {}
        self.path: list[str] | None = None
        self._outside: tuple[list[str], list[Any]] = ([], [])

    @property
    def names(self) -> set[str]:
        """The top-level names of its modules."""
        return {name.partition(".")[0] for name in self.modules}

    def __enter__(self) -> View:
        self._outside = (list(sys.path), list(sys.meta_path))
        sys.modules.update(self.modules)
        sys.path[:] = self.path if self.path is not None else sys.path
        sys.meta_path[:0] = self.finders
        importlib.invalidate_caches()
        return self

    def __exit__(self, *error: object) -> None:
        self.modules = {}
        roots = {name.partition(".")[0] for name, m in list(sys.modules.items()) if self.owner(m)}
        for name, module in list(sys.modules.items()):
            if self.owner(module) or (name.partition(".")[0] in roots and not _is_installed(module)):
                self.modules[name] = sys.modules.pop(name)
        self.path = list(sys.path)
        path, finders = self._outside
        self.finders = [f for f in sys.meta_path if f in self.finders or self._is_own(f)]
        shared = [f for f in sys.meta_path if f not in self.finders]
        sys.path[:] = path
        sys.meta_path[:] = [*(f for f in shared if f not in finders), *(f for f in finders if f in shared)]

    def _is_own(self, finder: object) -> bool:
        """Whether a finder was put up by the user's code (an editable install does so for its own package)."""
        return getattr(finder, "__module__", None) in self.modules


def _is_installed(module: object) -> bool:
    """A module with a file that is not the user's; one without a file may have been made by the user's code."""
    return getattr(module, "__file__", None) is not None


class LateImports:
    """A finder that notes imports of the user's modules while no view is entered: a model's forward made them."""

    def __init__(self, names: set[str]) -> None:
        self.names = names
        self.seen: list[str] = []

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Finds nothing. What nothing else could find either must be the user's."""
        if path is None and (name in self.names or PathFinder.find_spec(name, None) is None):
            self.seen.append(name)

    def __enter__(self) -> LateImports:
        sys.meta_path.insert(0, self)
        return self

    def __exit__(self, *error: object) -> None:
        sys.meta_path.remove(self)


class Libraries:
    """Notes shared libraries of the user's own that are loaded in the block: a process can hold one of a name."""

    _listening: ClassVar[list[Libraries]] = []  # an audit hook cannot be taken away, so there is one for all
    _hooked = False

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __enter__(self) -> Libraries:
        if not Libraries._hooked:
            sys.addaudithook(_audit)
            Libraries._hooked = True
        self._listening.append(self)
        return self

    def __exit__(self, *error: object) -> None:
        self._listening.remove(self)


def _audit(event: str, arguments: tuple[object, ...], libraries: type[Libraries] = Libraries) -> None:
    # `libraries` outlives this module's names, which are gone when the interpreter ends
    if not libraries._listening or event not in ("import", "ctypes.dlopen"):
        return
    file = arguments[0] if event == "ctypes.dlopen" else arguments[1]
    if isinstance(file, str) and "/" in file and not _is_common(Path(file).resolve()):
        for listener in libraries._listening:
            listener.seen += [file] if file not in listener.seen else []


def _is_common(library: Path) -> bool:
    """Whether a shared library belongs to Python, an installed package or the system."""
    if {"site-packages", "dist-packages"} & set(library.parts):
        return True
    homes = (sys.prefix, sys.base_prefix, "/usr", "/usr/local", "/")
    return any(library.is_relative_to(f"{home}/{lib}") for home in homes for lib in ("lib", "lib64"))


def third_party(owner: Owner, before: Mapping[str, ModuleType]) -> list[str]:
    """The modules that were imported since `before` and are shared by both revisions, in the order of import."""
    return [name for name, m in list(sys.modules.items()) if name not in before and not owner(m)]
