"""Tracebacks of our own errors show the user's code and the model's: what lies between is no news to the user."""

from __future__ import annotations

from types import TracebackType

OURS = __name__.partition(".")[0]
RUNNERS = ("pluggy", "_pytest", OURS)


def hide_own(error: BaseException) -> None:
    """End the traceback of `error` where the user's code calls this package, and start its cause's where we call
    the model."""
    _end_at_us(error.__traceback__)
    if error.__cause__ is not None:
        entry = error.__cause__.__traceback__
        while entry is not None and _package(entry) in RUNNERS and entry.tb_next is not None:
            entry = entry.tb_next
        _end_at_us(entry)
        error.__cause__.__traceback__ = entry


def _end_at_us(entry: TracebackType | None) -> None:
    """Cut after the last foreign frame before the first one of ours; runners above it are passed over."""
    foreign = None
    while entry is not None:
        if foreign is not None and _package(entry) == OURS:
            foreign.tb_next = None
            return
        if foreign is not None or _package(entry) not in RUNNERS:
            foreign = entry
        entry = entry.tb_next


def _package(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
