"""What a model gives, as a form: containers and keys; and what in it is no tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from torch import Tensor, nn

from .values import canonical

TENSOR, VALUE = "tensor", "value"


def form(value: object) -> tuple[str, list[object]]:
    """`{'a': tensor, 'b': (tensor, value)}`, keys sorted, for a mapping has no order; and the values."""
    values: list[object] = []
    return _form(value, values, 6), values


def _form(value: object, values: list[object], depth: int) -> str:
    if isinstance(value, Tensor):
        return TENSOR
    if depth and isinstance(value, Mapping):
        keys = sorted(value, key=repr)
        inside = ", ".join(f"{key!r}: {_form(value[key], values, depth - 1)}" for key in keys)
        return f"{_name(value, dict)}{{{inside}}}"
    if depth and isinstance(value, (list, tuple)) and not hasattr(value, "_fields"):
        inside = ", ".join(_form(item, values, depth - 1) for item in value)
        left, right = "[]" if isinstance(value, list) else "()"
        return f"{_name(value, list, tuple)}{left}{inside}{right}"
    if depth and (fields := _fields(value)):
        inside = ", ".join(f"{key}={_form(item, values, depth - 1)}" for key, item in fields.items())
        return f"{type(value).__name__}({inside})"
    if value is None:
        return "None"
    values.append(canonical(value))
    return VALUE


def _fields(value: object) -> Mapping[str, object]:
    """Of a named tuple, a dataclass or another object."""
    if isinstance(value, tuple):
        return dict(zip(getattr(value, "_fields", ()), value, strict=True))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, (nn.Module, type)) or callable(value):
        return {}
    return getattr(value, "__dict__", {})


def _name(value: object, *plain: type) -> str:
    """Of a container that is more than one of Python's own."""
    name = type(value).__name__
    return "" if type(value) in plain or name == "OrderedDict" else name
