"""Whether a model's weights were loaded, or are what its initialisation drew.

Nobody can see that in a tensor. So `load_state_dict`, `torch.load` and `torch.jit.load` are watched while a model is
made: in fixtures that subjects need, in factories, while test files are imported. What is loaded in other ways counts
as drawn, unless running statistics tell that the model has seen data.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakIdKeyDictionary

from .undoing import undoing

_loaded = WeakIdKeyDictionary()  # the tensors that were filled from stored ones
_PLACES = ((nn.Module, "load_state_dict"), (torch, "load"), (torch.jit, "load"))


class _Watch:
    """Stands in the places of these functions while some block, of whatever thread, is open."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.blocks: list[object] = []
        self.originals: list[Any] = []

    def enter(self, block: object) -> None:
        with self.lock:
            if not self.blocks:
                self.originals = [getattr(owner, name) for owner, name in _PLACES]
                self.blocks.append(block)
                _put([_filled(self.originals[0]), *map(_opened, self.originals[1:])])
            else:
                self.blocks.append(block)

    def leave(self, block: object) -> None:
        """Also of one that never came in."""
        with self.lock:
            if self.blocks == [block]:
                _put(self.originals)
            if block in self.blocks:
                self.blocks.remove(block)


_WATCH = _Watch()


@contextmanager
def loading_watched() -> Iterator[None]:
    """In the block it is noted which tensors of modules are loaded; blocks may stand in each other."""
    block = object()
    with undoing(partial(_WATCH.leave, block)):
        _WATCH.enter(block)
        yield


def _put(functions: Sequence[Any]) -> None:
    for (owner, name), function in zip(_PLACES, functions, strict=True):
        setattr(owner, name, function)


def _filled(load: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(load)
    def load_state_dict(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        answer = load(module, *args, **kwargs)
        _note(module, set(getattr(answer, "missing_keys", ())))
        return answer

    return load_state_dict


def _opened(load: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(load)
    def opened(*args: Any, **kwargs: Any) -> Any:
        found = load(*args, **kwargs)
        for value in (found, *(found.values() if isinstance(found, dict) else ())):
            if isinstance(value, nn.Module):
                _note(value)
        return found

    return opened


def _note(module: nn.Module, missing: set[str] | None = None) -> None:
    for name, parameter in module.named_parameters():
        if name not in (missing or ()):
            _loaded[parameter] = True


def note_copy(original: nn.Module, copy: nn.Module) -> None:
    """What was loaded into `original` is in its copy."""
    if is_loaded(original):
        _note(copy)


def is_loaded(module: nn.Module) -> bool:
    """Whether all parameters were loaded, or the running statistics are those of a model that has seen data."""
    parameters = list(module.parameters())
    if parameters and all(parameter in _loaded for parameter in parameters):
        return True
    statistics = [
        buffer for name, buffer in module.named_buffers() if name.endswith(("running_mean", "running_var"))
    ]
    return bool(statistics) and all(_has_seen_data(buffer) for buffer in statistics)


def _has_seen_data(statistic: Tensor) -> bool:
    """Running means begin at 0, variances at 1, everywhere."""
    return not statistic.is_meta and statistic.numel() > 0 and bool((statistic != statistic.round()).any())
