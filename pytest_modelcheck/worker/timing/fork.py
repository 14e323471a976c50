"""Children of this process, asked in JSON over private pipes: whatever they do, an answer or an error comes in time."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ...text import ended, memory_hint

Answer = Callable[[dict[str, Any]], dict[str, Any]]
MAX_ANSWER = 32 * 2**20


class ChildError(Exception):
    """A child died, hung, answered garbage, or reported an exception."""


class Hung(ChildError):
    """A child that did not answer in time."""


class Child:
    """A fork of this process that answers questions.

    `start()` runs in it at the first question, and returns what answers. What the user prints is no part of this.
    """

    def __init__(self, what: str, start: Callable[[], Answer]) -> None:
        self.what = what
        self.status: int | None = None
        self._read = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._out)
            os.close(self._in)
            _serve(start, theirs_in, theirs_out)
        os.close(theirs_in)
        os.close(theirs_out)

    def tell(self, **question: object) -> None:
        """Ask, without waiting for the answer."""
        with suppress(BrokenPipeError):  # it is dead: `hear` will say how
            os.write(self._out, json.dumps(question).encode() + b"\n")

    def hear(self, timeout: float) -> dict[str, Any]:
        """The answer to the oldest question that has none. Raises ChildError."""
        line = self._line(time.monotonic() + timeout, timeout)
        try:
            answer = json.loads(line)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise ChildError(f"{self.what} answered garbage")
        if "exception" in answer:
            raise ChildError(f"{self.what} failed: {answer['exception']}")
        return answer

    def ask(self, timeout: float, **question: object) -> dict[str, Any]:
        """`tell` and `hear`."""
        self.tell(**question)
        return self.hear(timeout)

    def close(self) -> None:
        """End it at once."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            self.status = os.waitpid(self.pid, 0)[1]
        for pipe in (self._in, self._out):
            with suppress(OSError):
                os.close(pipe)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _line(self, deadline: float, timeout: float) -> bytes:
        while b"\n" not in self._read:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                raise Hung(f"{self.what} did not answer within {timeout:g} s")
            part = os.read(self._in, 65536)
            self._read += part
            if not part:
                raise ChildError(f"{self.what} {self._end()}")
            if len(self._read) > MAX_ANSWER:
                raise ChildError(f"{self.what} answered garbage")
        line, _, self._read = self._read.partition(b"\n")
        return line

    def _end(self) -> str:
        self.status = os.waitpid(self.pid, 0)[1] if self.status is None else self.status
        status = os.waitstatus_to_exitcode(self.status)
        return f"{ended(status)}{memory_hint(status)}"


def _serve(start: Callable[[], Answer], inbox: int, outbox: int) -> None:
    """The child's life: it never returns to what the parent was doing."""
    status = 1
    try:
        with os.fdopen(inbox, "r", encoding="utf-8") as questions:
            answer: Answer | None = None
            for line in questions:
                try:
                    answer = answer or start()
                    said = answer(json.loads(line))
                except Exception as error:
                    traceback.print_exc()
                    said = {"exception": f"{type(error).__name__}: {error}"}
                os.write(outbox, json.dumps(said).encode() + b"\n")
        status = 0
    finally:
        os._exit(status)
