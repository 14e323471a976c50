"""Whose code a line is: the user's own, a package's, torch's, Python's."""

from __future__ import annotations

import functools
import linecache
import os
import re
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass

_OURS = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) + os.sep
_PYTHON = tuple(
    {os.path.realpath(path) + os.sep for path in map(sysconfig.get_path, ("stdlib", "platstdlib")) if path}
    | {path + os.sep for path in map(sysconfig.get_path, ("stdlib", "platstdlib")) if path}
)
_INSTALLED = re.compile(r"[\\/](?:site|dist)-packages[\\/]")
_RESUMED = re.compile(r"torch_dynamo_resume_in_(.+)_at_\d+")


@dataclass(frozen=True)
class Line:
    """A line that was being run; `resumed`: in what dynamo made to go on with a function after a break."""

    file: str
    number: int
    function: str
    resumed: bool = False

    @classmethod
    def of(cls, file: str, number: int, name: str) -> Line:
        """With the name that the function has in the source."""
        match = _RESUMED.fullmatch(name)
        return cls(file, number, match[1] if match else name, bool(match))

    @property
    def code(self) -> str:
        """As it stands in the file."""
        return linecache.getline(self.file, self.number).strip()

    @property
    def name(self) -> tuple[str, str]:
        """File and function."""
        return self.file, self.function


def collapsed(lines: Sequence[Line]) -> list[Line]:
    """Without the ways from a function into its own continuation."""
    kept: list[Line] = []
    for line in lines:
        if kept and line.resumed and kept[-1].name == line.name:
            kept[-1] = line
        else:
            kept.append(line)
    return kept


class Owner:
    """Whose a file is; `model`: what is installed together with its class is the user's own too."""

    def __init__(self, model: object) -> None:
        package = sys.modules.get(type(model).__module__.partition(".")[0])
        file = getattr(package, "__file__", None) or ""
        folder = os.path.dirname(file) + os.sep if hasattr(package, "__path__") else file
        self._home = folder if file and not is_machinery(file) else ""

    def is_own(self, file: str) -> bool:
        """Whether the user can change it."""
        if is_machinery(file):
            return False
        return not _INSTALLED.search(file) or bool(self._home and file.startswith(self._home))

    def places(self, lines: Sequence[Line]) -> tuple[Line | None, Line | None]:
        """Of a stack, from the outermost line on: the user's innermost line, and below it that of a package."""
        known = [line for line in lines if not is_machinery(line.file)]
        own = next((line for line in reversed(known) if self.is_own(line.file)), None)
        last = known[-1] if known else None
        return own or last, last if own is not None and last is not own else None


@functools.cache
def _torch() -> str:
    import torch

    return os.path.dirname(torch.__file__) + os.sep


def is_dynamo(file: str) -> bool:
    """Whether it is dynamo's, which stands between a call and what is called."""
    return file.startswith(os.path.join(_torch(), "_dynamo", ""))


def is_machinery(file: str) -> bool:
    """Whether it is torch's, Python's or ours."""
    if file.startswith(("<frozen", _OURS, _torch())):
        return True
    return file.startswith(_PYTHON) and not _INSTALLED.search(file)


def short_path(file: str) -> str:
    """Relative to where the user is, or to what is installed, if it lies there."""
    installed = _INSTALLED.search(file)
    if installed:
        return file[installed.end() :]
    relative = os.path.relpath(file) if os.path.isabs(file) else file
    return file if relative.startswith(os.pardir) else relative
