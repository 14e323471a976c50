"""The backward of composite operators: what it costs, derived from the forward's arguments.

Which kernels run there depends on the device; so it has one formula, like the forward. Products: for each one of the
forward one for the gradient of each operand that needs one. Bytes: the gradient of the result, the arguments and the
result are read, the gradients of the arguments written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

from torch import Tensor
from typing_extensions import Unpack

from . import fused
from .formulas import OTHER, Arguments, ThreeTensors, first_tensor, full_names
from .traffic import Bytes, Held, add_bytes


class Amounts(NamedTuple):
    """What a call costs: `made` are activations, `read` and `written` values."""

    macs: int
    other: int
    made: int
    read: object
    written: object


Products: TypeAlias = Callable[[Any], int]  # arguments of the forward -> products of the backward
Backward: TypeAlias = Callable[[Any, Any], Amounts]  # arguments and result of the forward


def _attention(args: ThreeTensors) -> int:
    """dV = P^T dO; dP = dO V^T, for dQ = dS K and dK = dS^T Q."""
    query, key, value = args[:3]
    scores = query.requires_grad + key.requires_grad
    width = query.shape[-1] * scores + value.shape[-1] * (value.requires_grad + bool(scores))
    return fused.pairs(query, key) * int(width)


def _recurrent_layer(args: Arguments) -> int:
    """Of each layer and direction: matrix of the input, of the state, perhaps a projection; then the biases."""
    position = max(i for i, a in enumerate(args) if isinstance(a, (list, tuple)))
    parameters, sequence = list(cast("Sequence[Tensor]", args[position])), cast("Tensor", args[0])
    state = first_tensor(args[position - 1])
    layers, directions = cast("int", args[position + 2]), 1 + bool(args[position + 5])
    steps, first = fused.steps(sequence), 0
    if state is not None and not state.requires_grad:
        first = int(state.shape[1])  # the state before the first step is given: it needs no gradient
    size, products = len(parameters) // (layers * directions), 0
    for begin in range(0, len(parameters), size):
        inward, onward, *more = (p for p in parameters[begin : begin + size] if p.dim() == 2)
        needed = begin >= size * directions or sequence.requires_grad
        products += steps * inward.numel() * (needed + inward.requires_grad)
        products += onward.numel() * (steps - first + steps * onward.requires_grad)
        products += sum(steps * p.numel() * (1 + p.requires_grad) for p in more)
    return products


def _recurrent_cell(args: tuple[Tensor, object, Tensor, Tensor, Unpack[Arguments]]) -> int:
    state = first_tensor(args[1])
    operands = ((args[0], args[2]), (state, args[3]))
    products = (m.numel() * (m.requires_grad + (o is not None and o.requires_grad)) for o, m in operands)
    return fused.steps(args[0]) * sum(products)


def _backward(name: str, products: Products, others: int) -> Backward:
    """`others`: FLOPs beyond the products, in units of the forward's."""

    def amounts(args: Arguments, out: object) -> Amounts:
        macs = products(args)
        wanted = [t for t in _tensors(args) if t.requires_grad]
        made = sum(t.numel() for t in wanted if t.dim() > 1) if macs else 0
        read: Bytes = {}
        written: Bytes = {}
        add_bytes((out, args, out), read)
        add_bytes(wanted, written)
        return Amounts(macs, others * OTHER[name](args, out), made, Held(read), Held(written))

    return amounts


def _tensors(values: Iterable[object]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _named(names: str, products: Products, others: int) -> dict[str, Backward]:
    return {name: _backward(name, products, others) for name in full_names(names)}


GRADIENTS: dict[str, Backward] = {
    **_named("scaled_dot_product_attention", _attention, 1),
    **_named("lstm gru rnn_tanh rnn_relu", _recurrent_layer, 2),
    **_named("lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell", _recurrent_cell, 2),
    **_named("rms_norm", lambda args: 0, 2),
}
