"""Run something before a test's own code, in the place where pytest and unittest see it as the test's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from _pytest.unittest import TestCaseFunction

Body = Callable[..., Any]


@contextmanager
def before_body(item: pytest.Item, action: Callable[[], None]) -> Iterator[None]:
    """Call `action` before the code of `item`, which the block runs.

    Of a method of unittest.TestCase after `setUp`, which may skip it, and within what `expectedFailure` covers: its
    words are understood where unittest runs the method.
    """
    if not isinstance(item, TestCaseFunction) or "runtest" in vars(item):  # its code was replaced
        action()
        yield
        return
    body = item.obj
    item.obj = preceded = _preceded(body, action)
    setattr(item.instance, item.name, preceded)  # asynchronous methods are looked up there
    try:
        yield
    finally:
        item.obj = body
        if item.instance is not None:
            vars(item.instance).pop(item.name, None)


def expects_failure(item: pytest.Item) -> bool:
    """Whether unittest expects the test to fail: what fails it must do so in its code."""
    known = [getattr(item, "obj", None), getattr(getattr(item, "parent", None), "obj", None)]
    return isinstance(item, TestCaseFunction) and any(
        getattr(one, "__unittest_expecting_failure__", False) for one in known
    )


def _preceded(body: Body, action: Callable[[], None]) -> Body:
    if inspect.iscoroutinefunction(body):

        @functools.wraps(body)
        async def waiting(*args: Any, **kwargs: Any) -> Any:
            action()
            return await body(*args, **kwargs)

        return waiting

    @functools.wraps(body)
    def preceded(*args: Any, **kwargs: Any) -> Any:
        action()
        return body(*args, **kwargs)

    return preceded
