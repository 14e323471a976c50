"""The module tree: names, types, attributes, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from .attributes import canonical
from .node import ModuleNode


def read_tree(module: nn.Module) -> tuple[ModuleNode, ...]:
    """All modules, in the order of `named_modules()`; nothing runs. One used twice stands at its first place."""
    return tuple(_node(name, child) for name, child in module.named_modules())


def _node(name: str, module: nn.Module) -> ModuleNode:
    own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    parameters = list(module.parameters())
    return ModuleNode(
        name=name,
        type=type(module).__name__,
        depth=name.count(".") + 1 if name else 0,
        attributes=_attributes(module),
        params=sum(_size(p) for p in parameters),
        own_params=sum(_size(p) for p in module.parameters(recurse=False)),
        frozen=bool(parameters) and not any(p.requires_grad for p in parameters),
        shapes=tuple((key, _shape(tensor)) for key, tensor in own),
        settings=dict(_settings(module)),
    )


def _settings(module: nn.Module) -> Iterator[tuple[str, Any]]:
    """Public attributes that are numbers, words or sequences of them. A path is a place, no part of a structure."""
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training" or not _is_plain(value):
            continue
        yield name, canonical(value, name)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 64 and all(map(_is_plain, value))
    if isinstance(value, str):
        return len(value) <= 80 and "/" not in value and "\\" not in value
    return isinstance(value, (bool, int, float))


def _size(parameter: nn.Parameter) -> int:
    return 0 if isinstance(parameter, nn.parameter.UninitializedParameter) else parameter.numel()


def _shape(tensor: Any) -> tuple[int, ...]:
    return (
        ()
        if isinstance(tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer))
        else tuple(tensor.shape)
    )


def _attributes(module: nn.Module) -> str:
    try:
        return " ".join(str(module.extra_repr()).split())
    except Exception as error:  # a user's method: it must not cost the user the report
        return f"(extra_repr raised {type(error).__name__})"
