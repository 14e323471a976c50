"""Where a gradient stops on its way back: looked for call by call, in a run of its own, after it did not arrive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name
from torch.utils._pytree import tree_leaves

from ...model.places import Place, place_now

_LEAVING = ("numpy", "__array__", "tolist", "item", "__float__", "__int__", "__dlpack__")  # with the values
_SHAPE_ALONE = re.compile("_like$|^new_(zeros|ones|empty|full)")  # what is made has none of the values
_CUT = {"detach": "detach()", "detach_": "detach_()", "data": ".data"}


@dataclass(frozen=True)
class Stop:
    """A call of the model that gives a tensor without gradient for one that has it; `why` for short."""

    place: Place
    kind: str  # of the module
    why: str

    def __str__(self) -> str:
        within = f" in module {self.place.module!r} ({self.kind})" if self.place.module else ""
        at = f"\nat {self.place}" if str(self.place) else ""
        return f"the gradient stops{within}: {self.why}{at}"


class Trail(TorchFunctionMode):
    """While active in this thread, follows what is computed from the tensors that `follow` is given."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        modules = dict(module.named_modules())
        self.names: Mapping[int, str] = {id(part): name for name, part in modules.items()}
        self.kinds: Mapping[str | None, str] = {name: type(part).__name__ for name, part in modules.items()}
        self.seen: dict[int, tuple[Tensor, Stop | None]] = {}  # None: the gradient is still there
        self.left: Stop | None = None
        self.found: Stop | None = None

    def follow(self, tensor: Tensor) -> None:
        """From here on."""
        self.seen[id(tensor)] = (tensor, None)

    def ends(self, scores: Tensor) -> None:
        """Here: `found` is where their gradient got lost; None if they have it, or come from elsewhere."""
        known = self.seen.get(id(scores))
        self.found = self.left if known is None else known[1]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        known = [self.seen[id(t)][1] for t in tree_leaves((args, kwargs)) if id(t) in self.seen]
        made = func(*args, **kwargs)
        if known and not _SHAPE_ALONE.search(_name(func)):
            self._note(func, args, made, None if None in known else known[0])
        return made

    def _note(self, func: Any, args: Any, made: Any, stop: Stop | None) -> None:
        name = _name(func)
        written = args[:1] if name == "__setitem__" or _is_in_place(name) else ()
        results = [t for t in tree_leaves((made, written)) if isinstance(t, Tensor)]
        for tensor in results:
            here = stop is None and not _has_gradient(tensor)
            self.seen[id(tensor)] = (tensor, self._here(_why(name, tensor)) if here else stop)
        if not results and name in _LEAVING:
            self.left = stop or self._here(f"its values leave torch by {name}()")

    def _here(self, why: str) -> Stop:
        place = place_now(self.names)
        return Stop(place, self.kinds.get(place.module, ""), why)


def _has_gradient(tensor: Tensor) -> bool:
    """Not what an operator made for which torch knows none: it warns in the backward."""
    return tensor.requires_grad and "NotImplemented" not in (tensor.grad_fn.name() if tensor.grad_fn else "")


def _why(name: str, result: Tensor) -> str:
    if torch.is_inference_mode_enabled() or result.is_inference():
        return "it runs under torch.inference_mode()"
    if name in _CUT:
        return f"cut off by {_CUT[name]}"
    if not torch.is_grad_enabled() and not name.startswith("quantized"):
        return "it runs under torch.no_grad()"
    if result.is_quantized or not (result.is_floating_point() or result.is_complex()):
        dtype = str(result.dtype).removeprefix("torch.")
        return f"{name}() makes a tensor of {dtype}, which has none"
    return f"{name}() has no gradient"


def _name(func: Any) -> str:
    """As users write it: `detach`, `quantized.linear`."""
    owner = getattr(func, "__self__", None)  # of an attribute: its getter
    if getattr(func, "__name__", "") == "__get__":
        return str(getattr(owner, "__name__", owner))
    if isinstance(func, (torch._ops.OpOverload, torch._ops.OpOverloadPacket)):
        return str(func).removesuffix(".default")
    return str(getattr(func, "__name__", None) or resolve_name(func) or func)


def _is_in_place(name: str) -> bool:
    return name.endswith("_") and not name.endswith("__")


class ThroughNoGrad(TorchFunctionMode):
    """While active in this thread, torch.no_grad() in the model does nothing; `places`: where it was met."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.names = {id(part): name for name, part in module.named_modules()}
        self.places: list[Place] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch._C._set_grad_enabled and args == (False,):
            self.places.append(place_now(self.names))
            return None
        return func(*args, **(kwargs or {}))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of it."""
        met = dict.fromkeys(f" in module {p.module!r}" if p.module else "" for p in self.places)
        return tuple(f"the gradient went through torch.no_grad(){where}" for where in met)
