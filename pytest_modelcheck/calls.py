"""Follow the calls of modules: the one way for all that ask which module is running."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


@contextmanager
def module_calls(
    enter: Callable[[nn.Module, Any], None], leave: Callable[[nn.Module, Any, Any], None]
) -> Iterator[None]:
    """Call `enter(module, args)` and `leave(module, args, output)` around each module call of this thread.

    The hooks are on no module. `leave` is called also when the module raises, with None as its output.
    """
    thread = threading.get_ident()

    def before(module: nn.Module, args: Any) -> None:
        if threading.get_ident() == thread:
            enter(module, args)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            leave(module, args, output)

    hooks = (register_module_forward_pre_hook(before), register_module_forward_hook(after, always_call=True))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
