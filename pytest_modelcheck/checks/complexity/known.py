"""Values that are known on meta: the inputs' own, and what is computed of them alone (masks, positions, lengths).

A model without weights has none; but what looks at values in a forward mostly looks at its inputs, and those are there.
They stay on the CPU, with all that is made of them and of nothing, until they meet a tensor whose values are not known.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

from ...model.guard import storage_identity

LARGEST = 2**24  # elements of a tensor made of nothing: beyond, it is not worth its values

_META, _CPU = torch.device("meta"), torch.device("cpu")


class Known:
    """Which tensors' values are known: those in memory that nothing unknown was written to."""

    def __init__(self) -> None:
        self.spoiled: dict[int, Tensor] = {}  # by storage; the tensor keeps it from being used again

    def stays(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> bool:
        """Whether the call would only move a tensor to the model, where it counts as being already."""
        moves = func is torch.ops.aten._to_copy.default and kwargs.get("device") == _META
        return moves and kwargs.get("dtype") in (None, args[0].dtype) and self._is_known(args[0])

    def placed(self, func: Any, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, Any]:
        """The arguments as the call must get them: all on the CPU while all are known, else all on meta."""
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if all(map(self._is_known, tensors)):
            if not tensors and _elements(args) > LARGEST:
                return args, kwargs
            return tree_map(_on_cpu, args), tree_map(_on_cpu, dict(kwargs))
        for tensor in _written(func, args, kwargs):
            if not tensor.is_meta:
                self.spoiled[storage_identity(tensor)] = tensor
        placed = tree_map(self._without_values, dict(kwargs))
        if func is torch.ops.aten._to_copy.default and placed.get("device") is not None:
            placed["device"] = _META  # wherever to: it has no values there either
        return tree_map(self._without_values, args), placed

    def _is_known(self, tensor: Tensor) -> bool:
        return not tensor.is_meta and storage_identity(tensor) not in self.spoiled

    def _without_values(self, leaf: Any) -> Any:
        if not isinstance(leaf, Tensor) or leaf.is_meta or (not leaf.dim() and self._is_known(leaf)):
            return leaf  # a number may meet any device
        with torch._C._DisableTorchDispatch():  # nothing that a mode should see, or place
            return torch.empty_like(leaf, device=_META)


def _on_cpu(leaf: Any) -> Any:
    return _CPU if leaf == _META and isinstance(leaf, torch.device) else leaf


def _elements(args: Any) -> int:
    sizes = args[0] if args and isinstance(args[0], (list, tuple)) else args[:2]
    return math.prod(n for n in sizes if isinstance(n, int))


def _written(func: Any, args: Any, kwargs: Mapping[str, Any]) -> list[Tensor]:
    schema = getattr(func, "_schema", None)
    if schema is None:
        return []
    written = [
        args[place] if place < len(args) else kwargs.get(argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return [leaf for leaf in tree_leaves(written) if isinstance(leaf, Tensor)]
