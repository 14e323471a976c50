"""What a model returns, opened down to its tensors: files hold nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import keystr, tree_flatten_with_path


def tensors_of(output: object) -> list[Tensor]:
    """All tensors, in order, however deeply nested."""
    return [leaf for _, leaf in _leaves(output) if isinstance(leaf, Tensor)]


def left_out(output: object) -> tuple[str, ...]:
    """What no file can hold: `['steps'] (int)`."""
    others = [(path, leaf) for path, leaf in _leaves(output) if not isinstance(leaf, Tensor)]
    return tuple(
        f"{path or 'all of it'} ({type(leaf).__name__})" for path, leaf in others if leaf is not None
    )


def _leaves(output: object, path: str = "") -> Iterator[tuple[str, object]]:
    """With where they are; what torch takes for leaves though it holds others is opened too."""
    for keys, leaf in tree_flatten_with_path(output)[0]:
        place, inner = f"{path}{keystr(keys)}", list(_inner(leaf))
        yield from [] if inner else [(place, leaf)]
        for key, value in inner:
            yield from _leaves(value, f"{place}{key}")


def _inner(leaf: object) -> Iterator[tuple[str, object]]:
    """What dataclasses and the user's own kinds of dictionaries and sequences hold."""
    if dataclasses.is_dataclass(leaf) and not isinstance(leaf, type):
        yield from ((f".{field.name}", getattr(leaf, field.name)) for field in dataclasses.fields(leaf))
    elif isinstance(leaf, Mapping):
        yield from ((f"[{key!r}]", value) for key, value in leaf.items())
    elif isinstance(leaf, (list, tuple)):
        yield from ((f"[{place}]", value) for place, value in enumerate(leaf))


@contextmanager
def tensors_alone(module: nn.Module, output: object) -> Iterator[None]:
    """Within the block it returns the tensors of its output alone, where that holds what the exporter cannot open."""
    if all(leaf is None or isinstance(leaf, Tensor) for leaf in _plain_leaves(output)):
        yield
        return
    handle = module.register_forward_hook(_opened)
    try:
        yield
    finally:
        handle.remove()


def _plain_leaves(output: object) -> list[object]:
    """As torch, and so the exporter, opens it."""
    return [leaf for _, leaf in tree_flatten_with_path(output)[0]]


def _opened(module: nn.Module, args: Any, output: object) -> tuple[Tensor, ...]:
    return tuple(tensors_of(output))
