"""The other threads that work for a model while it is counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from ...model.calls import module_calls
from ...model.forwards import forwards
from ...model.threads import followed

if TYPE_CHECKING:
    from .counter import Counter


class Threads:
    """Counts on other threads what the model does there, as a part of the module that handed it over.

    Where a backward follows this cannot be done (autograd numbers what each thread does from 0): then it is only noted
    that there was something.
    """

    def __init__(self, counter: Counter) -> None:
        self.counter, self.stack = counter, counter.stack
        self._seen: dict[
            str, None
        ] = {}  # modules that handed over work of which it is only known that it was
        self._begun: dict[int, AbstractContextManager[object]] = {}  # by threads that were at work before

    @contextmanager
    def followed(self) -> Iterator[None]:
        """A block in which the model runs; the counter must be active in it where work is handed over."""
        with (
            module_calls(self.stack.enter, self._leave, self._elsewhere, here=self.stack.is_known),
            followed(self._hand_over),
            forwards(self.stack.names, self.stack.around),
        ):
            try:
                yield
            finally:
                self.counter.closed = True
                if not self.stack.others:  # else it is known which modules ran there
                    self.stack.others.update(self._seen)

    def _hand_over(self) -> AbstractContextManager[object] | None:
        if self.counter not in _get_current_dispatch_mode_stack():
            return None
        return _Work(self.counter, self.stack.running[-1], self._seen)

    def _elsewhere(self, module: nn.Module) -> None:
        """A module runs on a thread that nobody was seen to hand anything to."""
        if self.counter.trace or module not in self.stack.names:
            self.stack.elsewhere(module)
            return
        work = _Work(self.counter, "", self._seen)
        work.__enter__()
        self._begun[threading.get_ident()] = work

    def _leave(self, module: nn.Module, args: object, output: object) -> None:
        self.stack.leave(module, args, output)
        work = self._begun.get(threading.get_ident())
        if work is not None and len(self.stack.running) == 1:
            del self._begun[threading.get_ident()]
            work.__exit__(None, None, None)


class _Work:
    """A context for each thread that works in it."""

    def __init__(self, counter: Counter, owner: str, seen: dict[str, None]) -> None:
        self.counter, self.owner, self.seen = counter, owner, seen
        self._own = threading.local()

    def __enter__(self) -> None:
        self._own.block = ExitStack()
        if self.counter.closed or self.counter in _get_current_dispatch_mode_stack():
            return
        if self.counter.trace:
            self._own.block.enter_context(_Witness(self.seen, self.owner))
            return
        self._own.block.enter_context(torch.no_grad())
        self._own.block.enter_context(self.counter.stack.on_this_thread(self.owner))
        self._own.block.enter_context(self.counter)

    def __exit__(self, *raised: Any) -> None:
        self._own.block.close()


class _Witness(TorchDispatchMode):
    """Notes that operators ran."""

    def __init__(self, seen: dict[str, None], owner: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen, self.owner = seen, owner

    def __torch_dispatch__(self, func: Any, types: object, args: Any = (), kwargs: Any = None) -> object:
        self.seen[self.owner] = None
        return func(*args, **(kwargs or {}))
