"""The arguments of a call on their way to another process: what can be sent is, the rest stays the receiver's own.

Sent are plain containers, numbers, texts, None and tensors. An object of another kind stays; of one that torch can open
(a named tuple, a registered class) the leaves are sent, and put into the receiver's.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from ...errors import MeasurementError
from ...model.subject import Inputs

Packed: TypeAlias = tuple[str, Any]
"""A kind, and what it holds: of containers pairs of a key and what is packed there."""

LEAF, TENSOR, OTHER = "leaf", "tensor", "other"
PLAIN = (bool, int, float, complex, str, bytes, type(None), torch.dtype, torch.device, torch.Size)
MAPPINGS: Mapping[str, Callable[..., Any]] = {"dict": dict, "OrderedDict": OrderedDict}
SEQUENCES: Mapping[str, Callable[..., Any]] = {"list": list, "tuple": tuple}
_NOTHING = object()


def packed(inputs: Inputs, home: torch.device) -> Packed:
    """All arguments; `home`: the model's device, from which tensors go to that of the receiver's."""
    return _packed((inputs.args, dict(inputs.kwargs)), home)


def _packed(value: Any, home: torch.device) -> Packed:
    kind = type(value)
    if kind in (list, tuple):
        return kind.__name__, [(place, _packed(part, home)) for place, part in enumerate(value)]
    if kind in (dict, OrderedDict) and all(type(key) in PLAIN for key in value):
        return kind.__name__, [(key, _packed(part, home)) for key, part in value.items()]
    if isinstance(value, Tensor) and kind in (Tensor, nn.Parameter):
        return (TENSOR if value.device == home else LEAF), value.detach().cpu()
    if kind in PLAIN:
        return LEAF, value
    parts = [] if (parts := tree_flatten(value)[0]) and parts[0] is value else parts
    return OTHER, (kind.__qualname__, [_packed(part, home) for part in parts])


@dataclass
class Receiver:
    """Unpacks for a model on the device `home`; `kept`: what stayed its own, by place and type."""

    home: torch.device
    kept: list[str] = field(default_factory=list)

    def unpacked(self, given: Packed, own: Inputs) -> Inputs:
        """The arguments as they were packed. Raises MeasurementError where one cannot be sent and `own` has none."""
        return Inputs(*self._value(given, (own.args, dict(own.kwargs)), ()))

    def _value(self, given: Packed, own: object, path: tuple[object, ...]) -> Any:
        kind, held = given
        if kind in SEQUENCES or kind in MAPPINGS:
            there = _parts(own)
            made = [(key, self._value(part, there.get(key, _NOTHING), (*path, key))) for key, part in held]
            return MAPPINGS[kind](made) if kind in MAPPINGS else SEQUENCES[kind](part for _, part in made)
        if kind == OTHER:
            return self._other(held, own, path)
        return held.to(self.home) if kind == TENSOR else held

    def _other(self, held: tuple[str, list[Packed]], own: object, path: tuple[object, ...]) -> object:
        name, parts = held
        place = ".".join(map(str, path[1:]))
        leaves, spec = tree_flatten(own)
        if type(own).__qualname__ != name or (parts and len(parts) != len(leaves)):
            raise MeasurementError(
                f"the argument {place!r} ({name}) cannot be sent, and the base has none there"
            )
        if not parts:
            self.kept.append(f"{place} ({name})")
            return own
        made = [self._value(*pair, (*path, n)) for n, pair in enumerate(zip(parts, leaves, strict=True))]
        return tree_unflatten(made, spec)


def _parts(own: object) -> Mapping[object, object]:
    if isinstance(own, Mapping):
        return own
    return dict(enumerate(own)) if isinstance(own, (list, tuple)) else {}


def bound(inputs: Inputs, module: nn.Module) -> Inputs:
    """By the names of the model's arguments, where it takes them: by position or by keyword is the same."""
    try:
        named = inspect.signature(module.forward).bind(*inputs.args, **inputs.kwargs).arguments
    except (TypeError, ValueError):
        return inputs
    return Inputs((), named)


def leaves_of(given: Packed, path: str = "") -> Iterator[tuple[str, object]]:
    """What is packed, each under its place, kinds too; keywords in the order of their names."""
    kind, held = given
    if kind in SEQUENCES or kind in MAPPINGS:
        yield path, kind
        for key, part in sorted(held, key=repr) if path == "/1" else held:
            yield from leaves_of(part, f"{path}/{key}")
    elif kind == OTHER:
        yield path, held[0]
        for number, part in enumerate(held[1]):
            yield from leaves_of(part, f"{path}/{number}")
    else:
        yield path, held
