"""Activation checkpointing, switched off: what it would compute again in the backward is kept.

The values are the same. Nothing that runs within a checkpoint can be cut or differentiated from outside, and the
reentrant kind refuses `torch.autograd.grad`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from torch.utils import checkpoint

from .undoing import undoing

_BLOCKS: list[
    tuple[int, object]
] = []  # their threads, and what tells them apart; what is patched is everybody's
_LOCK = threading.RLock()


@contextmanager
def no_recomputing() -> Iterator[None]:
    """In the block, on this thread, `torch.utils.checkpoint` only calls the function, whoever imported it and how.

    Both kinds and what is made of them (checkpoint_sequential, wrappers of modules); a context_fn is entered still.
    """
    block = threading.get_ident(), object()

    def leave() -> None:
        with _LOCK:
            if block in _BLOCKS:
                _BLOCKS.remove(block)
            if not _BLOCKS:
                _put_back()

    with undoing(leave):
        with _LOCK:
            _BLOCKS.append(block)
            _install()
        yield


def _is_within() -> bool:
    thread = threading.get_ident()
    return any(thread == other for other, _ in _BLOCKS)


_OWN = checkpoint._checkpoint_hook, checkpoint.CheckpointFunction.apply  # not reentrant, reentrant


def _hook(*args: Any) -> Any:
    """Keeps the tensors of a checkpoint out of the graph, or lets them be saved."""
    return nullcontext() if _is_within() else _OWN[0](*args)


def _apply(function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
    if _is_within():
        return function(*args)
    return _OWN[1](function, preserve_rng_state, *args)


def _install() -> None:
    vars(checkpoint)["_checkpoint_hook"] = _hook
    checkpoint.CheckpointFunction.apply = staticmethod(_apply)


def _put_back() -> None:
    vars(checkpoint)["_checkpoint_hook"] = _OWN[0]
    if "apply" in vars(checkpoint.CheckpointFunction):
        del checkpoint.CheckpointFunction.apply  # it is the base class's
