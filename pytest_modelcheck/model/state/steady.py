"""Inputs that a call changes: each call that is timed begins with them as they were given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch import Tensor

from .containers import Put
from .digest import outline
from .held import Held


def reset_between(given: object, call: Callable[[], object]) -> Put | None:
    """What puts `given` back between calls, after one or two; None where the next one finds what the last one found.

    A cache of keys and values that grows would else be timed as it grows. Floating tensors keep what is written to
    them: it changes no time. Nor is put back what a model keeps itself: one that grows with each call shows a trend.
    """
    held = Held([], [given])
    numbers = [(t, t.clone()) for t in held.tensors if _counts(t)]
    found = outline(given)
    for _ in range(2):  # a cache may be filled by the first call, and stay so
        call()
        left, found = found, outline(given)
        if left == found:
            return None
    changes: list[Put] = [*held.changes(), *(partial(t.copy_, before) for t, before in numbers)]
    return partial(_put_all, changes)


def _counts(tensor: Tensor) -> bool:
    return not (tensor.is_nested or tensor.is_floating_point() or tensor.is_meta) and tensor.numel() <= 1


def _put_all(changes: list[Put]) -> None:
    for put in changes:
        put()
