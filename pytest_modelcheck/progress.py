"""Progress of long measurements: one line on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .text import log_safe

EVERY = 0.2  # seconds between two updates; shorter work is never shown

terminal: TextIO | None = None
"""Where the line goes; None: stderr. pytest, which captures that, has its own terminal put here."""


@contextmanager
def busy(text: str) -> Iterator[Callable[[str], None]]:
    """Say what goes on while the block runs. Yields `say(text)`, for what goes on now. Writes only to a terminal."""
    stream = terminal or sys.stderr
    shown = stream is not None and stream.isatty()
    width = 0

    def say(text: str) -> None:
        nonlocal width
        if shown:
            stream.write(f"\r{log_safe(text) + ' …':<{width}}")
            stream.flush()
            width = max(width, len(text) + 2)

    say(text)
    try:
        yield say
    finally:
        if shown:
            stream.write(f"\r{'':<{width}}\r")
            stream.flush()


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Yields `step(n)`, to be called when n of `total` are done. Writes only if there is a terminal to write to."""
    stream = terminal or sys.stderr
    shown = stream is not None and stream.isatty()
    done, last, width = 0, time.monotonic(), 0

    def step(count: int) -> None:
        nonlocal done, last, width
        done += count
        if shown and time.monotonic() - last > EVERY:
            last = time.monotonic()
            text = log_safe(f"{label}: {done} of {total}")
            stream.write(f"\r{text:<{width}}")
            stream.flush()
            width = len(text)

    try:
        yield step
    finally:
        if width:
            stream.write(f"\r{'':<{width}}\r")
            stream.flush()
