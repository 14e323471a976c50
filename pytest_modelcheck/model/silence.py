"""Blocks whose words are for nobody."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial

from torch.hub import tqdm  # type: ignore[attr-defined]  # the real one, or what torch has in its place

from .undoing import patched, undoing


@contextmanager
def unwatched() -> Iterator[None]:
    """A block in which torch's own bars of progress begin no thread: it would stay as long as the process."""
    with patched(tqdm, monitor_interval=0):
        yield


@contextmanager
def unheard() -> Iterator[None]:
    """In the block nobody hears what is printed, warned of or logged."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with undoing(partial(logging.disable, logging.root.manager.disable)):
            logging.disable()
            yield
