"""What a model gives, as a form: containers, keys, and what in it is no tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn

from .values import canonical

TENSOR = "tensor"


def form(value: object, depth: int = 6) -> str:
    """`{'a': tensor, 'b': (tensor, 1)}`: keys in their alphabetical order, for a mapping has none."""
    if isinstance(value, Tensor):
        return TENSOR
    if depth and isinstance(value, Mapping):
        inside = sorted(f"{key!r}: {form(item, depth - 1)}" for key, item in value.items())
        return f"{_name(value, dict)}{{{', '.join(inside)}}}"
    if depth and isinstance(value, (list, tuple)):
        names = getattr(value, "_fields", None)
        inside = [form(item, depth - 1) for item in value]
        if names:
            inside = [f"{name}={item}" for name, item in zip(names, inside, strict=True)]
        left, right = "[]" if isinstance(value, list) else "()"
        return f"{_name(value, list, tuple)}{left}{', '.join(inside)}{right}"
    if depth and dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = [
            f"{field.name}={form(getattr(value, field.name), depth - 1)}"
            for field in dataclasses.fields(value)
        ]
        return f"{type(value).__name__}({', '.join(inside)})"
    if isinstance(value, np.ndarray):
        return f"array of {value.dtype} {'×'.join(map(str, value.shape))}"
    if (
        depth
        and hasattr(value, "__dict__")
        and not isinstance(value, (nn.Module, type))
        and not callable(value)
    ):
        inside = [f"{key}={form(item, depth - 1)}" for key, item in vars(value).items()]
        return f"{type(value).__name__}({', '.join(inside)})"
    return str(canonical(value))


def _name(value: object, *plain: type) -> str:
    """Of a container that is more than one of Python's own."""
    name = type(value).__name__
    return "" if type(value) in plain or name == "OrderedDict" else name


def leaves(value: object, depth: int = 6) -> bool:
    """Whether there is something in it that is no tensor, and that may have come out of one."""
    if isinstance(value, Tensor) or value is None:
        return False
    if depth and isinstance(value, Mapping):
        return any(leaves(item, depth - 1) for item in value.values())
    if depth and isinstance(value, (list, tuple)):
        return any(leaves(item, depth - 1) for item in value)
    if depth and hasattr(value, "__dict__") and not isinstance(value, (nn.Module, type)):
        return any(leaves(item, depth - 1) for item in vars(value).values())
    return True
