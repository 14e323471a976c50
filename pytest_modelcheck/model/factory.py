"""What a user may write for a model: a module, a callable that returns one, or a spec."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Sequence

from torch import nn

from ..errors import MissingExtraError, SubjectError
from ..text import did_you_mean
from .mistaken import hint, is_checkpoint, is_fixture, missing_arguments

ZOOS = ("torchvision.models", "timm.models")  # their builders make a new model each time


def resolve_model(model: object) -> nn.Module | Callable[[], object]:
    """The module, or what makes it. Raises SubjectError for anything else, and for a spec that names nothing."""
    resolved = _from_spec(model) if isinstance(model, str) else model
    if isinstance(resolved, nn.Module):
        return resolved
    if not callable(resolved) or is_fixture(resolved):
        raise _no_module(model, resolved)
    missing = missing_arguments(resolved)
    if missing:
        raise _incomplete(model, resolved, missing)
    return resolved


def _incomplete(model: object, resolved: object, missing: Sequence[str]) -> SubjectError:
    name = name_of(resolved) or type(resolved).__name__
    given = ", ".join(f"{argument}=..." for argument in missing)
    return SubjectError(
        f"model={_shown(model)} needs arguments to be called with: {', '.join(missing)}.\n"
        f"Give them: model=functools.partial({name}, {given}), or a function or fixture that returns the model."
    )


def build_model(model: object) -> nn.Module:
    """The nn.Module that `model` is, returns, or names. Raises SubjectError if there is none."""
    resolved = resolve_model(model)
    built = resolved if isinstance(resolved, nn.Module) else _called(model, resolved)
    if not isinstance(built, nn.Module):
        raise _no_module(model, built)
    return built


def _called(model: object, resolved: Callable[[], object]) -> object:
    """What it returns. A class whose signature is open (nn.LSTM's is) says what it misses only when it is called."""
    try:
        return resolved()
    except TypeError as error:
        said = re.search(r"__init__\(\) missing \d+ required .*argument.*?: (.*)", str(error))
        if said is None or not isinstance(resolved, type):
            raise
        raise _incomplete(model, resolved, re.findall(r"'(\w+)'", said[1])) from error


def _no_module(given: object, found: object) -> SubjectError:
    gave = f"gave a {type(found).__name__}" if found is not given else f"is a {type(found).__name__}"
    return SubjectError(f"model={_shown(given)} {gave}, not an nn.Module.\n{hint(found)}")


def _shown(given: object) -> str:
    """As the user wrote it, as far as it can be told."""
    name = getattr(given, "__qualname__", None)
    return str(name) if isinstance(name, str) else _short(given)


def name_of(model: object) -> str | None:
    """What the user calls it: a spec's or factory's name; None for a module and a lambda."""
    if isinstance(model, str):
        return model.rpartition(":")[2]
    name = None if isinstance(model, nn.Module) else getattr(model, "__name__", None)
    return None if name == "<lambda>" else name


def makes_a_new_one(model: object) -> bool:
    """Whether each call of a resolved `model` is known to make another: a class, or a builder of a model zoo.

    Of other functions nobody knows: one may keep what it made, and give it to the user's own code too.
    """
    if isinstance(model, functools.partial):
        return makes_a_new_one(model.func)
    if isinstance(model, type):
        return issubclass(model, nn.Module)
    return inspect.isfunction(model) and model.__module__.startswith(ZOOS)


def _from_spec(spec: str) -> object:
    package, colon, attribute = spec.partition(":")
    if is_checkpoint(spec):
        raise _no_module(spec, spec)
    if not colon or not package or not attribute:
        raise SubjectError(
            f"model={spec!r} is neither a fixture nor an import string.\n"
            "Write 'package.module:factory', 'torchvision:resnet18', 'timm:NAME', or the name of a fixture."
        )
    if package == "torchvision":
        return _torchvision_model(attribute)
    if package == "timm":
        return _timm_model(attribute)
    return _imported(spec, package, attribute)


def _torchvision_model(name: str) -> Callable[[], object]:
    try:
        from torchvision.models import get_model_builder
    except ImportError as error:
        raise MissingExtraError("torchvision", "vision", f"the model 'torchvision:{name}'") from error
    try:
        builder = get_model_builder(name)
    except ValueError as error:
        from torchvision.models import list_models

        hint = did_you_mean(name, list_models(), 3)
        raise SubjectError(
            f"torchvision has no model {name!r}; {hint or 'torchvision.models.list_models() names all'}"
        ) from error
    known = inspect.signature(builder).parameters
    return functools.partial(
        builder, **{key: None for key in ("weights", "weights_backbone") if key in known}
    )


def _timm_model(name: str) -> Callable[[], object]:
    try:
        import timm
    except ImportError as error:
        raise SubjectError(
            f"the model 'timm:{name}' needs timm. Install it with: pip install timm"
        ) from error
    if not timm.is_model(name) and ":" not in name:  # "hf-hub:…" is found elsewhere
        hint = did_you_mean(name, timm.list_models(), 3)
        raise SubjectError(f"timm has no model {name!r}; {hint or 'timm.list_models() names all'}")
    return functools.partial(timm.create_model, name, pretrained=False)


def _imported(spec: str, package: str, attribute: str) -> object:
    if os.getcwd() not in sys.path:  # `pytest` alone does not add it, `python -m pytest` does
        sys.path.insert(0, os.getcwd())
    try:
        target: object = importlib.import_module(package)
        for part in attribute.split("."):
            if not hasattr(target, part):
                hint = did_you_mean(part, dir(target))
                what = f"{package} has no {part!r}{f'; {hint}' if hint else ''}"
                raise SubjectError(f"model={spec!r} cannot be imported: {what}")
            target = getattr(target, part)
    except (ImportError, AttributeError) as error:
        raise SubjectError(f"model={spec!r} cannot be imported: {error}") from error
    return target


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
