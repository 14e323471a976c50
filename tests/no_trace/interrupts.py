"""Interrupts, faults, at a place that is known beforehand: so each can be tried again.

CPython looks for signals where a function of Python's begins and where one of C's has returned, and that is where a
profile function is called. So a handler that is called from there does what it does when somebody presses Ctrl-C, at
exactly this place: it raises, and the exception leaves the function that was to begin, or the call that is done.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest_modelcheck

OURS = str(Path(pytest_modelcheck.__file__).parent)
WITHIN = (OURS, contextlib.__file__)


class Site(NamedTuple):
    """A place in the code, and by which way of ours it came there."""

    file: str
    line: int
    name: str
    event: str
    caller: tuple[str, int]

    def __str__(self):
        return f"{self.event} {self.name} at {self.file}:{self.line}, from {self.caller[0]}:{self.caller[1]}"


def _site(frame, event, argument):
    """None where no code of ours is on the way."""
    code = frame.f_code
    own, depth = frame, 0
    while own is not None and not own.f_code.co_filename.startswith(OURS):
        own, depth = own.f_back, depth + 1
    if (
        own is None or depth > DEPTH or "filelock" in code.co_filename
    ):  # its hooks around a fork: Python drops it
        return None
    if own is frame and code.co_name == "__exit__" and not frame.f_back.f_code.co_filename.startswith(WITHIN):
        return None  # a block of the user's is left: nothing of ours runs yet
    called = argument.__qualname__ if event == "c_return" else ""
    name = called or getattr(code, "co_qualname", code.co_name)  # Python 3.10 knows no more
    caller = own.f_back if own is frame else own
    return Site(code.co_filename, frame.f_lineno, name, event, (caller.f_code.co_filename, caller.f_lineno))


DEPTH = 3  # calls below our own code: contextlib, what torch's context managers call


os.register_at_fork(
    after_in_child=lambda: sys.setprofile(None)
)  # what a fork is interrupted by is its parent's


@contextmanager
def _profiled(function) -> Iterator[None]:
    sys.setprofile(function)
    try:
        yield
    finally:
        sys.setprofile(None)


def sites(call: Callable[[], object]) -> Counter[Site]:
    """Where a call could be interrupted, and how often each of them is passed."""
    found: Counter[Site] = Counter()

    def note(frame, event, argument):
        if event in ("call", "c_return") and (site := _site(frame, event, argument)) is not None:
            found[site] += 1

    with _profiled(note):
        call()
    return found


def interrupted(call: Callable[[], object], at: Site, turn: int = 1) -> BaseException | None:
    """What `call` raises when an interrupt comes at a site, as it is passed for this time; None: nothing."""
    left = turn

    def strike(frame, event, argument):
        nonlocal left
        if event in ("call", "c_return") and _site(frame, event, argument) == at:
            left -= 1
            if left == 0:
                sys.setprofile(None)
                del argument  # a file's own method would keep it open, as no signal does
                signal.getsignal(signal.SIGINT)(signal.SIGINT, frame)

    try:
        with _profiled(strike):
            call()
    except BaseException as error:
        return error
    return None
