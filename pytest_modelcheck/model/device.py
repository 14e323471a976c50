"""The device that a user asks for, and a model there."""

from __future__ import annotations

import copy

import torch
from torch import nn

from ..errors import SubjectError
from ..text import as_written
from .factory import makes_a_new_one
from .loading import note_copy


def checked_device(device: torch.device | str | int | None) -> torch.device | None:
    """The device of that name; None for none. Raises SubjectError if there is no such one here."""
    try:
        wanted = None if device is None else torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise SubjectError(
            f"device={as_written(device)} is no device of torch: write 'cpu', 'cuda' or 'cuda:0'"
        ) from error
    if wanted is not None and wanted.type == "cuda" and not torch.cuda.is_available():
        raise SubjectError(f"device={as_written(device)} was asked for, but this torch sees no CUDA device")
    return wanted


def on_device(module: nn.Module, given: object, wanted: torch.device | None) -> nn.Module:
    """Move a model to a device; one that the user may own is copied first, since a check changes nothing."""
    if wanted is None:
        return module
    tensors = [*module.parameters(), *module.buffers()]
    if any(t.is_meta for t in tensors):  # it has no weights that could go there
        return module
    if all(t.device.type == wanted.type and wanted.index in (None, t.device.index) for t in tensors):
        return module
    if makes_a_new_one(given):
        return module.to(wanted)
    moved = copy.deepcopy(module).to(wanted)
    note_copy(module, moved)
    return moved
