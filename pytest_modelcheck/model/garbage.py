"""Python's search for garbage, which takes the longer the more there is that is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from .undoing import undoing


@contextmanager
def uncollected() -> Iterator[None]:
    """A block in which nobody looks for it: an import of torch takes a seventh less."""
    collects = gc.isenabled()
    with undoing(gc.enable if collects else gc.disable):
        gc.disable()
        yield
