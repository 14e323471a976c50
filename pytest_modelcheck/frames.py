"""Tracebacks of our own errors end at the user's line: what lies below it is no news to the user."""

from __future__ import annotations

from types import TracebackType

RUNNERS = ("pluggy", "_pytest", __package__)


def end_at_user(error: BaseException) -> None:
    """Cut the traceback of `error` where the user's code calls this package; a cause keeps its own, whole."""
    entry, user = error.__traceback__, None
    while entry is not None:
        package = _package(entry)
        if user is not None and package == __package__:
            user.tb_next = None
            return
        if package not in RUNNERS or user is not None:
            user = entry
        entry = entry.tb_next


def _package(entry: TracebackType) -> str:
    return str(entry.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
