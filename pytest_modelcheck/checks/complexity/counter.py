"""Watch the operators of one call: which module runs them, what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor, nn
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

from ...model.calls import Running
from .attention import PRODUCTS, Attention, Share
from .formulas import Arguments, elements, first_tensor
from .gradients import GRADIENTS, Amounts
from .layouts import argument, results_laid_out
from .likeness import LIKENESS
from .mixed import is_mixed, to_meta
from .operators import Operator, lookup
from .result import Cost
from .traffic import PLAIN, Bytes, add_bytes

if TYPE_CHECKING:
    from .operators import Dispatched, Overload

Keywords: TypeAlias = Mapping[str, object]

COMPLEX = 6  # FLOPs of a complex multiply-accumulate beyond the two of a real one
STORES_GRADIENT = 2**64 - 1  # number of the autograd nodes that put gradients into leaves


class ModuleStack(Running):
    """Which module is running; calls and shapes of each."""

    def __init__(self, root: nn.Module) -> None:
        super().__init__(root)
        self.calls: dict[str, int] = dict.fromkeys(self.names.values(), 0)
        self.shapes: dict[
            str, tuple[tuple[int, ...] | None, tuple[int, ...]]
        ] = {}  # of first input and output

    def enter(self, module: nn.Module, args: object) -> None:
        """A module's forward begins."""
        super().enter(module, args)
        if module in self.names:
            self.calls[self.running[-1]] += 1

    def leave(self, module: nn.Module, args: object, output: object) -> None:
        """It ends."""
        super().leave(module, args, output)
        out = _first(output)
        if out is not None and module in self.names:
            given = _first(args)
            self.shapes[self.names[module]] = (_shape(given), _shape(out) or ())


def _shape(tensor: Tensor | None) -> tuple[int, ...] | None:
    """None for rows of several lengths (nested tensors)."""
    return tuple(tensor.shape) if tensor is not None and not tensor.is_nested else None


def _first(values: object) -> Tensor | None:
    """The first tensor of an input or output, whatever it is packed into."""
    if isinstance(values, Tensor):
        return values
    if isinstance(values, dict):  # HF's outputs are dictionaries too
        values = list(values.values())
    return first_tensor(values)


class Counter(TorchDispatchMode):
    """Counts every operator into `cells[module, operator]`; those without a formula also into `unknown`.

    With `on_meta`, tensors that the model holds beside its parameters join the others on the meta device.
    With `trace`, operators of the backward are told from the forward's, and go to the module whose forward made them.
    While `recording` is False operators run uncounted. Composite operators come to `whole` (see `composites_whole`);
    what the backward of one consists of is not seen either, but counted as one.
    """

    supports_higher_order_operators = True

    def __init__(
        self, stack: ModuleStack, *, on_meta: bool, trace: bool = False, causal: bool = False
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.stack, self.on_meta, self.trace, self.causal = stack, on_meta, trace, causal
        self.recording = True
        self.unknown: dict[str, int] = {}
        self.attention = Attention()
        self._cells: dict[tuple[str, str], list[int]] = {}
        self._read: Bytes = {}
        self._written: Bytes = {}
        self._operators: dict[Dispatched, Operator | None] = {}
        self._schemas: dict[Dispatched, Sequence[torch.Argument]] = {}
        self._apart: set[Overload] = set()  # operators that are being run by what they are made of
        self._hidden = False
        self._gradients: dict[int, Gradient] = {}  # by the autograd nodes that make them

    @property
    def cells(self) -> dict[tuple[str, str], Cost]:
        """Cost of each operator in each module."""
        return {key: Cost(*numbers) for key, numbers in self._cells.items()}

    @property
    def bytes_by_dtype(self) -> dict[str, tuple[int, int]]:
        """Bytes read and written of each dtype that occurs, the most first."""
        sums = {d: (self._read.get(d, 0), self._written.get(d, 0)) for d in {**self._read, **self._written}}
        ranked = sorted(sums.items(), key=lambda pair: -sum(pair[1]))
        return {str(dtype).removeprefix("torch."): both for dtype, both in ranked if any(both)}

    def counts(self) -> bool:
        """Whether a composite operator that comes now is to be counted: on this thread, in no other operator."""
        return not self._hidden and _is_active(self) and not _transformed()

    def __torch_dispatch__(
        self, func: Any, types: object, args: Arguments = (), kwargs: Keywords | None = None
    ) -> object:
        kwargs = kwargs or {}
        operator = self._operator(func)
        if operator is None:
            return self._taken_apart(func, args, kwargs)
        if self.on_meta and is_mixed(args, kwargs):
            args, kwargs = tree_map_only(Tensor, to_meta, (args, kwargs))
        out: object = (
            self._likeness(operator, func, args, kwargs) if self.on_meta and not self.trace else None
        )
        if out is None:
            out = func(*args, **kwargs)
        if not self._hidden and not self._in_a_gradient(operator):
            owner, kept = self._owner()
            self._count(operator, owner, kept, self._in_order(func, args, kwargs), out)
        return out

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
        operator = self._operator(func) or Operator(str(func._schema.name))
        if self.on_meta and is_mixed(args, kwargs):
            args, kwargs = tree_map_only(Tensor, to_meta, (args, kwargs))
        run = self._differentiable if torch.is_grad_enabled() else self._plain
        on_top, self._hidden = _is_on_top(self), True
        if on_top:  # else what runs comes here, and is not counted
            _pop_torch_dispatch_stack(None)
        try:
            return run(operator, func, args, kwargs)
        finally:
            self._hidden = False
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
        return (
            self.stack.owner(self.attention.kept)
            if self.trace
            else (self.stack.running[-1], self.attention.kept)
        )

    def _likeness(
        self, operator: Operator, func: Dispatched, args: Arguments, kwargs: Keywords
    ) -> Tensor | None:
        like = LIKENESS.get(operator.name)
        if like is None or "out" in kwargs or type(args[0]) not in PLAIN:
            return None
        return like(self._in_order(func, args, kwargs))

    def _operator(self, func: Dispatched) -> Operator | None:
        try:
            return self._operators[func]
        except KeyError:
            self._learn(func)
            return self._operators[func]

    def _learn(self, func: Dispatched) -> None:
        self._operators[func] = lookup(func)
        schema = getattr(func, "_schema", None)
        self._schemas[func] = [a for a in schema.arguments if not a.is_out] if schema is not None else ()

    def _in_order(self, func: Dispatched, args: Arguments, kwargs: Keywords) -> Arguments:
        """Positional arguments, keywords and defaults as one, in the order of the schema; not where results go."""
        arguments = self._schemas[func]
        if len(args) >= len(arguments):
            return args
        return (*args, *(kwargs.get(a.name, a.default_value) for a in arguments[len(args) :]))

    def _count(
        self, operator: Operator, owner: str, kept: Share | None, args: Arguments, out: object
    ) -> Share | None:
        if not self.recording:
            return self._share(operator, kept, args)
        macs = operator.macs(args, out) if operator.macs else 0
        other = operator.other(args, out) if operator.other else 0
        read, written = operator.traffic(args, out) if operator.traffic else ((), ())
        share = self._share(operator, kept, args) if macs else None
        if macs and _is_complex(out):
            other += COMPLEX * macs
        if not operator.known:
            self.unknown[operator.name] = self.unknown.get(operator.name, 0) + 1
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
        cell = self._cells.setdefault((owner, name), [0, 0, 0, 0, 0, 0])
        cell[0] += 1
        cell[1] += cost.macs * part // whole
        cell[2] += cost.other
        cell[3] += cost.made
        cell[4] += add_bytes(cost.read, self._read)
        cell[5] += add_bytes(cost.written, self._written)


@dataclass
class Gradient:
    """The backward of a composite operator: counted once, when it begins."""

    name: str
    owner: str
    cost: Amounts
    share: Share | None
    counted: bool = False


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
