"""Where tensors leave torch: what is done to an array, no operator tells of."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode_stack

from ...model.places import Place, place_now
from ...model.undoing import patched, undoing

_WAYS = ("numpy", "__dlpack__")  # `__array__`, which numpy calls, asks for the first


@contextmanager
def departures(watched: object, names: Mapping[int, str]) -> Iterator[dict[str, None]]:
    """The places where tensors become arrays while the mode `watched` is active; `names` of modules by their id."""
    found: dict[str, None] = {}
    watching = [watched]  # emptied at the end: who copied a method meanwhile holds nothing of ours

    def noting(way: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(way)
        def noted(*args: Any, **kwargs: Any) -> Any:
            if any(mode in _get_current_dispatch_mode_stack() for mode in watching):
                found[_told(place_now(names))] = None
            return way(*args, **kwargs)

        return noted

    with (
        undoing(watching.clear),
        patched(torch.Tensor, **{way: noting(getattr(torch.Tensor, way)) for way in _WAYS}),
    ):
        yield found


def _told(place: Place) -> str:
    return (
        f"{place.module or 'the model itself'}, at {place}"
        if place.file
        else place.module or "the model itself"
    )
