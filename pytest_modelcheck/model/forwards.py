"""Calls of `forward` itself, which hooks do not see: `layer.forward(x)` and not `layer(x)`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeAlias

import torch
from torch import nn

from .undoing import patched

Forward: TypeAlias = Callable[..., Any]
Around: TypeAlias = Callable[
    [nn.Module, Any, Any, Forward], Any
]  # (module, arguments, keywords, forward) -> its output


@contextmanager
def forwards(modules: Iterable[nn.Module], around: Around) -> Iterator[None]:
    """In the block each forward of these modules runs through `around`, however it is called.

    Their classes get another `forward` for the block; those of TorchScript, and forwards that an instance has of its
    own, are left alone.
    """
    classes = {type(module) for module in modules if not isinstance(module, torch.jit.ScriptModule)}
    homes = {home for cls in classes for home in [_home(cls)] if home is not None}
    found: list[tuple[type, Forward]] = [(home, vars(home)["forward"]) for home in homes]
    with ExitStack() as stack:
        for home, forward in found:
            stack.enter_context(patched(home, forward=_through(around, forward)))
        yield


def _home(cls: type) -> type | None:
    """The class that says what `forward` is, if it is a function."""
    home = next((base for base in cls.__mro__ if "forward" in vars(base)), None)
    known = home is not None and home is not nn.Module and callable(vars(home)["forward"])
    return home if known else None


def _through(around: Around, forward: Forward) -> Forward:
    @functools.wraps(forward)
    def watched(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
        return around(self, args, kwargs, forward)

    return watched
