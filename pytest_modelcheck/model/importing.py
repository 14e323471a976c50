"""Import what a spec names; every way in which that goes wrong in words."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import sys
import traceback
from collections.abc import Iterable
from types import ModuleType

from torch import nn

from ..errors import RAISED, SubjectError, in_short
from ..text import did_you_mean
from .roots import find_own_packages
from .spec import Spec

PACKAGE = os.path.dirname(os.path.dirname(__file__)) + os.sep


def imported(spec: Spec) -> object:
    """The object. Raises SubjectError."""
    find_own_packages()
    importlib.invalidate_caches()  # files may have come since
    try:
        module = importlib.import_module(spec.package)
    except RAISED as error:
        raise SubjectError(f"model={spec.text!r} cannot be imported: {_why(spec.package, error)}") from error
    target: object = module
    for part in spec.name.split("."):
        if not hasattr(target, part):
            raise SubjectError(f"model={spec.text!r} cannot be imported: {_lacking(spec, target, part)}")
        target = getattr(target, part)
    return target


def _why(package: str, error: BaseException) -> str:
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing is None:
        return f"{in_short(error)}{raised_at(error)}"
    if package != missing and not package.startswith(f"{missing}."):
        return (
            f"it imports {missing!r}, which is not installed{raised_at(error)}\n"
            f"Install it where the tests run: {sys.executable} -m pip install ..."
        )
    parent, _, name = missing.rpartition(".")
    known = _modules_in(parent)
    hint = did_you_mean(name, known) or _elsewhere(known)
    return f"No module named {missing!r}; {hint}"


def _elsewhere(known: list[str]) -> str:
    there = f"here are {', '.join(known[:8])}" if known else "there are no modules here"
    return f"install the project, or call this where it lies: {there}"


def _modules_in(parent: str) -> list[str]:
    """Of a package; of none, those in the folder where we are."""
    where = getattr(sys.modules.get(parent), "__path__", None) if parent else [os.getcwd()]
    return [found.name for found in pkgutil.iter_modules(where or [])]


def _lacking(spec: Spec, target: object, part: str) -> str:
    hint = did_you_mean(part, dir(target))
    known = _makers(target) if isinstance(target, ModuleType) else []
    there = f"it has {', '.join(known[:8])}" if known else ""
    told = hint or there
    return f"{spec.package} has no {part!r}{f'; {told}' if told else ''}"


def _makers(module: ModuleType) -> list[str]:
    """What in a module may be or make a model: its own classes of modules, and functions."""
    own = ((k, v) for k, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__)
    return [name for name, value in own if is_module_class(value) or inspect.isfunction(value)]


def is_module_class(value: object) -> bool:
    """Whether it is a class of modules."""
    return isinstance(value, type) and issubclass(value, nn.Module)


def raised_at(error: BaseException) -> str:
    """The line of the user's file, on a line of its own; "" where none is known."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"\nat {_place(error.filename, error.lineno, error.text)}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"\nat {_place(frames[-1].filename, frames[-1].lineno, frames[-1].line)}" if frames else ""


def _place(file: str, line: int | None, text: str | None) -> str:
    near = os.path.relpath(file) if file.startswith(os.getcwd() + os.sep) else file
    return f"{near}:{line}: {(text or '').strip()}".rstrip(": ")


def _is_users(file: str) -> bool:
    libraries: Iterable[str] = (PACKAGE, os.path.dirname(importlib.__file__))
    return (
        not file.startswith((*libraries, "<")) and f"{os.sep}site-packages{os.sep}torch{os.sep}" not in file
    )
