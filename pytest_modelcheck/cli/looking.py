"""A process that imports modules and says which models are in them: a line of JSON a module, into a file.

Nothing is fetched: a model that asks the network for its weights is built without them, by the argument that says so.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import os
import socket
import sys
import textwrap
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn, TypeGuard

import torch
from torch import nn

from ..errors import RAISED, in_short
from ..model.guess import guess_size
from ..model.importing import is_module_class, raised_at
from ..model.mistaken import missing_arguments
from ..model.skeleton import parameters_on_meta

if TYPE_CHECKING:
    from .look import Found

FRAMES = ("module", "container", "transformer")  # the modules of torch.nn from whose classes models inherit
PICTURE = 3  # the channels of a photograph


def main(answers: Path) -> None:
    """Read the sources from stdin."""
    warnings.simplefilter("ignore")
    _stay_offline()
    sources = json.load(sys.stdin)
    for root in {root: None for _, _, root in sources}:
        sys.path.insert(0, root)
    for path, name, _ in sources:
        found = look(path, name)
        with answers.open("a", encoding="utf-8") as file:
            file.write(json.dumps(found) + "\n")


def look(path: str, name: str) -> Found:
    """What a module has."""
    try:
        module = importlib.import_module(name)
    except RAISED as error:
        return {"module": path, "error": f"{in_short(error)}{raised_at(error).replace(chr(10), ', ')}"}
    found: Found = {"module": path, "builds": {}, "needs": {}, "failed": {}, "bare": [], "parts": []}
    for attribute, make in _makers(module):
        spec = f"{name}:{attribute}"
        if isinstance(make, type):
            found["parts"] += used_by(make)
            if _is_layer(make):
                found["bare"].append(spec)
                continue
        if missing := missing_arguments(make):
            if isinstance(make, type):
                found["needs"][spec] = missing
            continue
        try:
            made, given = _built(make)
        except RAISED as error:
            found["failed"][spec] = in_short(error)
            continue
        if isinstance(made, nn.Module) and next(made.parameters(), None) is None:
            found["bare"].append(spec)
        elif isinstance(made, nn.Module):
            written = f"'{spec}({given})'" if given else spec
            found["builds"][spec] = f"{written}{_size(made)}"
    return found


def _is_layer(model: type[nn.Module]) -> bool:
    """Whether it is a layer or loss of torch in another dress."""
    of_torch = (base.__module__ for base in model.__mro__ if base.__module__.startswith("torch.nn.modules."))
    return any(module.rpartition(".")[2] not in FRAMES for module in of_torch)


def _stay_offline() -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError("it asks the network, which init does not")

    # Every client comes by here first, whatever it is made of; libraries that would try again are told not to.
    socket.getaddrinfo = refuse
    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def _built(make: Callable[..., Any]) -> tuple[object, str]:
    """What it makes, and the arguments that it was given, as they are written: none, or those that fetch nothing."""
    try:
        return _light(make), ""
    except RAISED:
        if not (without := _without_weights(make)):
            raise
        return _light(partial(make, **without)), ", ".join(
            f"{name}={value}" for name, value in without.items()
        )


def _light(make: Callable[..., Any]) -> object:
    """What it makes, without its weights; with them where it moves or reads them while it builds."""
    try:
        with parameters_on_meta():
            return make()
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error):
            raise
        return make()


def _size(model: nn.Module) -> str:
    """The option: what its first layer would take, or a picture where it takes that: it may cut one into patches."""
    guess = guess_size(model)
    if guess is None:
        return ""
    pictures = guess._replace(shape=(1, PICTURE, *guess.shape[2:]))
    is_other = len(guess.shape) > 2 and guess.shape[1] not in (1, PICTURE)
    layer = dict(model.named_modules()).get(guess.layer.rpartition(" ")[0], model)
    return (
        f" --input-size={(pictures if is_other and _reaches(layer, model, pictures.shape) else guess).option}"
    )


def _reaches(layer: nn.Module, model: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether a model's layer works on what becomes of an input; what goes wrong behind it is of no matter."""
    done: list[nn.Module] = []
    layer.register_forward_hook(lambda module, *_: done.append(module))
    with suppress(*RAISED), torch.no_grad():
        model.to("meta").eval()(torch.empty(shape, device="meta"))
    return bool(done)


def _without_weights(make: Callable[..., Any]) -> dict[str, object]:
    """The values of arguments by which zoos leave trained weights out."""
    return {
        name: False if parameter.default is True else None
        for name, parameter in inspect.signature(make).parameters.items()
        if ("pretrained" in name or "weights" in name) and parameter.default
    }


def used_by(model: type[nn.Module]) -> list[str]:
    """The classes of modules that its methods build, or hand on, as specs; not those that it is tested to be."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(model)))
    except (OSError, TypeError, SyntaxError):
        return []
    known = vars(sys.modules[model.__module__])
    methods = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    used = [_named(dotted, known) for method in methods for dotted in _read(method)]
    return sorted({f"{one.__module__}:{one.__qualname__}" for one in used if _is_other(one, model)})


def _is_other(found: object, model: type[nn.Module]) -> TypeGuard[type[nn.Module]]:
    return is_module_class(found) and found is not model


def _read(node: ast.AST) -> Iterator[str]:
    """The names in a piece of source, apart from annotations and isinstance()."""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("isinstance", "issubclass"):
        return
    if isinstance(node, (ast.Name, ast.Attribute)):
        yield ast.unparse(node)
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from _read(child)


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
    if not isinstance(value, ast.Call):
        return False
    if isinstance(value.func, ast.Attribute) and isinstance(value.func.value, ast.Call):
        return _makes(value.func.value, known)  # Net().eval()
    return is_module_class(_named(ast.unparse(value.func), known))


def _named(dotted: str, known: dict[str, Any]) -> object:
    first, *rest = dotted.split(".")
    found = known.get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
