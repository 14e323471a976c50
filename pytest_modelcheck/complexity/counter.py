"""Watch the operators of one call: which module runs them, what they cost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from . import formulas
from .result import Cost

CPU_SCALAR = 0  # dimensions of a tensor that may meet any device


class ModuleStack:
    """Which module is running: the innermost known one, by the name of `named_modules()`; calls and output shapes."""

    def __init__(self, root: nn.Module) -> None:
        self.names = {module: name for name, module in root.named_modules()}
        self.running: list[str] = [""]
        self.calls: dict[str, int] = dict.fromkeys(self.names.values(), 0)
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.thread = threading.get_ident()

    @property
    def innermost(self) -> str:
        """The module that an operator belongs to now."""
        return self.running[-1]

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Follow module calls of this thread for the block, through hooks that are on no module."""
        before = register_module_forward_pre_hook(self._enter)
        after = register_module_forward_hook(self._leave, always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    def _enter(self, module: nn.Module, args: Any) -> None:
        if threading.get_ident() == self.thread:
            name = self.names.get(module, self.innermost)
            self.running.append(name)
            if module in self.names:
                self.calls[name] += 1

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() != self.thread:
            return
        name = self.running.pop()
        first = next((leaf for leaf in tree_leaves(output) if isinstance(leaf, Tensor)), None)
        if module in self.names and first is not None:
            self.shapes[name] = tuple(first.shape)


Rule = Callable[[Any, Any, Any], Cost]  # (func, arguments in schema order, result) -> the cost of the call


class Counter(TorchDispatchMode):
    """Counts every operator into `cells[module, operator]`; those without a formula also into `unknown`.

    With `on_meta`, tensors that the model holds beside its parameters join the others on the meta device.
    While `recording` is False operators run uncounted.
    """

    def __init__(self, stack: ModuleStack, *, on_meta: bool, causal: bool = False) -> None:
        super().__init__()
        self.stack, self.on_meta, self.causal = stack, on_meta, causal
        self.recording = True
        self.cells: dict[tuple[str, str], Cost] = {}
        self.unknown: dict[str, int] = {}
        self.owner_of_node: dict[int, str] = {}
        self._rules: dict[Any, Rule | None] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in self._rules:
            self._rules[func] = _rule(func)
        rule = self._rules[func]
        if rule is None:
            with self:
                return func.decompose(*args, **kwargs)
        if self.on_meta:
            args, kwargs = _all_on_meta(args, kwargs)
        out = func(*args, **kwargs)
        owner = self._owner()
        if self.recording:
            self._count(func, rule, owner, _in_schema_order(func, args, kwargs), out)
        return out

    def _owner(self) -> str:
        """In the forward the running module; in the backward the module whose forward made the autograd node."""
        node = torch._C._current_autograd_node()
        if node is not None:
            return self.owner_of_node.get(node._sequence_nr(), "")
        if torch.is_grad_enabled():
            self.owner_of_node[torch._C._autograd._get_sequence_nr() - 1] = self.stack.innermost
        return self.stack.innermost

    def _count(self, func: Any, rule: Rule, owner: str, args: Any, out: Any) -> None:
        name = func._schema.name
        cost = rule(func, args, out)
        if self.causal and name in _CAUSAL and _is_causal(func, args):
            cost = _halved(cost, args)
        if rule is _unknown:
            self.unknown[name] = self.unknown.get(name, 0) + 1
        key = (owner, name)
        self.cells[key] = self.cells.get(key, _NOTHING) + cost


_NOTHING = Cost()


def _rule(func: Any) -> Rule | None:
    """How to cost an operator; None: it is made of others, count those."""
    packet = func.overloadpacket
    if packet in formulas.MACS:
        return _contraction
    if _is_view(func) or packet in formulas.FREE:
        return _free
    if packet in formulas.OTHER:
        return _with_formula
    if packet in formulas.MOVES:
        return _gather if packet in formulas.GATHERS else _move
    if torch.Tag.pointwise in func.tags:
        return _pointwise
    if func._can_decompose():
        return None
    if torch.Tag.reduction in func.tags:
        return _reduction
    return _unknown


def _is_view(func: Any) -> bool:
    return any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)


def _contraction(func: Any, args: Any, out: Any) -> Cost:
    packet = func.overloadpacket
    macs = formulas.MACS[packet](args, out)
    read, written = _bytes(args, out)
    outputs = next((t.numel() for t in tree_leaves(out) if isinstance(t, Tensor)), 0)
    return Cost(1, macs, formulas.bias_flops(packet, args, out), outputs, read, written)


def _with_formula(func: Any, args: Any, out: Any) -> Cost:
    return Cost(1, 0, formulas.OTHER[func.overloadpacket](args, out), 0, *_bytes(args, out))


def _pointwise(func: Any, args: Any, out: Any) -> Cost:
    return Cost(1, 0, formulas.per_output_element(args, out), 0, *_bytes(args, out))


def _reduction(func: Any, args: Any, out: Any) -> Cost:
    first = next((t.numel() for t in tree_leaves(args) if isinstance(t, Tensor)), 0)
    return Cost(1, 0, first, 0, *_bytes(args, out))


def _free(func: Any, args: Any, out: Any) -> Cost:
    return Cost(1)


def _move(func: Any, args: Any, out: Any) -> Cost:
    return Cost(1, 0, 0, 0, *_bytes(args, out))


def _gather(func: Any, args: Any, out: Any) -> Cost:
    written = _size(out)
    indices = _size(args) - _size(args[0])
    return Cost(1, 0, 0, 0, written + indices, written)


def _unknown(func: Any, args: Any, out: Any) -> Cost:
    return Cost(1, 0, 0, 0, *_bytes(args, out))


def _bytes(args: Any, out: Any) -> tuple[int, int]:
    return _size(args), _size(out)


def _size(values: Any) -> int:
    total = 0
    for leaf in tree_leaves(values):
        if isinstance(leaf, Tensor):
            total += leaf.numel() * leaf.element_size()
    return total


_CAUSAL = {"aten::scaled_dot_product_attention"}


def _is_causal(func: Any, args: Any) -> bool:
    return bool(args[5])


def _halved(cost: Cost, args: Any) -> Cost:
    """A causal mask leaves L (L + 1) / 2 of the L x S products (S >= L counts from the top left, as torch does)."""
    length, other = args[0].shape[-2], args[1].shape[-2]
    kept = sum(min(i + 1, other) for i in range(length))
    return Cost(cost.calls, cost.macs * kept // (length * other), *list(vars(cost).values())[2:])


def _in_schema_order(func: Any, args: Any, kwargs: Any) -> list[Any]:
    """Positional arguments, keywords and defaults as one list."""
    arguments = func._schema.arguments
    if len(args) == len(arguments):
        return list(args)
    return [*args, *(kwargs.get(a.name, a.default_value) for a in arguments[len(args) :])]


def _all_on_meta(args: Any, kwargs: Any) -> tuple[Any, Any]:
    """If one tensor is on meta, all are (scalars may stay); so is what an operator makes for them."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    on_meta = [t.is_meta for t in tensors]
    if not any(on_meta) or all(on_meta):
        return args, kwargs
    return tree_map_only(Tensor, _to_meta, (args, kwargs))


def _to_meta(tensor: Tensor) -> Tensor:
    if tensor.is_meta or tensor.dim() == CPU_SCALAR:
        return tensor
    return torch.empty_like(tensor, device="meta")
