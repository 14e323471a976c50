"""What people give for a model or its inputs that is none, and what they meant."""

from __future__ import annotations

import functools
import inspect
import os
import re
import types
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TypeGuard

import torch
from torch import Tensor, nn

CHECKPOINTS = (".pt", ".pth", ".ckpt", ".safetensors", ".bin", ".pkl", ".onnx", ".tar")
WEIGHTS_ALONE = "A factory or fixture that builds the model and loads them: model.load_state_dict(...)"


def hint(value: object) -> str:
    """What `value` is, and what to give in its place; a sentence or two."""
    if isinstance(value, ModuleType):
        return f"It is a Python module. Give the class or function in it: {_example(value)}."
    if value is None:
        return "A factory must return the model: is its `return` missing?"
    if is_checkpoint(value):
        return f"It is the path of a file: weights without the model they belong to. {WEIGHTS_ALONE}."
    if isinstance(value, Mapping) and value and all(isinstance(one, Tensor) for one in value.values()):
        return f"It is a state_dict: weights without the model they belong to. {WEIGHTS_ALONE}."
    if isinstance(value, Mapping) and any("state_dict" in str(key) or key == "model" for key in value):
        return f"It is a checkpoint: weights without the model they belong to. {WEIGHTS_ALONE}."
    if isinstance(value, torch.optim.Optimizer):
        return "It is an optimizer. Give the model whose parameters it trains."
    if isinstance(value, torch.export.ExportedProgram):
        return "It is an exported program: give its .module()."
    if isinstance(value, (tuple, list)) and any(isinstance(one, nn.Module) for one in value):
        return f"The model is one of several: take it out, as in model=lambda: factory()[{_place(value)}]."
    if is_fixture(value):
        return f"It is a fixture: write its name, model={getattr(value, '__name__', 'name')!r}."
    return "Give an nn.Module, a callable that returns one, or an import string 'package.module:factory'."


def is_checkpoint(value: object) -> bool:
    """Whether it is a path, or a text that ends like one of a file with weights."""
    return isinstance(value, os.PathLike) or (isinstance(value, str) and value.lower().endswith(CHECKPOINTS))


def is_fixture(value: object) -> bool:
    """Whether it is the function of a fixture, which nobody may call."""
    return type(value).__name__ == "FixtureFunctionDefinition" or hasattr(value, "_pytestfixturefunction")


def missing_arguments(factory: Callable[..., object]) -> list[str]:
    """The arguments without which `factory` cannot be called; none where nobody knows."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in open_ended]


def makes_inputs(value: object) -> TypeGuard[Callable[[], object]]:
    """Whether it is a function that returns the inputs. An object that also happens to be callable is the inputs."""
    kinds = (type, functools.partial, types.MethodType, types.BuiltinFunctionType, types.FunctionType)
    return isinstance(value, kinds) or (callable(value) and inspect.isfunction(inspect.unwrap(value)))


def wants_whole_numbers(error: Exception, given: Sequence[Tensor]) -> bool:
    """Whether an error of torch says that one of the tensors `given`, of floating-point numbers, is an index."""
    about_index = re.search(r"(?i)\bind(ex|ices)\b", str(error)) and re.search(
        r"(?i)\b(long|int64)", str(error)
    )
    return bool(about_index) and any(tensor.is_floating_point() for tensor in given)


def _example(module: ModuleType) -> str:
    own = [
        name
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, nn.Module) and value.__module__ == module.__name__
    ]
    return f"model={module.__name__.rpartition('.')[2]}.{own[0] if own else 'MyModel'}"


def _place(values: tuple[object, ...] | list[object]) -> int:
    return next(i for i, value in enumerate(values) if isinstance(value, nn.Module))
