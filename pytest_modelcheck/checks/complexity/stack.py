"""Which module is running while operators are counted, on each thread; calls, shapes, and whose weights are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

from torch import Tensor, nn

from ...model.calls import Running
from ...model.exported import Exported
from ...model.shapes import sizes
from ...model.threads import is_autograds
from .formulas import first_tensor


class ModuleStack(Running):
    """Which module is running, on each thread that is followed; calls and shapes of each."""

    def __init__(self, root: nn.Module) -> None:
        self._by_thread: dict[int, list[str]] = {}
        super().__init__(root)
        self.calls: dict[str, int] = dict.fromkeys(self.names.values(), 0)
        self.shapes: dict[
            str, tuple[tuple[int, ...] | None, tuple[int, ...]]
        ] = {}  # of first input and output
        self.weights: dict[int, list[str]] = {}  # tensor's identity -> the modules that have it
        self.used: dict[str, str] = {}  # a module -> another one that used its weights, the first
        self._given: dict[str, tuple[int, ...]] = {}  # by keyword
        self._exported = Exported(self.names)
        self._has_graphs = any(name in self._exported for name in self.names.values())

    @property
    def running(self) -> list[str]:
        """On this thread, the innermost module last."""
        thread = get_ident()
        if thread not in self._by_thread and is_autograds():
            self._by_thread[thread] = [""]
        return self._by_thread[thread]

    @running.setter
    def running(self, names: list[str]) -> None:
        self._by_thread[get_ident()] = names

    def is_known(self) -> bool:
        """Whether this thread is followed."""
        return get_ident() in self._by_thread or is_autograds()

    @contextmanager
    def on_this_thread(self, owner: str) -> Iterator[None]:
        """A block on another thread, which works for the module `owner`."""
        self.running = [owner]
        try:
            yield
        finally:
            del self._by_thread[get_ident()]

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        super().enter(module, args)
        if module in self.names:
            self.calls[self.running[-1]] += 1

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """It ends."""
        super().leave(module, args, output)
        out, name = _first(output), self.names.get(module)
        if out is not None and name is not None:
            given = _first(args)
            shape = sizes(given) if given is not None else self._given.get(name)
            self.shapes[name] = (shape, sizes(out))

    def around(self, module: nn.Module, args: Any, kwargs: Any, forward: Callable[..., Any]) -> Any:
        """A forward: of a call that hooks have seen, or one by itself, which counts as a call."""
        name = self.names.get(module)
        if name is None or not self.is_known():
            return forward(module, *args, **kwargs)
        if kwargs and not args and (given := _first(kwargs)) is not None:
            self._given[name] = sizes(given)
        if self.running[-1] == name and (name or len(self.running) > 1):
            return forward(module, *args, **kwargs)
        output = None
        self.enter(module, args)
        try:
            output = forward(module, *args, **kwargs)
        finally:
            self.leave(module, args, output)
        return output

    def current(self) -> str:
        """The innermost module that runs on this thread, within a graph the one that the line stands for."""
        name = self.running[-1]
        if not self._has_graphs or name not in self._exported:
            return name
        name = self._exported.owner(name)
        self.calls[name] = self.calls[name] or 1
        return name

    def watch_weights(self) -> None:
        """From now on note whose weights are used: of the parameters that the modules have now."""
        for module, name in self.names.items():
            for tensor in module._parameters.values():
                if tensor is not None:
                    self.weights.setdefault(id(tensor), []).append(name)

    def note_weights(self, args: Iterable[object], owner: str) -> None:
        """An operator of `owner` got these."""
        for value in args:
            for name in self.weights.get(id(value), ()):
                if name != owner:
                    self.used.setdefault(name, owner)


def _first(values: object) -> Tensor | None:
    """The first tensor of an input or output, whatever it is packed into."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, dict):  # HF's outputs are dictionaries too
        values = list(values.values())
    return first_tensor(values)
