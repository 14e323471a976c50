"""Read what a model's checkpoints hold, without running it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ...model.subject import dtype_name
from .checkpoint import Held, State


def read_state(module: nn.Module) -> State | None:
    """Keys, shapes and dtypes of `state_dict()`; None where it raises, or is of a form of its own."""
    try:
        with torch.no_grad():
            state = dict(module.state_dict())
        nested = [key for key, value in state.items() if isinstance(value, Mapping)]
        if not all(key.endswith("_extra_state") for key in nested):
            return None
        return State(tuple(_held(module, state)), tuple(_loaders(module)))
    except Exception:  # a method of the user's: without it there is only less to say
        return None


def _held(module: nn.Module, state: Mapping[str, object]) -> Iterator[Held]:
    parameters: dict[str, Tensor | None] = {}
    buffers: dict[str, Tensor | None] = {}
    for path, part in module.named_modules(remove_duplicate=False):
        prefix = f"{path}." if path else ""
        parameters |= {prefix + name: tensor for name, tensor in part._parameters.items()}
        buffers |= {prefix + name: tensor for name, tensor in part._buffers.items()}
    first: dict[int, str] = {}
    for key, value in state.items():
        kind = "parameter" if key in parameters else "buffer" if key in buffers else "other"
        own = parameters.get(key, buffers.get(key))
        same = first.setdefault(id(own), key) if own is not None else key
        tensor = value if isinstance(value, Tensor) and not is_lazy(value) else None
        yield Held(
            str(key),
            tuple(tensor.shape) if tensor is not None else None,
            dtype_name(tensor) if tensor is not None else "",
            kind,
            same if same != key else "",
        )


def _loaders(module: nn.Module) -> Iterator[str]:
    """Classes that do not load as every module does, the model's own first; torch's own load what they stored."""
    seen: set[type] = set()
    for part in module.modules():
        kind = type(part)
        if kind in seen:
            continue
        seen.add(kind)
        hooked = bool(getattr(part, "_load_state_dict_pre_hooks", None))
        whole = part is module and (kind.load_state_dict, kind.state_dict) != (
            nn.Module.load_state_dict,
            nn.Module.state_dict,
        )
        if hooked or whole or _defined(kind, "_load_from_state_dict"):
            yield kind.__name__


def _defined(kind: type, name: str) -> bool:
    """Whether a class outside of torch has a method of its own."""
    owner = next(base for base in kind.__mro__ if name in vars(base))
    return owner.__module__.partition(".")[0] != "torch"
