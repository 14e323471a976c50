"""Padding: a detector resizes its pictures and pads them; which share of what its convolutions get is the picture?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from ...errors import ModelRunError
from ...model.calls import hooked
from ...model.guard import harmless
from .entrances import space_of
from .images import Images
from .layouts import Size
from .runs import EnoughSeen, as_written

SMALL = 1e-6  # of the largest change: what rounding alone changes


@dataclass
class Entered:
    """What the first convolution got, `given`, and the size of its `kernel`; None while there was none."""

    given: Tensor | None = None
    kernel: Size = ()


@contextmanager
def entering(images: Images, then: Callable[[], None] = lambda: None) -> Iterator[Entered]:
    """In the block the first convolution over the picture's dimensions is watched; `then` is called behind it."""
    thread, entered, dims = threading.get_ident(), Entered(), len(images.size)

    @harmless
    def note(module: nn.Module, args: tuple[object, ...]) -> None:
        if entered.given is not None or space_of(module) != dims or threading.get_ident() != thread:
            return
        if args and isinstance(args[0], Tensor):
            entered.given, entered.kernel = args[0].detach(), cast("Size", module.kernel_size)
            end()  # each later module would pay for it
            then()

    with hooked(note) as end:
        yield entered


def extent(images: Images, entered: Entered) -> tuple[float, ...]:
    """The share of what the convolutions get that the picture takes, from the first corner on; () is all of it.

    Found by trying: two forwards with other pixels, no further than to the first convolution, and only where this gets
    another size than the picture's. A margin that is narrower than its kernel is the convolution's own.
    """
    given = entered.given
    if given is None or tuple(given.shape[-len(images.size) :]) == images.size:
        return ()
    dims = range(given.dim() - len(images.size), given.dim())
    first, second = (_entering(images, seed) for seed in (0, 1))
    if first is None or second is None or first.shape != given.shape or second.shape != given.shape:
        return ()
    change = (second.float() - first.float()).abs()
    answers = change > SMALL * change.max()
    shares = []
    for dim, kernel in zip(dims, entered.kernel, strict=True):
        others = tuple(d for d in range(given.dim()) if d != dim)
        places = answers.amax(others).nonzero()
        if not len(places) or int(places[0]) > 0:
            return ()
        length, whole = int(places[-1]) + 1, given.shape[dim]
        shares.append(1.0 if whole - length < kernel else length / whole)
    return () if all(share == 1 for share in shares) else tuple(shares)


def _entering(images: Images, seed: int) -> Tensor | None:
    """What the first convolution gets of pictures of noise, of the values that the real ones have."""

    def enough() -> None:
        raise EnoughSeen

    batch = images.batch
    noise = torch.rand(batch.shape, generator=torch.Generator().manual_seed(seed)).to(batch.device)
    low, high = float(batch.min()), float(batch.max())
    pictures = (low + noise * max(high - low, 1)).to(batch.dtype)
    with (
        torch.inference_mode(False),
        images.subject.restored(),
        torch.no_grad(),
        as_written(),
        entering(images, enough) as entered,
        suppress(EnoughSeen, ModelRunError),
    ):
        images.subject.run(images.inputs(pictures))
    return entered.given
