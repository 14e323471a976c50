"""A model as it is before and after: what a user would miss if a check had changed it."""

from __future__ import annotations

import hashlib
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .digest import of_bytes
from .process import SETTINGS

LOOKED_AT = ("weights", "buffers", "gradients", "flags", "hooks", "random numbers", "settings of the process")
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def photograph(module: nn.Module) -> Mapping[str, object]:
    """Everything in words: what it is -> something that is equal for the same."""
    return dict((*_tensors(module), *_modules(module), *_process()))


def differing(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What is not as it was."""
    return [what for what in {**before, **after} if before.get(what) != after.get(what)]


def _tensors(module: nn.Module) -> Iterator[tuple[str, object]]:
    for name, parameter in module.named_parameters():
        yield f"parameter {name!r}", _known(parameter)
        yield f"the gradient of {name!r}", None if parameter.grad is None else _known(parameter.grad)
        yield f"requires_grad of {name!r}", parameter.requires_grad
    for name, buffer in module.named_buffers():
        yield f"buffer {name!r}", _known(buffer)


def _known(tensor: Tensor) -> object:
    if is_lazy(tensor):
        return id(tensor)
    plain = tensor.layout is torch.strided and not tensor.is_meta
    return id(tensor), tuple(tensor.shape), of_bytes(tensor.detach(), _sum) if plain else str(tensor.layout)


def _sum(data: memoryview) -> bytes:
    return hashlib.sha256(data).digest()


def _modules(module: nn.Module) -> Iterator[tuple[str, object]]:
    for name, part in module.named_modules():
        yield f"the mode of {name or 'the model itself'!r}", part.training
        yield (
            f"hooks of {name or 'the model itself'!r}",
            [list(getattr(part, kind, None) or ()) for kind in HOOKS],
        )


def _process() -> Iterator[tuple[str, object]]:
    yield "torch's random numbers", torch.get_rng_state().numpy().tobytes()
    yield "python's random numbers", random.getstate()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        kind, words, *place = numpy.random.get_state()
        yield "numpy's random numbers", (kind, words.tobytes(), place)
    for name, setting in SETTINGS.items():
        yield name, setting.read()
