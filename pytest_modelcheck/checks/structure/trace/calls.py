"""Calls of operators: what they are given, make and write to; and what kinds there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .attributes import Operands, places
from .draws import may_draw

DATA_DEPENDENT = frozenset(
    [
        "nonzero",
        "argwhere",
        "masked_select",
        "unique",
        "unique_consecutive",
        "bincount",
        "nms",
        "batched_nms",
        "remove_small_boxes",
        "coalesce",
        "_pack_padded_sequence",
        "to_sparse",
        "pad_packed_sequence",
    ]
)
SCALARS = frozenset(["item", "tolist", "__float__", "__int__", "__index__", "__complex__"])
ARRAYS = frozenset(["numpy", "__array__", "__dlpack__", "untyped_storage"])
CONDITIONS = frozenset(["__bool__", "is_nonzero", "equal", "allclose", "__contains__"])
VALUES = SCALARS | ARRAYS | CONDITIONS
DECIDING = frozenset(name.strip("_") for name in CONDITIONS)
_SETTERS = frozenset(["set data", "set real", "set imag"])
_QUIET = frozenset(
    [
        "size",
        "dim",
        "stride",
        "numel",
        "storage_offset",
        "data_ptr",
        "__len__",
        "__format__",
        "__repr__",
        "__hash__",
        "is_floating_point",
        "is_complex",
        "is_contiguous",
        "register_hook",
        "requires_grad_",
        "retain_grad",
        "_set_grad_enabled",
        "lift_fresh.default",
    ]
)


class Kind(NamedTuple):
    """What there is to know of a function once and for all. `may_select`, `may_draw`: the call's arguments say."""

    name: str
    operator: str
    quiet: bool
    may_select: bool
    may_draw: bool


_KINDS: dict[Any, Kind] = {}
MOST = 4096  # functions that are remembered


def kind_of(func: Any) -> Kind:
    """Of a function that torch calls."""
    known = _KINDS.get(func)
    if known is not None:
        return known
    name = getattr(func, "__name__", None) or str(func)
    operator = _operator(func, name)
    if len(_KINDS) >= MOST:
        _KINDS.clear()
    kind = _KINDS[func] = Kind(name, operator, name in _QUIET, operator in _SELECTING, may_draw(operator))
    return kind


class Call(NamedTuple):
    """A call of an operator, before it is made: what it is given, and in which version."""

    kind: Kind
    args: tuple[Any, ...]
    told: Mapping[str, object]
    operands: Operands
    versions: list[int]

    def made(self, out: object) -> list[Tensor]:
        """The tensors that it gave."""
        if isinstance(out, Tensor):
            return [out]
        if self.kind.name == "__setitem__" or self.kind.operator in _SETTERS:
            return [self.args[0]]
        return [] if self.kind.name == "__set__" else [t for _, t in places(out)]

    def written(self) -> list[Tensor]:
        """The tensors that it wrote to."""
        if -1 in self.versions:
            return self._written_by_name()
        both = zip(self.operands, self.versions, strict=True)
        return [t for (_, t), before in both if t._version != before]

    def _written_by_name(self) -> list[Tensor]:
        """In inference mode nobody counts."""
        operator = self.kind.operator
        known = (
            operator.endswith("_") or operator in ("setitem", "set data") or self.told.get("inplace") is True
        )
        return [t for place, t in self.operands if (known and place == "input") or place == "out"]

    @property
    def selects_by_data(self) -> bool:
        """Whether how much it gives depends on the data."""
        operator = self.kind.operator
        if operator == "where":
            return len(self.operands) == 1
        if operator == "repeat_interleave":
            return any(place == "repeats" for place, _ in self.operands)
        if operator == "getitem":
            return any(t.dtype == torch.bool for _, t in self.operands[1:])
        return operator in DATA_DEPENDENT


_SELECTING = DATA_DEPENDENT | {"where", "repeat_interleave", "getitem"}
_AUGMENTED = {"iadd": "add_", "isub": "sub_", "imul": "mul_", "itruediv": "div_", "imatmul": "matmul_"}


def _operator(func: Callable[..., object], name: str) -> str:
    """`add` for `+`, `T` for the property; functions of torchvision and others keep their names."""
    if name == "__get__":
        return str(getattr(getattr(func, "__self__", None), "__name__", "attribute"))
    if name == "__set__":
        return f"set {getattr(getattr(func, '__self__', None), '__name__', name)}"
    if isinstance(func, torch._ops.OpOverload):
        return name.partition(".")[0]
    if name.startswith("__") and name.endswith("__"):
        bare = name.strip("_")
        return _AUGMENTED.get(bare) or {"truediv": "div", "radd": "add", "rmul": "mul"}.get(bare, bare)
    return name
