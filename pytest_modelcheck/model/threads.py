"""Work that is handed to other threads, followed there: torch's modes are each thread's own."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.pool import Pool, ThreadPool
from threading import Thread
from typing import Any, TypeAlias

import torch

from .undoing import patched

Function: TypeAlias = Callable[..., Any]
HandOver: TypeAlias = Callable[[], "AbstractContextManager[object] | None"]

_WORKERS = ("concurrent.futures.thread", "multiprocessing.pool")  # their threads wait for what is handed over
_POOLED = ("apply_async", "_map_async", "imap", "imap_unordered")  # how a pool takes work


@contextmanager
def followed(hand_over: HandOver) -> Iterator[None]:
    """What is handed to other threads in the block runs there within the context that `hand_over()` gives.

    It is asked on the thread that hands over; None: that is no work of the block's. Threads that a library starts
    outside of Python are not seen.
    """
    submit, start = ThreadPoolExecutor.submit, Thread.start
    pooled = {name: getattr(Pool, name) for name in _POOLED if hasattr(Pool, name)}

    def submit_followed(pool: ThreadPoolExecutor, function: Function, /, *args: Any, **kwargs: Any) -> Any:
        return submit(pool, _within(hand_over(), function), *args, **kwargs)

    def start_followed(thread: Thread) -> None:
        if getattr(getattr(thread, "_target", None), "__module__", None) not in _WORKERS:
            thread.run = _within(hand_over(), thread.run)  # type: ignore[method-assign]
        start(thread)

    def taking(take: Function) -> Function:
        @functools.wraps(take)
        def take_followed(pool: Pool, function: Function, *args: Any, **kwargs: Any) -> Any:
            context = hand_over() if isinstance(pool, ThreadPool) else None
            return take(pool, _within(context, function), *args, **kwargs)

        return take_followed

    taken = {name: taking(take) for name, take in pooled.items()}
    with (
        patched(ThreadPoolExecutor, submit=submit_followed),
        patched(Thread, start=start_followed),
        patched(Pool, **taken),
    ):
        yield


def is_autograds() -> bool:
    """Whether this is a thread of autograd's own, at work: one for each device runs the backward there, in the modes of
    the thread that asked for it.
    """
    if torch._C._current_graph_task_id() == -1:
        return False
    own = threading.get_ident()  # current_thread() would register it
    return all(t.ident != own or isinstance(t, threading._DummyThread) for t in threading.enumerate())


def _within(context: AbstractContextManager[object] | None, function: Function) -> Function:
    """`function` as it runs in `context`, once or more often."""
    if context is None:
        return function

    @functools.wraps(function)
    def within(*args: Any, **kwargs: Any) -> Any:
        with context:
            return function(*args, **kwargs)

    return within
