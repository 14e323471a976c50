"""TorchScript whose operators can be seen: after some runs its executor keeps a whole block in one node of a graph."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import nn

from ...model.undoing import undoing

_NEVER = 10**6  # runs, after which it would be optimised
_set_runs: Any = torch._C._jit_set_num_profiled_runs


@contextmanager
def unoptimised(module: nn.Module) -> Iterator[nn.Module]:
    """A copy of the module, in whose TorchScript parts each operator has a node of its own."""
    fresh = {id(part): _loaded_again(part) for part in _scripted(module)}
    before = _set_runs(1)
    with undoing(partial(_set_runs, before)):
        _set_runs(_NEVER)
        yield copy.deepcopy(module, fresh)


def _scripted(module: nn.Module) -> Iterator[torch.jit.ScriptModule]:
    """Those parts that no other such part holds."""
    if isinstance(module, torch.jit.ScriptModule):
        yield module
        return
    for child in module.children():
        yield from _scripted(child)


def _loaded_again(part: torch.jit.ScriptModule) -> Any:
    """Of the same code and values, without the executors that have seen runs: a copy would share these."""
    buffer = io.BytesIO()
    torch.jit.save(part, buffer)
    buffer.seek(0)
    return torch.jit.load(buffer)
