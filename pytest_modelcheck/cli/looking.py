"""A process that imports modules and says which models are in them: a line of JSON a module, into a file."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

from torch import nn

from ..errors import RAISED, in_short
from ..model.guess import guess_size
from ..model.importing import is_module_class, raised_at
from ..model.mistaken import missing_arguments
from ..model.skeleton import parameters_on_meta

if TYPE_CHECKING:
    from .look import Found


def main(answers: Path) -> None:
    """Read the sources from stdin."""
    warnings.simplefilter("ignore")
    for path, name, root in json.load(sys.stdin):
        if root not in sys.path:
            sys.path.insert(0, root)
        found = look(path, name)
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def look(path: str, name: str) -> Found:
    """What a module has."""
    try:
        module = importlib.import_module(name)
    except RAISED as error:
        return {"module": path, "error": f"{in_short(error)}{raised_at(error).replace(chr(10), ', ')}"}
    found: Found = {"module": path, "builds": {}, "needs": {}, "failed": {}}
    for attribute, make in _makers(module):
        spec = f"{name}:{attribute}"
        if missing := missing_arguments(make):
            if isinstance(make, type):
                found["needs"][spec] = missing
            continue
        try:
            with parameters_on_meta():
                made = make()
        except RAISED as error:
            found["failed"][spec] = in_short(error)
            continue
        if isinstance(made, nn.Module):
            guess = guess_size(made)
            found["builds"][spec] = f" --input-size={guess.option}" if guess is not None else ""
    return found


def _makers(module: ModuleType) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Its own classes of modules that have a forward, and functions that return one as far as their source says."""
    for name, value in list(vars(module).items()):
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if is_module_class(value):
            if value.forward is not nn.Module.forward and not inspect.isabstract(value):
                yield name, value
        elif isinstance(value, FunctionType) and _returns_module(value):
            yield name, value


def _returns_module(function: FunctionType) -> bool:
    """By its annotation, or since it returns what a class of modules, or another such function, gave."""
    said = inspect.get_annotations(function).get("return")
    known = function.__globals__
    if is_module_class(said) or (isinstance(said, str) and is_module_class(_named(said, known))):
        return True
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False
    made = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _makes(node.value, known)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    returned = (node.value for node in ast.walk(tree) if isinstance(node, ast.Return))
    return any(_makes(value, known) or getattr(value, "id", None) in made for value in returned)


def _makes(value: ast.expr | None, known: dict[str, Any]) -> bool:
    return isinstance(value, ast.Call) and is_module_class(_named(ast.unparse(value.func), known))


def _named(dotted: str, known: dict[str, Any]) -> object:
    first, *rest = dotted.split(".")
    found = known.get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
