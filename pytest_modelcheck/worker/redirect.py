"""Imports of this tree's sources, led to another tree; test code stays this tree's."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from ..base.definitions import read_source
from ..base.moves import Moves, no_moves
from ..base.testcode import is_test_code
from .moved import Alias, Names, NotAtBase, StandIn, dotted, home_of, name_in, resolved

OURS = Path(__file__).resolve().parent.parent


class Redirect:
    """A finder before all others: what would be imported from `root` is imported from `tree`, however it is found.

    So neither `sys.path`, an editable install nor a `.pth` file brings this tree's sources in. Test code (files that
    match `patterns`, `conftest.py`, folders called `tests`) goes the other way; without `patterns` it does not, and is
    `tree`'s too. `files`: those of `root` that count as sources; what git ignores does not (a generated `_version.py`
    serves both trees). What moved (`moves`) is found under its name of today.
    """

    def __init__(
        self,
        root: Path,
        tree: Path,
        files: Collection[str],
        patterns: Sequence[str] | None,
        moves: Moves | None = None,
    ) -> None:
        self.root, self.tree, self.patterns = root, tree, patterns
        self.files = {root / name for name in files}
        self.names = Names(moves or no_moves(), self.name_at_base)
        self.looking: set[str] = set()

    @classmethod
    def of(cls, job: Mapping[str, Any]) -> Redirect:
        """As a job says."""
        return cls(Path(job["root"]), Path(job["tree"]), job["files"], job["patterns"], job.get("moves"))

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec of `name`, of the right tree. Raises NotAtBase for what is only in `root`."""
        if name in self.looking:
            return None
        self.looking.add(name)
        try:
            return self._in_alias(name) or self._found(name, path, target)
        finally:
            self.looking.discard(name)

    def leaks(self) -> list[str]:
        """Modules that came from `root` and should not have."""
        loaded = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
        return sorted(name for name, file in loaded if file and self.is_source(Path(file).resolve()))

    def offers(self, name: str) -> list[str]:
        """The names that a module of this tree offers, also those that it has of others by `import *`."""
        todo, seen = [self.names.called(name)], set[str]()
        found: list[str] = []
        while todo:
            module = todo.pop()
            file = self._file(module) if module not in seen else None
            seen.add(module)
            if file is None:
                continue
            source = read_source(file.read_text("utf-8", errors="replace"))
            found += [*source.definitions, *source.exports]
            package = module if file.name == "__init__.py" else module.rpartition(".")[0]
            todo += [resolved("." * level + star, package) for star, _, level in source.stars]
        return list(dict.fromkeys(found))

    def name_at_base(self, file: str) -> str:
        """What a file of the base (relative to it) is imported as."""
        path = self.tree / file
        home = home_of(path)
        places = [p for p in self._places() if path.is_relative_to(p)]
        if (
            home not in places and path.parent == home and places
        ):  # no package: perhaps a folder without __init__.py
            home = max(places, key=lambda place: len(place.parts))
        return dotted(path.relative_to(home))

    def _found(self, name: str, path: Any, target: ModuleType | None) -> ModuleSpec | None:
        spec = self._of_tree(name, path) or self._of_others(name, path, target) or self._ignored(name, path)
        if spec is not None:
            return self._moved(name, spec)
        file = self._file(name)
        if file is not None and not self._is_test(file):
            return self._replaced(name, file)
        return self._where_it_was(name) if path is None else None

    def _where_it_was(self, name: str) -> ModuleSpec | None:
        """A top-level module of the base that this tree has moved, in a folder that `sys.path` no more leads to."""
        homes = [home_of(self.tree / file) for file in self.names.homes.get(name, ())]
        spec = PathFinder.find_spec(name, [str(home) for home in homes])
        return self._with_names(spec, Path(str(spec.origin))) if spec and spec.has_location else None

    def _file(self, name: str) -> Path | None:
        """The file of this tree that a module is: in a folder on `sys.path`, else one that moved and is called so."""
        tail = name.replace(".", "/")
        places = [place / end for place in self._here() for end in (f"{tail}.py", f"{tail}/__init__.py")]
        known = [self.root / file for file in self.names.files if name_in(self.root / file) == name]
        return next((file for file in places if file in self.files), known[0] if len(known) == 1 else None)

    def _in_alias(self, name: str) -> ModuleSpec | None:
        """A module of a package that has another name at the base."""
        parent, _, own = name.rpartition(".")
        there = self.names.aliases.get(parent)
        if there is None:
            return self._in_aliased(parent, own) if parent in self.names.aliases.values() else None
        file = self._file(name)
        old = self.names.moves["files"].get(self._relative(file)) if file is not None else None
        if file is not None and old is None and not getattr(sys.modules.get(there), "__path__", ()):
            return self._replaced(name, file)  # its package was a module
        return self._alias(name, self.name_at_base(old) if old else f"{there}.{own}")

    def _in_aliased(self, parent: str, own: str) -> ModuleSpec | None:
        """The same, asked for by the name of its package there: `from package import module` does so."""
        file = self._file(f"{self.names.called(parent)}.{own}")
        old = self.names.moves["files"].get(self._relative(file)) if file is not None else None
        other = self.name_at_base(old) if old else f"{parent}.{own}"
        return self._alias(f"{parent}.{own}", other) if other != f"{parent}.{own}" else None

    def _of_tree(self, name: str, path: Any) -> ModuleSpec | None:
        """A top-level module of `tree`, found where `sys.path` would have it in `root`."""
        if path is not None:
            return None
        spec = PathFinder.find_spec(name, [str(place) for place in self._places()])
        return spec if spec and spec.has_location and not self._is_test(Path(str(spec.origin))) else None

    def _of_others(self, name: str, path: Any, target: ModuleType | None) -> ModuleSpec | None:
        for finder in sys.meta_path:
            spec = finder.find_spec(name, path, target) if finder is not self else None
            if spec is not None:
                return spec
        return None

    def _ignored(self, name: str, path: Any) -> ModuleSpec | None:
        """A Python file in `root` that git ignores, for a package that is `tree`'s."""
        places = [
            self.root / p.relative_to(self.tree) for p in map(Path, path or ()) if p.is_relative_to(self.tree)
        ]
        spec = PathFinder.find_spec(name, [str(place) for place in places])
        good = spec and spec.origin and spec.origin.endswith(".py") and Path(spec.origin) not in self.files
        return spec if good else None

    def _moved(self, name: str, spec: ModuleSpec) -> ModuleSpec:
        if not spec.has_location:
            return self._moved_namespace(spec)
        origin = Path(str(spec.origin)).resolve()
        if self.is_source(origin):
            wanted = self.tree / origin.relative_to(self.root)
        elif origin.is_relative_to(self.tree) and self._is_test(origin):
            wanted = self.root / origin.relative_to(self.tree)
        else:
            return self._with_names(spec, origin)
        if not wanted.exists():
            return self._replaced(name, origin)
        return self._with_names(self._spec(name, wanted) or spec, wanted)

    def _spec(self, name: str, file: Path) -> ModuleSpec | None:
        folders = [str(file.parent)] if file.name == "__init__.py" else None
        return importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)

    def _with_names(self, spec: ModuleSpec, file: Path) -> ModuleSpec:
        """A module of the base that also knows the names, and as a package here the modules, that it has here."""
        if file.is_relative_to(self.tree):
            relative = file.relative_to(self.tree)
            self.names.teach(spec, relative.as_posix(), is_package=self._is_package(relative))
        return spec

    def _is_package(self, file: Path) -> bool:
        """Whether a file of the base is a package's in this tree."""
        places = [self.root / file.with_suffix("") / "__init__.py"]
        places += [self.root / new for new in self.names.here.get(file.as_posix(), ())]
        return any(place.name == "__init__.py" and place in self.files for place in places)

    def _replaced(self, name: str, file: Path) -> ModuleSpec:
        """For a file that only this tree has: what it was, or a stand-in with what of its names the base has."""
        relative = self._relative(file)
        old = self.names.moves["files"].get(relative)
        if old is not None:
            other = self.name_at_base(old)
            spec = self._alias(name, other) if other != name else self._spec(name, self.tree / old)
            if spec is not None:
                return self._with_names(spec, self.tree / old) if other == name else spec
        if self.names.knows(relative):
            folders: list[str] | None = [] if file.name == "__init__.py" else None
            spec = ModuleSpec(name, StandIn(self.names, relative), origin=str(self.tree / relative))
            spec.submodule_search_locations = folders
            return spec
        raise NotAtBase(f"No module named {name!r} at the base revision", name=name)

    def _alias(self, name: str, other: str) -> ModuleSpec:
        self.names.aliases[name] = other
        return ModuleSpec(name, Alias(other))

    def _moved_namespace(self, spec: ModuleSpec) -> ModuleSpec:
        if not spec.submodule_search_locations:
            return spec
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations]
        moved = [self._counterpart(folder) or folder for folder in folders]
        spec.submodule_search_locations = list(dict.fromkeys(map(str, moved)))
        return spec

    def _here(self) -> list[Path]:
        """The folders of `root` on `sys.path`."""
        entries = [Path(entry or ".").resolve() for entry in sys.path]
        return [entry for entry in entries if self._counterpart(entry, tests=True) is not None]

    def _places(self) -> list[Path]:
        """Their counterparts."""
        entries = [Path(entry or ".").resolve() for entry in sys.path]
        return [place for entry in entries if (place := self._counterpart(entry))]

    def _counterpart(self, folder: Path, *, tests: bool = False) -> Path | None:
        """The same folder in `tree`; None outside of `root`, in what is installed and (unless `tests`) in test code."""
        inside = folder.is_relative_to(self.root) and not folder.is_relative_to(self.tree)
        if (
            not inside
            or (self._is_test(folder) and not tests)
            or folder.is_relative_to(OURS)
            or "site-packages" in folder.parts
        ):
            return None
        return self.tree / folder.relative_to(self.root)

    def is_source(self, file: Path) -> bool:
        """Whether a file is one of `root`'s sources, which the base must not see."""
        return file in self.files and not self._is_test(file) and not file.is_relative_to(OURS)

    def is_test(self, file: Path) -> bool:
        """Whether a file is test code of `root`."""
        return file.is_relative_to(self.root) and not file.is_relative_to(self.tree) and self._is_test(file)

    def _is_test(self, path: Path) -> bool:
        if self.patterns is None:
            return False
        home = self.tree if path.is_relative_to(self.tree) else self.root
        return path.is_relative_to(home) and is_test_code(path.relative_to(home), self.patterns)

    def _relative(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()
