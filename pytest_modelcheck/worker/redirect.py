"""Imports of this tree's sources, led to another tree; test code stays this tree's."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Sequence
from fnmatch import fnmatch
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

TEST_FOLDERS = ("tests", "test")
OURS = Path(__file__).resolve().parent.parent


class Redirect:
    """A finder before all others: what would be imported from `root` is imported from `tree`, however it is found.

    So neither `sys.path`, an editable install nor a `.pth` file brings this tree's sources in. Test code (files that
    match `patterns`, `conftest.py`, folders called `tests`) goes the other way. `files`: those of `root` that count as
    sources; what git ignores does not (a generated `_version.py` serves both trees).
    """

    def __init__(self, root: Path, tree: Path, files: Collection[str], patterns: Sequence[str]) -> None:
        self.root, self.tree, self.patterns = root, tree, patterns
        self.files = {root / name for name in files}
        self.looking: set[str] = set()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """The spec of `name`, of the right tree. Raises ModuleNotFoundError for what is only in `root`."""
        if name in self.looking:
            return None
        self.looking.add(name)
        try:
            spec = (
                self._of_tree(name, path) or self._of_others(name, path, target) or self._ignored(name, path)
            )
        finally:
            self.looking.discard(name)
        return self._moved(name, spec) if spec is not None else None

    def leaks(self) -> list[str]:
        """Modules that came from `root` and should not have."""
        loaded = [(name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items())]
        return sorted(name for name, file in loaded if file and self.is_source(Path(file).resolve()))

    def _of_tree(self, name: str, path: Any) -> ModuleSpec | None:
        """A top-level module of `tree`, found where `sys.path` would have it in `root`."""
        if path is not None:
            return None
        places = [place for entry in sys.path if (place := self._counterpart(Path(entry or ".").resolve()))]
        spec = PathFinder.find_spec(name, [str(place) for place in places])
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
            return spec
        if not wanted.exists():
            raise ModuleNotFoundError(f"No module named {name!r} at the base revision", name=name)
        folders = [str(wanted.parent)] if spec.submodule_search_locations is not None else None
        moved = importlib.util.spec_from_file_location(name, wanted, submodule_search_locations=folders)
        return moved or spec

    def _moved_namespace(self, spec: ModuleSpec) -> ModuleSpec:
        if not spec.submodule_search_locations:
            return spec
        folders = [Path(folder).resolve() for folder in spec.submodule_search_locations]
        moved = [self._counterpart(folder) or folder for folder in folders]
        spec.submodule_search_locations = list(dict.fromkeys(map(str, moved)))
        return spec

    def _counterpart(self, folder: Path) -> Path | None:
        """The same folder in `tree`; None outside of `root`, in test code and in installed packages."""
        inside = folder.is_relative_to(self.root) and not folder.is_relative_to(self.tree)
        if (
            not inside
            or self._is_test(folder)
            or folder.is_relative_to(OURS)
            or "site-packages" in folder.parts
        ):
            return None
        return self.tree / folder.relative_to(self.root)

    def is_source(self, file: Path) -> bool:
        """Whether a file is one of `root`'s sources, which the base must not see."""
        return file in self.files and not self._is_test(file) and not file.is_relative_to(OURS)

    def _is_test(self, path: Path) -> bool:
        home = self.tree if path.is_relative_to(self.tree) else self.root
        parts = path.relative_to(home).parts if path.is_relative_to(home) else ()
        if any(part in TEST_FOLDERS for part in parts):
            return True
        return path.name == "conftest.py" or any(fnmatch(path.name, pattern) for pattern in self.patterns)
