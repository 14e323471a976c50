"""The modules that a model is made of."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


def modules_of(roots: Iterable[nn.Module]) -> list[nn.Module]:
    """Roots and all below them, each once, in the order of `nn.Module.modules()`, at a fraction of what that takes."""
    found: dict[nn.Module, None] = {}
    todo: list[nn.Module | None] = [*reversed([*roots])]
    while todo:
        module = todo.pop()
        if module is None or module in found:
            continue
        found[module] = None
        if module._modules:
            todo += reversed(module._modules.values())
    return [*found]
