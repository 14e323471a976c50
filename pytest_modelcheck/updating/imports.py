"""Test files that were not collected, and what they import: their tests may have markers of those that were."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t].*", re.M)


class Uncollected:
    """Test files below a directory, by patterns of their names and of folders that are passed over."""

    def __init__(
        self, root: Path, names: Sequence[str], passed: Sequence[str], collected: Collection[str]
    ) -> None:
        self.root, self.names, self.passed, self.collected = root, names, passed, collected

    def imports(self, name: str) -> bool:
        """Whether one of them imports the module of that file."""
        word = re.compile(rb"\b" + re.escape(Path(name).stem.encode()) + rb"\b")
        return any(word.search(line) for line in self._lines)

    @cached_property
    def _lines(self) -> list[bytes]:
        found: list[bytes] = []
        for path in self._files():
            with suppress(OSError):  # one that cannot be read cannot be collected either
                found += _IMPORT.findall(path.read_bytes())
        return found

    def _files(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not any(fnmatch(name, known) for known in self.passed)]
            for path in (Path(folder, name) for name in files):
                known = path.relative_to(self.root).as_posix() in self.collected
                if not known and path.is_file() and any(fnmatch(path.name, name) for name in self.names):
                    yield path
