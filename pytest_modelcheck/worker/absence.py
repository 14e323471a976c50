"""What the base does not have, told from what it has and could not give: absence needs a proof."""

from __future__ import annotations

import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType

from ..errors import ModelCheckError
from .moved import NotAtBase
from .redirect import OURS

_SIGNATURE = re.compile(r"unexpected keyword argument|positional arguments?\b|required keyword-only argument")


class Absent(ModelCheckError):
    """Something that this tree's tests ask for, and the base has no such name; `name` says what."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is new: the base has no such name")
        self.name = name


def absent(error: BaseException | None, tree: Path) -> str:
    """What the base has not, if that is why test code of this tree failed on the sources in `tree`; else empty.

    The same code ran in this tree: a name, a parameter or a module that it does not find is one that the base has
    not. What the base's own sources do not find is a failure.
    """
    return next((name for one in _causes(error) if (name := _absent(one, tree))), "")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it was raised from. What it was raised beside, in a handler, is another story."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__


def _absent(error: BaseException, tree: Path) -> str:
    if isinstance(error, Absent):
        return error.name
    if _is_of(_innermost(error.__traceback__), tree):
        return ""
    if isinstance(error, NotAtBase):
        return str(error.name)
    if isinstance(error, ImportError):
        name = re.match(r"cannot import name '([\w]+)' from '", str(error))
        return f"{error.name}.{name[1]}" if name and _is_of(error.path, tree) else ""
    if isinstance(error, AttributeError):
        return _attribute(error, tree)
    if isinstance(error, TypeError) and _SIGNATURE.search(str(error)):
        return f"parameter: {error}"
    return ""


def _attribute(error: AttributeError, tree: Path) -> str:
    owner = error.obj
    if isinstance(owner, ModuleType):
        return f"{owner.__name__}.{error.name}" if _is_of(getattr(owner, "__file__", None), tree) else ""
    if isinstance(owner, type):
        from sys import modules

        file = getattr(modules.get(owner.__module__), "__file__", None)
        return f"{owner.__qualname__}.{error.name}" if _is_of(file, tree) else ""
    return ""


def _innermost(trace: TracebackType | None) -> str | None:
    """The file of the last frame that is neither of the import system nor ours."""
    files = [frame.f_code.co_filename for frame, _ in traceback.walk_tb(trace)]
    return next((file for file in reversed(files) if not _is_between(file)), None)


def _is_between(file: str) -> bool:
    return file.startswith("<frozen ") or Path(file).is_relative_to(OURS) or "/importlib/" in file


def _is_of(file: str | None, tree: Path) -> bool:
    return file is not None and Path(file).resolve().is_relative_to(tree)


def reason(error: BaseException, tree: Path) -> str:
    """An error in one line: what, and where in the base's sources or the test."""
    cause = list(_causes(error))[-1]
    text = next((line.strip() for line in str(cause).splitlines() if line.strip()), "")
    text = text.replace(f"{tree}{os.sep}", "")
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if not _is_between(f.filename)]
    inside = [f for f in frames if _is_of(f.filename, tree)]
    where = (
        f" ({Path(inside[-1].filename).resolve().relative_to(tree)}:{inside[-1].lineno})" if inside else ""
    )
    return f"{type(cause).__name__}: {text}".rstrip(": ") + where
