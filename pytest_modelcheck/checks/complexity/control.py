"""Control flow as it is counted: the dearest branch, one turn of a loop whose end depends on the data.

scan, map and associative_scan run as often as their shapes say: as Python does (see model/plainly.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from ...model.plainly import Function, Rule
from .result import Cost

if TYPE_CHECKING:
    from .counter import Counter

Ask: TypeAlias = Callable[[], int]  # which branch the data take


def rules(counter: Counter) -> dict[str, Rule]:
    """How the operators of control flow run while `counter` counts."""

    def cond(pred: Any, if_true: Function, if_false: Function, operands: Sequence[Any] = ()) -> Any:
        return _dearest(counter, (if_true, if_false), operands, lambda: 0 if pred else 1)

    def switch(index: Any, branches: Sequence[Function], operands: Sequence[Any]) -> Any:
        last = len(branches) - 1
        return _dearest(counter, branches, operands, lambda: min(max(int(index), 0), last))

    def loop(goes_on: Function, body: Function, carried: Any, more: Sequence[Any] = (), **_: Any) -> Any:
        return _one_turn(counter, goes_on, body, tuple(carried), tuple(more))

    def flex_attention(query: Tensor, key: Tensor, value: Tensor, *rest: Any, **more: Any) -> Any:
        wanted = any(t.requires_grad for t in (query, key, value))
        if not (counter.on_meta and wanted and torch.is_grad_enabled()):
            return NotImplemented
        out = _FlexAttention.apply(counter, query, key, value, rest)
        counter.stack.owner(counter.attention.kept)
        return out

    return {"cond": cond, "switch": switch, "while_loop": loop, "flex_attention": flex_attention}


def _dearest(counter: Counter, branches: Sequence[Function], operands: Sequence[Any], taken: Ask) -> Any:
    """A budget is an upper limit: only the branch that costs most counts. What goes on is what the data choose.

    Where there are no data, or gradients that must lead back through what was counted, the dearest branch's does.
    """
    runs = []
    for branch in branches:
        with counter.apart() as tally:
            runs.append((tally, branch(*operands)))
    best = max(range(len(runs)), key=lambda i: _price(runs[i][0].total))
    if counter.recording:
        counter.tally.add(runs[best][0])
    return runs[best if counter.on_meta or counter.trace else taken()][1]


def _price(cost: Cost) -> tuple[int, ...]:
    return cost.macs, cost.flops_all, cost.memory_access


def _one_turn(
    counter: Counter, goes_on: Function, body: Function, carried: tuple[Any, ...], more: tuple[Any, ...]
) -> Any:
    """One condition and one body count, and the counter notes it; where there are data the loop runs to its end."""
    counter.note_loop()
    more_to_come = goes_on(*carried, *more)
    out = body(*carried, *more)
    if counter.on_meta or counter.trace:
        return out
    with counter.apart():
        if not more_to_come:
            return carried
        while goes_on(*tree_leaves(out), *more):
            out = body(*tree_leaves(out), *more)
    return out


class _FlexAttention(torch.autograd.Function):
    """Flex attention with gradients on meta, which torch's own cannot do: it ends the process."""

    @staticmethod
    def forward(ctx: Any, counter: Counter, query: Tensor, key: Tensor, value: Tensor, rest: Any) -> Any:
        ctx.counter = counter
        ctx.save_for_backward(query, key, value)
        return torch.ops.higher_order.flex_attention(query, key, value, *rest)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *others: Any) -> Any:
        given = ctx.saved_tensors
        made = tuple(map(torch.empty_like, given))
        ctx.counter.note(torch.ops.higher_order.flex_attention_backward, (*given, gradient), {}, made)
        return None, *made, None
