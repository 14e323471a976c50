"""Follow the calls of modules: the one way for all that ask which module is running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.module import (
    _global_forward_hooks_with_kwargs,
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from ..errors import own_error
from .nesting import refuse_endless
from .observe import ONE_AT_A_TIME
from .threads import is_autograds
from .undoing import undoing

Mark: TypeAlias = tuple[int, int] | None  # what is set while a module runs, to be found again in its backward


@contextmanager
def hooked(
    before: Callable[..., Any] | None = None, after: Callable[..., Any] | None = None
) -> Iterator[Callable[[], None]]:
    """A block with hooks on all modules; gives what takes them away before its end.

    Meanwhile no other thread observes a model: it would put them back as if they were the user's.
    """
    handles: list[RemovableHandle] = []

    def end() -> None:
        for handle in handles:
            handle.remove()

    with (
        ONE_AT_A_TIME,
        undoing(end),
    ):  # also after an early end: a block within this one put back what it found
        if before is not None:
            handles.append(register_module_forward_pre_hook(before))
        if after is not None:
            handles.append(register_module_forward_hook(after))
        yield end


@contextmanager
def module_calls(
    enter: Callable[[nn.Module, object], None],
    leave: Callable[[nn.Module, object, object], None],
    elsewhere: Callable[[nn.Module], None] | None = None,
    here: Callable[[], bool] | None = None,
    keywords: Callable[[nn.Module, Mapping[str, object]], None] | None = None,
) -> Iterator[None]:
    """Call `enter(module, args)` and `leave(module, args, output)` around each module call of this thread.

    The hooks are on no module. `leave` is called also when the module raises, with None as its output. `elsewhere`
    hears of calls on other threads, where the modes and profilers of this one see nothing. `here`: whether the thread
    that asks is one of those that are followed (by default this one, and autograd's, where a backward runs on a
    device); `elsewhere` may make it one. `keywords` hears, just before `leave`, what the call was given by keyword:
    before it nobody is told.
    """
    thread = threading.get_ident()
    is_followed = here or (lambda: threading.get_ident() == thread or is_autograds())

    def before(module: nn.Module, args: object) -> None:
        if elsewhere is not None and not is_followed():
            elsewhere(module)
        if is_followed():
            with _ours():
                enter(module, args)

    def after(module: nn.Module, args: object, *rest: Any) -> None:
        # of a call that raises torch tells no keywords
        kwargs, output = rest if len(rest) == 2 else ({}, *rest)
        if is_followed():
            with _ours():
                if type(output) is not Tensor:
                    refuse_endless(output, f"what {type(module).__name__} gives")
                if keywords is not None:
                    keywords(module, kwargs)
                leave(module, args, output)

    told = keywords is not None
    hooks: list[RemovableHandle] = []

    def end() -> None:
        for hook in hooks:
            hook.remove()
            _global_forward_hooks_with_kwargs.pop(hook.id, None)  # which torch forgets

    with hooked(before), undoing(end):
        hooks.append(register_module_forward_hook(after, with_kwargs=told, always_call=True))
        yield


class _ours:
    """A block of ours within a call of the model's."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            raise own_error("what follows the modules", error) from error


class Running:
    """Which module of `root` is running: the innermost known one, by its name in `named_modules()`.

    `enter`, `leave` and `elsewhere` are for `module_calls`; `others` ran on other threads.
    """

    def __init__(self, root: nn.Module) -> None:
        self.names = {module: name for name, module in root.named_modules()}
        self.running = [""]
        self.others: dict[str, None] = {}  # a set in order
        self._origin: dict[int, tuple[str, Mark]] = {}  # autograd node -> module, mark

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        self.running.append(self.names.get(module, self.running[-1]))

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """It ends."""
        self.running.pop()

    def elsewhere(self, module: nn.Module) -> None:
        """A module's forward begins on another thread."""
        self.others[self.names.get(module, type(module).__name__)] = None

    def current(self) -> str:
        """The innermost module that runs."""
        return self.running[-1]

    def owner(self, mark: Mark = None) -> tuple[str, Mark]:
        """Whose the operator is that runs now, and the mark set when it, or the forward that it goes back to, ran.

        In the forward the running module; in the backward the module whose forward made the autograd node. A module
        that runs within the backward is a checkpoint's: its forward is done again, as a forward.
        """
        node = torch._C._current_autograd_node()
        if node is not None and len(self.running) == 1:
            return self._origin.get(node._sequence_nr(), ("", None))
        now = self.current(), mark
        if torch.is_grad_enabled():
            # an operator that makes no node of its own must not claim the last one's
            self._origin.setdefault(torch._C._autograd._get_sequence_nr() - 1, now)
        return now

    def claim(self, nodes: range, owner: str, mark: Mark = None) -> None:
        """The autograd nodes of these numbers are `owner`'s: an operator made them that consists of several."""
        for node in nodes:
            self._origin[node] = owner, mark
