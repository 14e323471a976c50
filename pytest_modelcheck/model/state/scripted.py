"""TorchScript: what its modules keep in C++, where no `__dict__` shows it: their mode, and which tensors are theirs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from .containers import Put


class Scripted:
    """Of the TorchScript modules among `parts`."""

    def __init__(self, parts: Iterable[nn.Module]) -> None:
        found: list[Any] = [part for part in parts if isinstance(part, torch.jit.ScriptModule)]
        self._modes = [(part, getattr(part, "training", None)) for part in found]  # what is frozen has none
        registries = [held for part in found for held in (part._parameters, part._buffers)]
        self._tensors = [(held, dict(held.items())) for held in registries]

    def modes(self) -> Iterator[Put]:
        """What puts back the modes that differ."""
        for part, mode in self._modes:
            if getattr(part, "training", None) is not mode:
                yield partial(setattr, part, "training", mode)

    def tensors(self) -> Iterator[Put]:
        """What puts back the tensors in whose place others are."""
        for held, before in self._tensors:
            for name, tensor in before.items():
                if held[name] is not tensor:
                    yield partial(held.__setitem__, name, tensor)
