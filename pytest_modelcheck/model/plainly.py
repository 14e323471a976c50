"""Control flow as operators (torch.cond, while_loop, scan, map, ...) run as the Python that it stands for.

Called as they are, they go through torch.compile, which no mode of ours survives; run below autograd, they lose the
gradients of the weights that a branch closes over. As Python, hooks, modes and autograd see what is within.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import torch
from torch import Tensor, fx
from torch._C import DispatchKey
from torch._ops import HigherOrderOperator
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

from ..errors import MeasurementError
from .undoing import patched

Function: TypeAlias = Callable[..., Any]
Rule: TypeAlias = Callable[..., Any]  # gets an operator's arguments; NotImplemented: as torch runs it

UNWATCHED: frozenset[str] = (  # torch 2.6 runs these under no mode of ours
    frozenset()
    if hasattr(TorchDispatchMode, "supports_higher_order_operators")
    else frozenset(("flex_attention", "flex_attention_backward", "scan", "associative_scan"))
)
WHOLE = ("flex_attention", "flex_attention_backward")  # take functions too, but are one operator


@contextmanager
def plainly(rules: Mapping[str, Rule] | None = None) -> Iterator[None]:
    """In the block higher-order operators run by `rules`, by default as Python; torch compiles none.

    Raises MeasurementError for one that this torch cannot run so.
    """
    ruled = PLAIN if rules is None else {**PLAIN, **rules}
    call: Function = HigherOrderOperator.__call__
    compiled = torch.compile

    def run(operator: HigherOrderOperator, /, *args: Any, **kwargs: Any) -> Any:
        _refuse_unwatched(operator.name())
        rule = ruled.get(operator.name()) or _in_the_open(operator, args)
        out = rule(*args, **kwargs) if rule is not None else NotImplemented
        return call(operator, *args, **kwargs) if out is NotImplemented else out

    @functools.wraps(compiled)
    def as_written(model: Any = None, **options: Any) -> Any:
        caller = str(sys._getframe(1).f_globals.get("__name__"))
        if model is not None and caller.startswith("torch."):
            _refuse_unwatched(getattr(model, "__name__", ""))
            return model
        return compiled(model, **options)

    with patched(HigherOrderOperator, __call__=run), patched(torch, compile=as_written):
        yield


def _refuse_unwatched(name: str) -> None:
    if name in UNWATCHED:
        raise MeasurementError(
            f"the model calls {name}, which torch {torch.__version__} cannot run while its operators are watched.\n"
            "That is no fault of the model: a newer torch can."
        )


def _in_the_open(operator: HigherOrderOperator, args: Sequence[object]) -> Function | None:
    """What another operator that takes functions does: dispatched, it would run them out of sight."""
    if operator.name() in WHOLE or not any(map(callable, args)):
        return None
    return operator.py_kernels.get(DispatchKey.CompositeExplicitAutograd)


def _cond(pred: Any, if_true: Function, if_false: Function, operands: Sequence[Any] = ()) -> Any:
    return (if_true if pred else if_false)(*operands)


def _switch(index: Any, branches: Sequence[Function], operands: Sequence[Any]) -> Any:
    return branches[min(max(int(index), 0), len(branches) - 1)](*operands)


def _while_loop(
    goes_on: Function, body: Function, carried: Sequence[Any], more: Sequence[Any] = (), **_: Any
) -> Any:
    out = tuple(carried)
    while goes_on(*tree_leaves(out), *more):
        out = body(*tree_leaves(out), *more)
    return out


def _scan(
    combine: Function, start: Sequence[Tensor], rows: Sequence[Tensor], more: Any = (), **_: Any
) -> Any:
    """Of a user's function the carry and the results keep their structure; a graph's are flat."""
    if not len(rows[0]):
        return NotImplemented
    results = []
    for row in zip(*rows, strict=True):
        leaves, form = tree_flatten(combine(*start, *row, *more))
        start, made = leaves[: len(start)], leaves[len(start) :]
        results.append(made)
    flat = [*start, *map(_stacked, zip(*results, strict=True))]
    return tuple(flat) if isinstance(combine, fx.GraphModule) else tree_unflatten(flat, form)


def _map(function: Function, rows: Sequence[Tensor], more: Sequence[Any] = (), **_: Any) -> Any:
    made = [function(*row, *more) for row in zip(*rows, strict=True)]
    return tree_map(lambda *leaves: _stacked(leaves), *made)


def _stacked(leaves: Sequence[Any]) -> Any:
    return torch.stack(list(leaves)) if isinstance(leaves[0], Tensor) else leaves[0]


def _associative_scan(combine: Function, rows: Sequence[Tensor], more: Sequence[Any] = ()) -> Any:
    """torch's own tree of combinations, each of which takes many rows at once."""
    kernel = torch.ops.higher_order.associative_scan.py_kernels[DispatchKey.CompositeExplicitAutograd]
    out = kernel(combine, list(rows), tuple(more))
    form = getattr(combine, "keywords", {}).get("spec")
    return out if form is None else tree_unflatten(list(out), form)


PLAIN: dict[str, Rule] = {
    "cond": _cond,
    "switch": _switch,
    "while_loop": _while_loop,
    "scan": _scan,
    "map_impl": _map,
    "associative_scan": _associative_scan,
}
