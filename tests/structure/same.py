"""Whether two models compute the same, found by running them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from types import GeneratorType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map


def same(one: Any, other: Any) -> bool:
    """Equal bit for bit, in equal containers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, Tensor):
        return _equal(one, other)
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, Mapping):
        return list(map(repr, one)) == list(map(repr, other)) and all(
            same(one[key], other[key]) for key in one
        )
    if isinstance(one, tuple) and hasattr(one, "_fields") and one._fields != other._fields:
        return False
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if dataclasses.is_dataclass(one) or (hasattr(one, "__dict__") and not isinstance(one, torch.dtype)):
        return same(vars(one), vars(other))
    return repr(one) == repr(other)  # nan is nan, and -0.0 is not 0.0


def _equal(one: Tensor, other: Tensor) -> bool:
    if (one.dtype, one.shape, one.layout) != (other.dtype, other.shape, other.layout):
        return False
    one, other = (t.detach().resolve_conj().to_dense() if t.is_sparse else t.detach() for t in (one, other))
    signs = not one.is_floating_point() or torch.equal(one.signbit(), other.signbit())
    return signs and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)


def made(build: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build().eval()


def answers(model: nn.Module, inputs: tuple[Any, ...], calls: int = 2) -> Iterator[Any]:
    """What it returns for the inputs and for others like them, called more than once: state is told by the second."""
    for change in (
        lambda t: t,
        lambda t: t * 0.6,
        lambda t: t + 3,
        lambda t: t * 0.2 - 0.1,
        lambda t: -t - 0.5,
    ):
        given = tree_map(lambda t, c=change: c(t) if _is_real(t) else t, inputs)
        for _ in range(calls):
            torch.manual_seed(0)
            with torch.no_grad():
                output = model(*tree_map(lambda t: t.clone() if isinstance(t, Tensor) else t, given))
                output = list(output) if isinstance(output, GeneratorType) else output
            yield output  # outside: two of these are asked in turn, and gradients would stay off


def _is_real(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def compute_the_same(base: nn.Module, head: nn.Module, inputs: tuple[Any, ...]) -> bool:
    return all(map(same, answers(base, inputs), answers(head, inputs)))
