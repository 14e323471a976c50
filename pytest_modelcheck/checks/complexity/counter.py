"""Watch the operators of one call: which module runs them, what they cost."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch._C import (
    _AutoDispatchBelowAutograd,
    _get_dispatch_stack_at,
    _len_torch_dispatch_stack,
    _pop_torch_dispatch_stack,
    _push_on_torch_dispatch_stack,
)
from torch.autograd import forward_ad
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _get_current_dispatch_mode_stack,
)
from torch.utils._pytree import tree_map_only

from ...errors import own_error
from .attention import PRODUCTS, Attention, Share
from .formulas import Arguments, elements, first_tensor, full_names
from .gradients import GRADIENTS, Amounts
from .known import Known
from .layouts import argument, results_laid_out
from .likeness import LIKENESS
from .mixed import is_mixed, to_meta
from .operators import Operator, lookup
from .result import Cost
from .stack import ModuleStack
from .tally import Tally
from .traffic import PLAIN, add_bytes

if TYPE_CHECKING:
    from .operators import Dispatched, Overload

Keywords: TypeAlias = Mapping[str, object]

OF_ONE_TYPE = frozenset(
    full_names("mm bmm addmm baddbmm addmv mv dot linear convolution conv1d conv2d conv3d")
)  # refuse operands of several types
COMPLEX = 6  # FLOPs of a complex multiply-accumulate beyond the two of a real one
STORES_GRADIENT = 2**64 - 1  # number of the autograd nodes that put gradients into leaves


class Counter(TorchDispatchMode):
    """Counts every operator into a tally, by module and operator; those without a formula also as unknown.

    With `on_meta`, tensors that the model holds beside its parameters join the others on the meta device, when they
    meet; with `known` those whose values are known stay real.
    With `trace`, operators of the backward are told from the forward's, and go to the module whose forward made them.
    While `recording` is False operators run uncounted. Composite operators come to `whole` (see `composites_whole`);
    what the backward of one consists of is not seen either, but counted as one.
    """

    supports_higher_order_operators = True

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Asked by torch: nothing is compiled here (see `eager`), and to say so would take time at each operator."""
        return False

    def __init__(
        self,
        stack: ModuleStack,
        *,
        on_meta: bool,
        trace: bool = False,
        causal: bool = False,
        known: Known | None = None,
        autocast: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stack, self.on_meta, self.trace, self.causal = stack, on_meta, trace, causal
        self.known, self.autocast = known, autocast
        self.recording = True
        self.closed = False  # what still runs on other threads then is not the model's
        self.tally = Tally()
        self.loops: dict[str, int] = {}  # module -> loops of which one turn was counted
        self.left_torch: Mapping[str, None] = {}  # the places where tensors became arrays
        self.attention = Attention()
        self._one_at_a_time = threading.RLock()
        self._operators: dict[int, Operator | None] = {}
        self._schemas: dict[int, Sequence[torch.Argument]] = {}
        self._apart: set[Overload] = set()  # operators that are being run by what they are made of
        self._here = _Here()
        self._gradients: dict[int, Gradient] = {}  # by the autograd nodes that make them

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

    def counts(self) -> bool:
        """Whether a composite operator that comes now is to be counted: on this thread, in no other operator."""
        return not self._here.hidden and _is_active(self) and not _transformed()

    def __torch_dispatch__(
        self, func: Any, types: object, args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        if self.closed:
            return func(*args, **kwargs)
        self._refuse_autocast()
        operator = self._operator(func)
        if operator is None:
            return self._taken_apart(func, args, kwargs)
        if self.known is not None and self.known.stays(func, args, kwargs):
            return args[0]
        args, kwargs = self._placed(func, args, kwargs)
        out: object = (
            self._likeness(operator, func, args, kwargs) if self.on_meta and not self.trace else None
        )
        if out is None:
            out = func(*args, **kwargs)
        if not self._here.hidden and not self._in_a_gradient(operator):
            owner, kept = self._owner()
            self._count(operator, owner, kept, self._in_order(func, args, kwargs), out)
        return out

    def note(self, func: Dispatched, args: Arguments, kwargs: Keywords, out: object) -> None:
        """Count a call that is not dispatched."""
        operator = self._operator(func)
        if operator is not None:
            owner, kept = self._owner()
            self._count(operator, owner, kept, self._in_order(func, args, kwargs), out)

    def _refuse_autocast(self) -> None:
        """It knows no meta tensors, which would stay as they are: that is nothing to count."""
        if self.autocast is not None and torch.is_autocast_enabled(self.autocast):
            raise WithoutValues("autocast does nothing to tensors on meta")

    def _placed(self, func: Dispatched, args: Arguments, kwargs: Keywords) -> tuple[Arguments, Keywords]:
        """The arguments on one device."""
        if self.known is not None:
            return self.known.placed(func, args, kwargs)
        if self.on_meta and is_mixed(args, kwargs):
            args, kwargs = tree_map_only(Tensor, to_meta, (args, kwargs))
        return args, kwargs

    def _taken_apart(self, func: Overload, args: Arguments, kwargs: Keywords) -> object:
        """Run what an operator is made of, in sight; a tensor subclass may want the operator itself again."""
        if func in self._apart:
            return func(*args, **kwargs)
        self._apart.add(func)
        try:
            with self:
                return func.decompose(*args, **kwargs)
        finally:
            self._apart.discard(func)

    def whole(self, func: Overload, args: Arguments, kwargs: Keywords) -> object:
        """Run a composite operator out of sight, and count it as one."""
        self._refuse_autocast()
        operator = self._operator(func) or Operator(str(func._schema.name))
        args, kwargs = self._placed(func, args, kwargs)
        run = self._differentiable if torch.is_grad_enabled() else self._plain
        on_top, self._here.hidden = _is_on_top(self), True
        if on_top:  # else what runs comes here, and is not counted
            _pop_torch_dispatch_stack(None)
        try:
            return run(operator, func, args, kwargs)
        finally:
            self._here.hidden = False
            if on_top:
                _push_on_torch_dispatch_stack(self)

    def _plain(self, operator: Operator, func: Overload, args: Arguments, kwargs: Keywords) -> object:
        with _AutoDispatchBelowAutograd():  # it has nothing to do, and would take its time
            out: object = self._likeness(operator, func, args, kwargs) if self.on_meta else None
            if out is None:
                out = func.decompose(*args, **kwargs)
                if operator.name in GRADIENTS:
                    out = results_laid_out(out, args[0])
        owner, kept = self._owner()
        self._count(operator, owner, kept, self._in_order(func, args, kwargs), out)
        return out

    def _differentiable(
        self, operator: Operator, func: Overload, args: Arguments, kwargs: Keywords
    ) -> object:
        """Note which autograd nodes belong to the operator: they are its backward."""
        start, gradient = _next_node(), GRADIENTS.get(operator.name)
        if gradient:  # what the gradients of several uses sum up to is no part of it: an alias is between
            args, kwargs = tree_map_only(Tensor, _alias, (args, kwargs))
            first = _next_node()
            args, kwargs = tree_map_only(Tensor, argument, (args, kwargs))
            out = results_laid_out(func.decompose(*args, **kwargs), args[0])
        else:
            first, out = start, func.decompose(*args, **kwargs)
        end, ordered = _next_node(), self._in_order(func, args, kwargs)
        owner, kept = self.stack.owner(self.attention.kept)
        self.stack.claim(range(start, end), owner, kept)
        share = self._count(operator, owner, kept, ordered, out)
        if gradient and first < end:
            made = Gradient(f"{operator.name}_backward", owner, gradient(ordered, out), share)
            self._gradients.update(dict.fromkeys(range(first, end), made))
        return out

    def _in_a_gradient(self, operator: Operator) -> bool:
        """Whether the operator is part of a backward that is counted whole, or of how autograd stores a gradient.

        With grad mode on it is not: that is a checkpoint's forward, or a backward to be differentiated again.
        """
        node = torch._C._current_autograd_node()
        if node is None or torch.is_grad_enabled():
            return False
        number = node._sequence_nr()
        if number == STORES_GRADIENT:
            return operator.macs is operator.other is None
        gradient = self._gradients.get(number)
        if gradient is None:
            return False
        if self.recording and not gradient.counted:
            gradient.counted = True
            self._add(gradient.name, gradient.owner, gradient.cost, gradient.share)
        return True

    def _owner(self) -> tuple[str, Share | None]:
        kept = self.attention.kept
        return self.stack.owner(kept) if self.trace else (self.stack.current(), kept)

    def _likeness(
        self, operator: Operator, func: Dispatched, args: Arguments, kwargs: Keywords
    ) -> Tensor | None:
        like = LIKENESS.get(operator.name)
        if like is None or "out" in kwargs:
            return None
        first: Any = args[0][0] if isinstance(args[0], (list, tuple)) and args[0] else args[0]
        if type(first) not in PLAIN or (self.known is not None and not first.is_meta):
            return None  # it has values, which a likeness has not
        return like(self._in_order(func, args, kwargs))

    def _operator(self, func: Dispatched) -> Operator | None:
        """By identity: operators live as long as torch, and their hash is one in Python."""
        try:
            return self._operators[id(func)]
        except KeyError:
            self._learn(func)
            return self._operators[id(func)]

    def _learn(self, func: Dispatched) -> None:
        schema = getattr(func, "_schema", None)
        self._schemas[id(func)] = [a for a in schema.arguments if not a.is_out] if schema is not None else ()
        self._operators[id(func)] = lookup(func)

    def _in_order(self, func: Dispatched, args: Arguments, kwargs: Keywords) -> Arguments:
        """Positional arguments, keywords and defaults as one, in the order of the schema; not where results go."""
        arguments = self._schemas[id(func)]
        if len(args) >= len(arguments):
            return args
        return (*args, *(kwargs.get(a.name, a.default_value) for a in arguments[len(args) :]))

    def _count(
        self, operator: Operator, owner: str, kept: Share | None, args: Arguments, out: object
    ) -> Share | None:
        """Raises MeasurementError where a formula fails: that is not the model's fault."""
        try:
            with self._one_at_a_time:
                return self._formulas(operator, owner, kept, args, out)
        except Exception as error:
            raise own_error(f"the formula of {operator.name}", error) from error

    def _formulas(
        self, operator: Operator, owner: str, kept: Share | None, args: Arguments, out: object
    ) -> Share | None:
        if not self.recording:
            return self._share(operator, kept, args)
        if self.on_meta and operator.name in OF_ONE_TYPE and _types_differ(args):
            raise WithoutValues(f"{operator.name} gets tensors of several types")  # on meta it takes them
        if not self.stack.weights.keys().isdisjoint(map(id, args)):
            self.stack.note_weights(args, owner)
        macs = operator.macs(args, out) if operator.macs else 0
        other = operator.other(args, out) if operator.other else 0
        read, written = operator.traffic(args, out) if operator.traffic else ((), ())
        share = self._share(operator, kept, args) if macs else None
        if macs and _is_complex(out):
            other += COMPLEX * macs
        if not operator.known:
            self.tally.unknown[operator.name] = self.tally.unknown.get(operator.name, 0) + 1
        made = elements(out) if operator.macs else 0
        self._add(operator.name, owner, Amounts(macs, other, made, read, written), share)
        return share

    def _share(self, operator: Operator, kept: Share | None, args: Arguments) -> Share | None:
        """Of a causal mask on request: the products that it leaves, and all."""
        if not self.causal or operator.macs is None:
            return None
        return self.attention.share(operator.name, args) or (kept if operator.name in PRODUCTS else None)

    def _add(self, name: str, owner: str, cost: Amounts, share: Share | None) -> None:
        part, whole = share or (1, 1)
        cell = self.tally.cells.setdefault((owner, name), [0, 0, 0, 0, 0, 0])
        cell[0] += 1
        cell[1] += cost.macs * part // whole
        cell[2] += cost.other
        cell[3] += cost.made
        cell[4] += add_bytes(cost.read, self.tally.read)
        cell[5] += add_bytes(cost.written, self.tally.written)


class WithoutValues(Exception):
    """A count on meta would be another one than that of a real run."""


class _Here(threading.local):
    """What is so on this thread."""

    hidden = False  # whether an operator runs that is counted whole


@dataclass
class Gradient:
    """The backward of a composite operator: counted once, when it begins."""

    name: str
    owner: str
    cost: Amounts
    share: Share | None
    counted: bool = False


def _types_differ(args: Arguments) -> bool:
    return len({a.dtype for a in args[:3] if isinstance(a, Tensor)}) > 1


def _is_on_top(mode: TorchDispatchMode) -> bool:
    height = _len_torch_dispatch_stack()
    return height > 0 and _get_dispatch_stack_at(height - 1) is mode


def _is_active(mode: TorchDispatchMode) -> bool:
    """Whether the mode sees this thread's operators; it does not while it handles one."""
    return _is_on_top(mode) or mode in _get_current_dispatch_mode_stack()


def _next_node() -> int:
    return torch._C._autograd._get_sequence_nr()


def _alias(tensor: Tensor) -> Tensor:
    return torch.ops.aten.alias(tensor) if tensor.requires_grad else tensor


def _transformed() -> bool:
    """Whether a transform of torch.func or forward-mode differentiation is at work: operators then do more."""
    return torch._C._functorch.peek_interpreter_stack() is not None or forward_ad._current_level >= 0


def _is_complex(out: object) -> bool:
    tensor = first_tensor(out)
    return tensor is not None and tensor.is_complex()
