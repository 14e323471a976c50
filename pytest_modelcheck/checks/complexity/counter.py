"""Watch the operators of one call: which module runs them, what they cost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from ...errors import own_error
from ...model.calls import Running
from ...model.exported import Exported
from ...model.shapes import sizes
from .formulas import Arguments, elements, first_tensor
from .known import Known
from .likeness import LIKENESS
from .operators import Operator, lookup
from .result import Cost
from .tally import Tally
from .traffic import add_bytes

if TYPE_CHECKING:
    from .operators import Dispatched

Keywords: TypeAlias = Mapping[str, object]

CPU_SCALAR = 0  # dimensions of a tensor that may meet any device
COMPLEX = 6  # FLOPs of a complex multiply-accumulate beyond the two of a real one


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

    @property
    def running(self) -> list[str]:
        """On this thread, the innermost module last."""
        return self._by_thread[get_ident()]

    @running.setter
    def running(self, names: list[str]) -> None:
        self._by_thread[get_ident()] = names

    def is_known(self) -> bool:
        """Whether this thread is followed."""
        return get_ident() in self._by_thread

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
        if name not in self._exported:
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


class Counter(TorchDispatchMode):
    """Counts every operator into a tally, by module and operator; those without a formula also as unknown.

    With `on_meta`, tensors that the model holds beside its parameters join the others on the meta device, when they
    meet; with `known` those whose values are known stay real.
    With `trace`, operators of the backward are told from the forward's, and go to the module whose forward made them.
    While `recording` is False operators run uncounted.
    """

    supports_higher_order_operators = True

    def __init__(
        self,
        stack: ModuleStack,
        *,
        on_meta: bool,
        trace: bool = False,
        causal: bool = False,
        known: Known | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stack, self.on_meta, self.trace, self.causal = stack, on_meta, trace, causal
        self.known = known
        self.recording = True
        self.closed = False  # what still runs on other threads then is not the model's
        self.tally = Tally()
        self._one_at_a_time = RLock()
        self.loops: dict[str, int] = {}  # module -> loops of which one turn was counted
        self.left_torch: Mapping[str, None] = {}  # the places where tensors became arrays
        self.kept: tuple[int, int] | None = None  # of so many products, so many are counted (a causal mask)
        self._operators: dict[Dispatched, Operator | None] = {}
        self._schemas: dict[Dispatched, Sequence[torch.Argument]] = {}

    @property
    def cells(self) -> dict[tuple[str, str], Cost]:
        """Cost of each operator in each module."""
        return {key: Cost(*numbers) for key, numbers in self.tally.cells.items()}

    @property
    def unknown(self) -> dict[str, int]:
        """Calls of operators without a formula."""
        return self.tally.unknown

    @property
    def bytes_by_dtype(self) -> dict[str, tuple[int, int]]:
        """Bytes read and written of each dtype that occurs, the most first."""
        read, written = self.tally.read, self.tally.written
        sums = {d: (read.get(d, 0), written.get(d, 0)) for d in {**read, **written}}
        ranked = sorted(sums.items(), key=lambda pair: -sum(pair[1]))
        return {str(dtype).removeprefix("torch."): both for dtype, both in ranked if any(both)}

    @contextmanager
    def apart(self) -> Iterator[Tally]:
        """What runs in the block is recorded, in a tally of its own."""
        before, self.tally = (self.tally, self.recording), Tally()
        self.recording = True
        try:
            yield self.tally
        finally:
            self.tally, self.recording = before

    def note_loop(self) -> None:
        """One turn of a loop stands for all: nobody knows how many there are."""
        owner = self.stack.running[-1]
        self.loops[owner] = self.loops.get(owner, 0) + 1

    def __torch_dispatch__(
        self, func: Any, types: object, args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        if self.closed:
            return func(*args, **kwargs)
        if func not in self._operators:
            self._learn(func)
        operator = self._operators[func]
        if operator is None:
            with self:
                return func.decompose(*args, **kwargs)
        if self.known is not None and self.known.stays(func, args, kwargs):
            return args[0]
        args, kwargs = self._placed(func, args, kwargs)
        out = self._run(func, operator, args, kwargs)
        self.note(func, args, kwargs, out)
        return out

    def note(self, func: Dispatched, args: Arguments, kwargs: Keywords, out: object) -> None:
        """Count a call that was made. Raises MeasurementError where a formula fails: that is not the model's fault."""
        if func not in self._operators:
            self._learn(func)
        operator = self._operators[func]
        owner, kept = self.stack.owner(self.kept) if self.trace else (self.stack.current(), None)
        if self.recording and operator is not None:
            try:
                with self._one_at_a_time:
                    self._count(operator, owner, kept, self._in_order(func, args, kwargs), out)
            except Exception as error:
                raise own_error(f"the formula of {operator.name}", error) from error

    def _placed(self, func: Dispatched, args: Arguments, kwargs: Keywords) -> tuple[Arguments, Keywords]:
        """The arguments on one device."""
        if self.known is not None:
            return self.known.placed(func, args, kwargs)
        if self.on_meta and _is_mixed(args, kwargs):
            args, kwargs = tree_map_only(Tensor, _to_meta, (args, kwargs))
        return args, kwargs

    def _run(self, func: Dispatched, operator: Operator, args: Arguments, kwargs: Keywords) -> object:
        like = LIKENESS.get(operator.name) if self.on_meta and not self.trace else None
        unknown = bool(args) and isinstance(args[0], Tensor) and args[0].is_meta  # a likeness has no values
        out = like(self._in_order(func, args, kwargs)) if like and unknown else None
        return func(*args, **kwargs) if out is None else out

    def _learn(self, func: Dispatched) -> None:
        schema = getattr(func, "_schema", None)
        self._schemas[func] = schema.arguments if schema is not None else ()
        self._operators[func] = lookup(func)

    def _in_order(self, func: Dispatched, args: Arguments, kwargs: Keywords) -> Arguments:
        """Positional arguments, keywords and defaults as one, in the order of the schema."""
        arguments = self._schemas[func]
        if len(args) >= len(arguments):
            return args
        return (*args, *(kwargs.get(a.name, a.default_value) for a in arguments[len(args) :]))

    def _count(
        self, operator: Operator, owner: str, kept: tuple[int, int] | None, args: Arguments, out: object
    ) -> None:
        if not self.stack.weights.keys().isdisjoint(map(id, args)):
            self.stack.note_weights(args, owner)
        macs = operator.macs(args, out) if operator.macs else 0
        other = operator.other(args, out) if operator.other else 0
        read, written = operator.traffic(args, out) if operator.traffic else ((), ())
        if macs and self.causal:
            part, whole = kept or _kept_by_call(operator.name, args) or (1, 1)
            macs = macs * part // whole
        if macs and _is_complex(out):
            other += COMPLEX * macs
        if not operator.known:
            self.tally.unknown[operator.name] = self.tally.unknown.get(operator.name, 0) + 1
        cell = self.tally.cells.setdefault((owner, operator.name), [0, 0, 0, 0, 0, 0])
        cell[0] += 1
        cell[1] += macs
        cell[2] += other
        cell[3] += elements(out) if operator.macs else 0
        cell[4] += add_bytes(read, self.tally.read)
        cell[5] += add_bytes(written, self.tally.written)


def _is_complex(out: object) -> bool:
    tensor = first_tensor(out)
    return tensor is not None and tensor.is_complex()


# Causal attention


def causal_share(query: Tensor, key: Tensor) -> tuple[int, int]:
    """Products that a causal mask leaves (query i sees keys 0..i, from the top left, as torch does), and all."""
    length, other = query.shape[-2], key.shape[-2]
    square = min(length, other)
    return square * (square + 1) // 2 + (length - square) * other, length * other


def _kept_by_call(name: str, args: Any) -> tuple[int, int] | None:
    """Attention that arrives whole says itself whether it is causal."""
    position = {"aten::scaled_dot_product_attention": 5}.get(name)
    return causal_share(args[0], args[1]) if position is not None and args[position] else None


# Devices


def _is_mixed(args: Arguments, kwargs: Keywords) -> bool:
    """Whether some tensors are on meta and others (scalars aside, they may stay) are not."""
    found: set[bool] = set()
    _places((*args, *kwargs.values()), found)
    return len(found) == 2


def _places(values: Iterable[object], found: set[bool]) -> None:
    for value in values:
        if isinstance(value, Tensor):
            found.add(value.is_meta)
        elif isinstance(value, (list, tuple)):
            _places(value, found)


def _to_meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta or tensor.dim() == CPU_SCALAR:
        return tensor
    return torch.empty_like(tensor, device="meta")
