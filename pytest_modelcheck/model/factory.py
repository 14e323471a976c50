"""What a user may write for a model: a module, a callable that returns one, or a spec."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Sequence

from torch import nn

from ..errors import RAISED, ModelCheckError, SubjectError, at_length, in_short
from ..text import as_written, did_you_mean
from . import zoos
from .importing import imported, raised_at
from .mistaken import hint, is_fixture, missing_arguments
from .spec import Spec, read_spec, title

ZOOS = ("torchvision.models", "timm.models", zoos.__name__)  # their builders make a new model each time


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
    if isinstance(model, str):
        written = f"{model.partition('(')[0]}({given})"
        return SubjectError(
            f"model={model!r} needs arguments to be called with: {', '.join(missing)}.\n"
            f"Give them: '{written}', or a function without arguments that returns the model."
        )
    return SubjectError(
        f"model={_shown(model)} needs arguments to be called with: {', '.join(missing)}.\n"
        f"Give them: model=functools.partial({name}, {given}), or a function or fixture that returns the model."
    )


def build_model(model: object, written: object = None) -> nn.Module:
    """The nn.Module that `model` is, returns, or names. Raises SubjectError if there is none.

    `written`: what the user gave, where `model` is what came of that.
    """
    written = model if written is None else written
    resolved = resolve_model(model)
    built = resolved if isinstance(resolved, nn.Module) else _called(written, resolved)
    if not isinstance(built, nn.Module):
        raise _no_module(written, built)
    return built


def _called(model: object, resolved: Callable[[], object]) -> object:
    """What it returns. A class whose signature is open (nn.LSTM's is) says what it misses only when it is called."""
    try:
        return resolved()
    except RAISED as error:
        said = re.search(r"__init__\(\) missing \d+ required .*argument.*?: (.*)", str(error))
        if said is not None and isinstance(error, TypeError) and isinstance(resolved, type):
            raise _incomplete(model, resolved, re.findall(r"'(\w+)'", said[1])) from error
        if not isinstance(model, str) or isinstance(error, ModelCheckError):
            raise
        told = SubjectError(f"model={model!r} cannot be built: {in_short(error)}{raised_at(error)}")
        told.details = at_length(error, str(told))
        raise told from error


def _no_module(given: object, found: object) -> SubjectError:
    gave = f"gave a {type(found).__name__}" if found is not given else f"is a {type(found).__name__}"
    return SubjectError(f"model={_shown(given)} {gave}, not an nn.Module.\n{hint(found)}")


def _shown(given: object) -> str:
    """As the user wrote it, as far as it can be told."""
    name = getattr(given, "__qualname__", None)
    return str(name) if isinstance(name, str) else as_written(given)


def name_of(model: object) -> str | None:
    """What the user calls it: a spec's or factory's name; None for a module and a lambda."""
    if isinstance(model, str):
        return title(model)
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


def made_inputs(model: object) -> tuple[Callable[[], object] | None, tuple[int, ...] | None]:
    """What a model zoo says that the model of a spec takes: a function that returns it, and its shape where it is one.

    None where nobody says.
    """
    entry = zoos.entry_of(read_spec(model)) if isinstance(model, str) else None
    return (None, None) if entry is None else (entry.inputs, entry.size)


def _from_spec(text: str) -> object:
    spec = read_spec(text)
    entry = zoos.entry_of(spec)
    if entry is not None:
        return entry.make
    found = imported(spec)
    if not (spec.args or spec.kwargs):
        return found
    if not callable(found):
        raise _no_module(text, found)
    _refuse_arguments(spec, found)
    return functools.partial(found, *spec.args, **spec.kwargs)


def _refuse_arguments(spec: Spec, found: Callable[..., object]) -> None:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # of builtins nobody knows
        return
    try:
        signature.bind_partial(*spec.args, **spec.kwargs)
    except TypeError as error:
        unknown = next((key for key in spec.kwargs if key not in signature.parameters), "")
        hint = did_you_mean(unknown, signature.parameters) if unknown else ""
        takes = ", ".join(map(str, signature.parameters.values())) or "nothing"
        raise SubjectError(
            f"model={spec.text!r}: {error}{f'; {hint}' if hint else ''}\nIt takes: {takes}"
        ) from error
