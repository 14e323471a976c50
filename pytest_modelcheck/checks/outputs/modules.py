"""What the modules of a model are given and give in one call, a few numbers for each: activations are not held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

from torch import Tensor, nn
from torch._C import DisableTorchFunction

from ...model.calls import module_calls
from ...model.shapes import is_plain
from .leaves import leaves
from .sketch import Sketch

PARAMETRIZED = "parametrizations"  # what computes a weight is part of whose weight it is


class Part(NamedTuple):
    """A module of the tree: its name, its class, its own tensors by name and shape."""

    path: str
    kind: str
    tensors: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass
class Call:
    """One call of a module: its name, which call of it this is, and in which other one it happens (-1: in none).

    `received` by position, `named` by keyword; `gave` is None where it raised.
    """

    path: str
    number: int
    within: int
    received: list[Sketch] = field(default_factory=list)
    named: list[Sketch] = field(default_factory=list)
    gave: list[Sketch] | None = None

    @property
    def given(self) -> list[Sketch]:
        """All that it received."""
        return [*self.received, *self.named]


class Moment(NamedTuple):
    """A call begins, or ends."""

    call: int
    ends: bool


@dataclass
class Trace:
    """The tree of a model and the calls of one forward, in the order in which they begin; `moments`: all that begin and
    end, in order.
    """

    tree: list[Part]
    calls: list[Call] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)

    def plain(self) -> dict[str, Any]:
        """For another process: tuples, numbers and tensors."""
        calls = [
            (
                call.path,
                call.number,
                call.within,
                list(map(tuple, call.received)),
                list(map(tuple, call.named)),
                None if call.gave is None else list(map(tuple, call.gave)),
            )
            for call in self.calls
        ]
        return {
            "tree": list(map(tuple, self.tree)),
            "calls": calls,
            "moments": list(map(tuple, self.moments)),
        }

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Trace:
        """What `plain` gave."""
        calls = [
            Call(path, number, within, _read(received), _read(named), None if gave is None else _read(gave))
            for path, number, within, received, named, gave in given["calls"]
        ]
        tree = [Part(path, kind, tuple(tensors)) for path, kind, tensors in given["tree"]]
        return cls(tree, calls, [Moment(*moment) for moment in given["moments"]])


def _read(sketches: Sequence[Any]) -> list[Sketch]:
    return [Sketch.read(one) for one in sketches]


def tree_of(module: nn.Module) -> list[Part]:
    """All modules, in the order of `named_modules()`."""
    return [_part(path, part) for path, part in module.named_modules()]


def _part(path: str, part: nn.Module) -> Part:
    own = {**part._parameters, **part._buffers}
    shapes = tuple([(name, tuple(tensor.shape)) for name, tensor in own.items() if tensor is not None])
    return Part(path, type(part).__name__, shapes)


@contextmanager
def traced(module: nn.Module, take: Callable[[Tensor], Tensor] | None = None) -> Iterator[Trace]:
    """A block in which a call of the model is followed; `take`: what of each tensor counts (None: all)."""
    recorder = _Recorder(module, take)
    with module_calls(recorder.enter, recorder.leave, keywords=recorder.keywords):
        yield recorder.trace


class _Recorder:
    def __init__(self, module: nn.Module, take: Callable[[Tensor], Tensor] | None) -> None:
        self.take = take
        named = [*module.named_modules()]
        self.names = {part: path for path, part in named if f".{PARAMETRIZED}." not in f".{path}."}
        self.trace = Trace([_part(*one) for one in named])
        self.open: list[int] = []
        self.counts: dict[str, int] = {}
        self.known: dict[
            int, tuple[ReferenceType[Tensor], int, Sketch]
        ] = {}  # by id: tensor, version, sketch

    def enter(self, module: nn.Module, args: object) -> None:
        path = self.names.get(module)
        if path is None:  # made on the way: part of who calls it
            return
        number = self.counts.get(path, 0)
        self.counts[path] = number + 1
        within = self.open[-1] if self.open else -1
        self.open.append(len(self.trace.calls))
        self.trace.moments.append(Moment(len(self.trace.calls), ends=False))
        self.trace.calls.append(Call(path, number, within, self.sketches(args)))

    def keywords(self, module: nn.Module, given: Mapping[str, object]) -> None:
        if module in self.names and given:
            self.trace.calls[self.open[-1]].named = self.sketches(given)

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        if module not in self.names:
            return
        place = self.open.pop()
        self.trace.moments.append(Moment(place, ends=True))
        if output is not None:
            self.trace.calls[place].gave = self.sketches(output)

    def sketches(self, value: object) -> list[Sketch]:
        with DisableTorchFunction():  # who watches the model's functions need not hear of ours
            return [self.sketch(tensor) for tensor in _tensors(value)]

    def sketch(self, tensor: Tensor) -> Sketch:
        """A container gives what its last module gave: each tensor is read once."""
        if tensor.is_inference():  # has no version
            return self.made(tensor)
        known = self.known.get(id(tensor))
        if known is not None and known[1] == tensor._version and known[0]() is tensor:
            return known[2]
        made = self.made(tensor)
        self.known[id(tensor)] = (ref(tensor), tensor._version, made)
        return made

    def made(self, tensor: Tensor) -> Sketch:
        return Sketch.of(tensor if self.take is None else self.take(tensor))


def _tensors(value: object) -> list[Tensor]:
    """Those that hold values, as they are: not views of them, which would be others each time."""
    if isinstance(value, Tensor):
        return [value] if is_plain(value) and not value.is_meta else [*leaves(value).values()]
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in _tensors(part)]
    if isinstance(value, (bool, int, float, str, type(None))):
        return []
    return [*leaves(value).values()]
