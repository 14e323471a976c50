"""Names of this tree that the base has under another name or in another place: looked up where they are imported."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.definitions import Export
from ..base.moves import Moves


class NotAtBase(ModuleNotFoundError):
    """A module that this tree has, and the base has not."""


class Names:
    """What moved, as the base's process asks for it.

    `aliases`: modules by the names they have here, with those that they have there; `told`: all names that were looked
    up, dotted, with what they are there. `name_at_base` says what a file of the base is imported as.
    """

    def __init__(self, moves: Moves, name_at_base: Callable[[str], str]) -> None:
        self.moves, self.name_at_base = moves, name_at_base
        self.aliases: dict[str, str] = {}
        self.told: dict[str, str] = {}
        self.here: dict[str, list[str]] = {}  # by file of the base: what became of it
        for new, old in moves["files"].items():
            self.here.setdefault(old, []).append(new)
        self.homes = _homes(moves)
        self.files = {*moves["files"], *moves["names"], *moves["exports"], *moves["stars"]}

    def knows(self, file: str) -> bool:
        """Whether the base may have something of what this tree's `file` offers, or of what its package holds."""
        package = file.removesuffix("__init__.py") if file.endswith("/__init__.py") else None
        held = [*self.moves["files"], *self.moves["names"]]
        return file in self.moves["names"] or any(package and new.startswith(package) for new in held)

    def teach(self, spec: ModuleSpec, file: str, *, is_package: bool) -> None:
        """Have the module of the base's `file` know its names of today, once it is loaded; as what `is_package` today
        it may be asked for modules.
        """
        files = [new for new in self.here.get(file, [file]) if self._tables(new)]
        loader = spec.loader
        if not (files or is_package) or not isinstance(loader, SourceFileLoader):
            return
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            if is_package and not hasattr(module, "__path__"):
                module.__path__ = []
            self.add_to(module, files)

        loader.exec_module = exec_module  # type: ignore[method-assign]

    def add_to(self, module: ModuleType, files: Iterable[str]) -> None:
        """Let `module` find, as attributes, what this tree's `files` offer."""
        own: Callable[[str], Any] | None = vars(module).get("__getattr__")
        looking: set[str] = set()

        def find(name: str) -> Any:
            if name not in looking and not name.startswith("__"):
                looking.add(name)
                try:
                    for file in files:
                        for value in self._values(module, file, name):
                            return value
                finally:
                    looking.discard(name)
            if own is not None:
                return own(name)
            raise AttributeError(
                f"module {module.__name__!r} has no attribute {name!r} at the base", name=name, obj=module
            )

        vars(module)["__getattr__"] = find

    def called(self, module: str) -> str:
        """What a module of the base is called here."""
        return next((new for new, old in self.aliases.items() if old == module), module)

    def _tables(self, file: str) -> bool:
        return any(file in self.moves[table] for table in ("names", "exports", "stars"))

    def _values(self, module: ModuleType, file: str, name: str) -> Iterator[Any]:
        """What `name` is at the base; nothing where it has none."""
        target = self.moves["names"].get(file, {}).get(name)
        if target is not None:
            there = self.name_at_base(target[0])
            value = getattr(importlib.import_module(there), target[1])
            self.told[f"{self.called(module.__name__)}.{name}"] = f"{there}.{target[1]}"
            yield value
        export = self.moves["exports"].get(file, {}).get(name)
        if export is not None:
            yield from _imported(module, file, export)
        for star in self.moves["stars"].get(file, ()):
            yield from _imported(module, file, (star[0], name, star[2]))


def _imported(module: ModuleType, file: str, export: Export) -> Iterator[Any]:
    source, name, level = export
    is_package = file.endswith("__init__.py")
    package = module.__name__ if is_package else module.__name__.rpartition(".")[0]
    try:
        full = resolved("." * level + source, package)
        found = importlib.import_module(full)
        yield getattr(found, name) if name else found
    except (ImportError, AttributeError):
        pass
    else:
        return
    if name:  # a module of that package
        try:
            yield importlib.import_module(f"{full}.{name}")
        except ImportError:
            return


def resolved(name: str, package: str) -> str:
    """A module's full name. Raises ImportError where dots lead out of all packages."""
    return importlib.util.resolve_name(name, package) if name.startswith(".") else name


def _homes(moves: Moves) -> dict[str, list[str]]:
    """Files of the base by the names that their outermost folder or they themselves may be imported as."""
    found: dict[str, list[str]] = {}
    old = [*moves["files"].values(), *(t[0] for table in moves["names"].values() for t in table.values())]
    for file in dict.fromkeys(old):
        for part in Path(file).with_suffix("").parts:
            found.setdefault(part, []).append(file)
    return found


class Alias(Loader):
    """A loader: the module is another one, under its own name."""

    def __init__(self, other: str) -> None:
        self.other = other

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(self.other)
        self.spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # importing it once more has changed that


class StandIn(Loader):
    """A loader: a module that only this tree has, with what of its names the base has elsewhere."""

    def __init__(self, names: Names, file: str) -> None:
        self.names, self.file = names, file

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = module.__spec__.origin if module.__spec__ is not None else None
        self.names.add_to(module, [self.file])


def home_of(file: Path) -> Path:
    """The folder that a file's outermost package lies in."""
    folder = file.parent
    while (folder / "__init__.py").exists():
        folder = folder.parent
    return folder


def name_in(file: Path) -> str:
    """What a file is imported as from the folder that its outermost package lies in."""
    return dotted(file.relative_to(home_of(file)))


def dotted(file: Path) -> str:
    """What a file is imported as from the folder that it is relative to."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
