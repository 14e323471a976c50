"""Tokens: which of them are the places of a picture, by how they answer to it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .images import Images
from .layouts import MOST_EXTRA, Size
from .runs import back


def front_of(tokens: Tensor, grid: Size, images: Images, leaves: Sequence[Tensor]) -> int | None:
    """How many of `tokens` (N, L, C) stand before those of the places: those that do not answer to the picture.

    Asked of the first layer that has so many; where all answer, attention has mixed them, and a few are taken for extra
    ones if the others answer to their own places: queries of a decoder do not. None: these are no places. `leaves`: the
    picture, that the tokens were computed from; without any, a few extra ones stand in front, as they mostly do.
    """
    extra = tokens.shape[1] - math.prod(grid)
    if not extra:
        return 0
    if not leaves:
        return extra if extra <= MOST_EXTRA else None
    least = 1e-4 * _answer(tokens, leaves)
    front = _silent(tokens, extra, least, leaves)
    behind = _silent(tokens.flip(1), extra - front, least, leaves)
    if front + behind == extra:
        return front
    if front or behind or extra > MOST_EXTRA:
        return None
    return next((n for n in (extra, 0) if _is_local(tokens[:, n:], grid, images, leaves)), None)


def _silent(tokens: Tensor, most: int, least: float, leaves: Sequence[Tensor]) -> int:
    """How many of the first `most` tokens, from the first on, answer to the picture by less than `least`."""
    low, high, middle = 0, most, most  # all, mostly
    while low < high:
        if _answer(tokens[:, :middle], leaves) < least:
            low = middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    return low


def _is_local(tokens: Tensor, grid: Size, images: Images, leaves: Sequence[Tensor]) -> bool:
    """Whether most tokens in the corners of the grid answer to their own places above all."""
    corners = list(itertools.product(*((0, n - 1) for n in grid)))
    numbers = np.arange(math.prod(grid)).reshape(grid)
    met = [_hottest(tokens[:, int(numbers[one])], grid, images, leaves) == one for one in corners]
    return sum(met) > len(met) / 2


def _hottest(token: Tensor, grid: Size, images: Images, leaves: Sequence[Tensor]) -> Size:
    """Which place of the grid a token answers to most."""
    answer = images.read(_answers(token, leaves)).abs().sum((0, 1))
    at = np.unravel_index(int(answer.argmax()), answer.shape)
    return tuple(int(i) * n // size for i, n, size in zip(at, grid, answer.shape, strict=True))


def _answer(tokens: Tensor, leaves: Sequence[Tensor]) -> float:
    return max(float(gradient.abs().max()) for gradient in _answers(tokens, leaves))


def _answers(tokens: Tensor, leaves: Sequence[Tensor]) -> list[Tensor]:
    weights = torch.linspace(
        -1, 1, tokens.shape[-1], device=tokens.device
    ).square()  # a norm's plain sum is constant
    found = back((tokens.float() * weights).sum(), leaves, keep=True)
    return [
        torch.zeros_like(leaf) if gradient is None else gradient
        for leaf, gradient in zip(leaves, found, strict=True)
    ]
