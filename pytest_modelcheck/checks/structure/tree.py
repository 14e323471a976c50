"""The module tree: names, types, attributes, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import numpy as np
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .node import ModuleNode
from .trace.values import PER_AXIS, canonical

T = TypeVar("T", bound=Tensor)
Parameters = dict[int, tuple[int, bool]]  # by identity: elements, and whether it requires a gradient


def read_tree(module: nn.Module) -> tuple[ModuleNode, ...]:
    """All modules, in the order of `named_modules()`; nothing runs. One used twice stands at its first place."""
    inside: dict[nn.Module, Parameters] = {}
    _collect(module, inside)
    return tuple(_node(name, child, inside[child]) for name, child in module.named_modules())


def _collect(module: nn.Module, inside: dict[nn.Module, Parameters]) -> Parameters:
    """The parameters of a module and of all in it, tied ones once; those of each module are kept in `inside`."""
    if module not in inside:
        own = (p for p in module._parameters.values() if p is not None)
        inside[module] = found = {id(p): (_size(p), p.requires_grad) for p in own}
        for child in module._modules.values():
            if child is not None:
                found.update(_collect(child, inside))
    return inside[module]


def _node(name: str, module: nn.Module, parameters: Parameters) -> ModuleNode:
    own, buffers = _named(module._parameters), _named(module._buffers)
    sizes = parameters.values()
    return ModuleNode(
        name=name,
        type=type(module).__name__,
        depth=name.count(".") + 1 if name else 0,
        attributes=_attributes(module),
        params=sum(size for size, _ in sizes),
        own_params=sum(_size(p) for _, p in own),
        frozen=bool(sizes) and not any(trainable for _, trainable in sizes),
        shapes=tuple((key, _shape(tensor)) for key, tensor in (*own, *buffers)),
        settings=dict(_settings(module)),
        buffers=tuple([key for key, _ in buffers]),
    )


def _named(held: Mapping[str, T | None]) -> list[tuple[str, T]]:
    """What a module holds itself; one tensor under two names has the first."""
    if not held:
        return []
    found: dict[int, tuple[str, T]] = {}
    for name, tensor in held.items():
        if tensor is not None:
            found.setdefault(id(tensor), (name, tensor))
    return list(found.values())


def _settings(module: nn.Module) -> Iterator[tuple[str, object]]:
    """Public attributes that are numbers, words or sequences of them. A path is a place, no part of a structure."""
    for name, value in vars(module).items():
        if name.startswith("_") or name == "training":
            continue
        cls = type(value)
        if cls is int or cls is bool:
            yield name, value
        elif cls is tuple and len(value) == 2 and type(value[0]) is int and type(value[1]) is int:
            same = value[0] == value[1] and name in PER_AXIS  # of convolutions, most of all that is asked
            yield name, value[0] if same else [*value]
        elif _is_plain(value):
            yield name, canonical(value, name)


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 64 and all(map(_is_plain, value))
    if isinstance(value, str):
        return len(value) <= 80 and "/" not in value and "\\" not in value
    return isinstance(value, (bool, int, float, complex, np.generic))


def _size(parameter: nn.Parameter) -> int:
    return 0 if is_lazy(parameter) else parameter.numel()


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return () if is_lazy(tensor) else tuple(tensor.shape)


def _attributes(module: nn.Module) -> str:
    if type(module).extra_repr is nn.Module.extra_repr:
        return ""
    try:
        return " ".join(str(module.extra_repr()).split())
    except Exception as error:  # a user's method: it must not cost the user the report
        return f"(extra_repr raised {type(error).__name__})"
