"""Other backward rules for ReLUs, however they are written, without touching the model.

Deconvnet (Zeiler and Fergus 2013) rectifies the signal on its way down; guided backpropagation (Springenberg et al.
2014) also keeps plain backpropagation's mask. All else is the plain backward: the transpose of a convolution, and for
max pooling the switches of the forward (where windows overlap, the signals of one place are summed).

The rules are hooks on the nodes of the graph that a forward left: it knows a ReLU by what it does, whether a module, a
function, an operator or TorchScript made it.
"""

from __future__ import annotations

import inspect
import re
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from .outputs import tensors

Node: TypeAlias = Any  # of torch's graph
Bounds: TypeAlias = "tuple[object, object]"  # numbers or tensors; None: unbounded


@dataclass(frozen=True)
class Rectified:
    """What lay on the way: `relus` that go back by the rule, `others` (kind -> number) by the plain one.

    `switches`: whether max pooling ties the way back to the input. `hidden`: whether TorchScript hides a part.
    """

    relus: int
    others: Counter[str]
    switches: bool
    hidden: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know."""
        found = []
        if self.others:
            total, names = self.relus + sum(self.others.values()), sorted(self.others)
            listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
            go = "goes" if len(names) == 1 else "go"
            found.append(
                f"{self.relus} of {total} activations are ReLU; {listed} {go} back by the plain rule"
            )
        if self.hidden:
            found.append(
                "a part in TorchScript, optimised, goes back by the plain rule: its ReLUs are not seen"
            )
        return tuple(found)


@contextmanager
def rectified(values: Tensor, rule: str, compared: Collection[Node] = ()) -> Iterator[Rectified]:
    """In the block a backward from `values` goes by `rule` (`deconvnet`, `guided`).

    `compared`: what made tensors that the forward compared, see `Plainly`.
    """
    nodes = list(_nodes([values]))
    found = [node for node in nodes if _is_relu(node)]
    others = Counter([*_others(nodes), *_gates(nodes, compared)])
    names = {node.name() for node in nodes}
    switches = any("MaxPool" in name for name in names)
    with ExitStack() as hooks:
        for node in found:
            hooks.callback(_hooked(node, rule).remove)
        yield Rectified(len(found), others, switches, any("DifferentiableGraph" in name for name in names))


def relus(output: object) -> int:
    """How many there are in the graph of a model's output."""
    return sum(map(_is_relu, _nodes([tensor for _, tensor in tensors(output)])))


def _nodes(values: Iterable[Tensor]) -> Iterator[Node]:
    """The graph's, each once."""
    waiting, seen = [tensor.grad_fn for tensor in values], set[Node]()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield node
        waiting += [following for following, _ in node.next_functions]


def _plain_name(node: Node) -> str:
    """`Relu` for ReluBackward0."""
    return re.sub(r"Backward\d*$", "", node.name())


def _bounds(node: Node) -> Bounds | None:
    """What a node clamps its input to; None: it is no clamp."""
    match _plain_name(node):
        case "Relu":
            return 0, None
        case "LeakyRelu":
            return (None if node._saved_negative_slope else 0), None
        case "Threshold":
            return node._saved_threshold, None
        case "Hardtanh":
            return node._saved_min_val, node._saved_max_val
        case "Clamp":
            return node._saved_min, node._saved_max
        case "ClampMin":
            return node._saved_min, None
        case "Maximum" | "Fmax":
            return _constant(node), None
    return None


def _constant(node: Node) -> object:
    """Which of the two is none of the network's; None: both are."""
    (first, _), (second, _) = node.next_functions
    if first is not None and second is not None:
        return None
    return node._saved_other if second is None else node._saved_self


def _is_relu(node: Node) -> bool:
    """Whether it cuts at 0, and maybe somewhere above."""
    low, high = _bounds(node) or (None, None)
    is_zero = not low.any() if isinstance(low, Tensor) else low == 0
    return bool(low is not None and is_zero and (high is None or torch.as_tensor(high).gt(0).all()))


def _hooked(node: Node, rule: str) -> Any:
    if rule == "guided":

        def masked(signals: tuple[Tensor | None, ...]) -> tuple[Tensor | None, ...]:
            return tuple(None if s is None else s.clamp_min(0) * _inside(node) for s in signals)

        return node.register_prehook(masked)

    def only_rectified(
        made: tuple[Tensor | None, ...], signals: tuple[Tensor | None, ...]
    ) -> tuple[Tensor | None, ...]:
        signal = signals[0]
        return tuple(
            g if g is None or signal is None else signal.clamp_min(0).sum_to_size(g.shape) for g in made
        )

    return node.register_hook(only_rectified)


def _inside(node: Node) -> Any:
    """Where the input lies between the bounds: a clamp's own mask counts the bounds too, a ReLU's does not."""
    if _plain_name(node) == "Relu":
        return True
    (_, high), live = _bounds(node) or (0, None), node._saved_self
    if _plain_name(node) in ("Maximum", "Fmax") and node.next_functions[0][0] is None:
        live = node._saved_other
    return live > 0 if high is None else (live > 0) & (live < high)


_PLAIN = {
    "Celu": "CELU",
    "Elu": "ELU",
    "Gelu": "GELU",
    "Glu": "GLU",
    "Hardswish": "Hardswish",
    "Hardtanh": "Hardtanh",
    "LeakyRelu": "LeakyReLU",
    "LogSigmoid": "LogSigmoid",
    "Mish": "Mish",
    "Prelu": "PReLU",
    "PreluKernel": "PReLU",
    "RreluWithNoise": "RReLU",
    "Silu": "SiLU",
    "Softplus": "Softplus",
    "Tanh": "Tanh",
    "Threshold": "Threshold",
}
_CALLED_SO = re.compile("swish|silu|gelu|mish|relu", re.IGNORECASE)


def _others(nodes: list[Node]) -> Iterator[str]:
    """Each activation that is no ReLU, by its name."""
    readers: dict[Node, list[Node]] = {}
    for node in nodes:
        for given, _ in node.next_functions:
            readers.setdefault(given, []).append(node)
    for node in nodes:
        name = _squash(node, readers.get(node, [])) or ("" if _is_relu(node) else _activation(node))
        if name:
            yield name


def _squash(node: Node, readers: list[Node]) -> str:
    """A sigmoid: of its own input it makes x * sigmoid(x), of another a gate, which is no activation."""
    name = _plain_name(node)
    if name not in ("Sigmoid", "Hardsigmoid"):
        return ""
    if not readers or any(_plain_name(reader) != "Mul" for reader in readers):
        return name
    own = node.next_functions[0]
    multiplies_itself = any(own in reader.next_functions for reader in readers)
    return {"Sigmoid": "SiLU", "Hardsigmoid": "Hardswish"}[name] if multiplies_itself else ""


def _activation(node: Node) -> str:
    """What an activation that is no ReLU is called; "" for all else. Gates (sigmoid, hardsigmoid) are none."""
    name = _plain_name(node)
    if isinstance(node, torch.autograd.function.BackwardCFunction):  # a user's own Function
        return name if _CALLED_SO.search(name) else ""
    if name == "Elu" and node._saved_scale != 1:
        return "SELU"
    return _PLAIN.get(name, "")


_GATES = {"Mul": "x * (x > 0)", "Where": "where", "MaskedFill": "masked_fill", "IndexPut": "index_put"}


def _gates(nodes: list[Node], compared: Collection[Node]) -> Iterator[str]:
    """Each activation that is written in arithmetic: what is `compared` is kept where the comparison says so.

    `x + |x|` is one too.
    """
    for node in nodes:
        name, given = _plain_name(node), [_behind_clones(one) for one, _ in node.next_functions]
        if name in _GATES and any(one in compared for one in given) and (name != "Mul" or _is_masked(node)):
            yield _GATES[name]
        elif name == "Add" and any(_is_size_of(one, other) for one in given for other in given):
            yield "x + |x|"


def _behind_clones(node: Node) -> Node:
    while node is not None and _plain_name(node) == "Clone":
        node = node.next_functions[0][0]
    return node


def _is_masked(node: Node) -> bool:
    """Whether one of the factors is of truth values."""
    if all(given is not None for given, _ in node.next_functions):
        return False
    factor = node._saved_other if node.next_functions[1][0] is None else node._saved_self
    return isinstance(factor, Tensor) and _is_of_two_values(factor)


def _is_of_two_values(factor: Tensor) -> bool:
    return factor.dtype is torch.bool or (factor.dim() > 0 and bool(((factor == 0) | (factor == 1)).all()))


def _is_size_of(node: Node, other: Node) -> bool:
    return node is not None and _plain_name(node) == "Abs" and node.next_functions[0][0] is other


class Plainly(TorchFunctionMode):
    """While active in this thread, what torch's graph would not show of a rectifier is written in another way.

    Those that write in place to a view make a tensor and copy it there: the graph would keep them in a node for all
    that was written to the whole tensor. A threshold of 0 with another value below it is no ReLU: it becomes `where`.
    `compared`: what made tensors that were compared: a ReLU may be written so.
    """

    def __init__(self) -> None:
        super().__init__()
        self.compared: set[Node] = set()

    def __torch_function__(self, func: Any, classes: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _COMPARISONS:
            self.compared |= {
                one.grad_fn for one in args if isinstance(one, Tensor) and one.grad_fn is not None
            }
        if func in _THRESHOLDS:
            made = _threshold(func, *args, **kwargs)
            if made is not None:
                return made
        given = args[0] if args else kwargs.get("input")
        make = _MADE.get(func)
        if make is None or not isinstance(given, Tensor) or given._base is None:
            return func(*args, **kwargs)
        if "inplace" not in _parameters(func):
            return given.copy_(make(*args, **kwargs))
        asked = inspect.signature(func).bind(*args, **kwargs).arguments
        if not asked.pop("inplace", False):
            return func(*args, **kwargs)
        return given.copy_(make(**asked))


def _parameters(func: Callable[..., Any]) -> Iterable[str]:
    return inspect.signature(func).parameters if isinstance(func, types.FunctionType) else ()


_NAMES = ("relu", "relu6", "hardtanh", "threshold", "leaky_relu", "clamp", "clamp_min", "clip")
_MADE: dict[Callable[..., Any], Callable[..., Any]] = {}
for _home in (torch, Tensor, F, torch._C._nn):
    for _each in _NAMES:
        _own = getattr(_home, _each, None)
        if _own is not None and "inplace" in _parameters(_own):
            _MADE[_own] = _own
        if _own is not None and hasattr(_home, f"{_each}_"):
            _MADE[getattr(_home, f"{_each}_")] = _own

_COMPARISONS = {
    getattr(home, name)
    for home in (torch, Tensor)
    for name in ("gt", "ge", "lt", "le", "greater", "less", "__gt__", "__ge__", "__lt__", "__le__", "sign")
    if hasattr(home, name)
}
_IN_PLACE: Any = vars(torch)["threshold_"]
_THRESHOLDS = {F.threshold, torch.threshold, _IN_PLACE}


def _threshold(
    func: Callable[..., Any], input: Tensor, threshold: float, value: float, inplace: bool = False
) -> Tensor | None:
    """What `func`, a threshold, makes; None where a ReLU is all that it can be."""
    if not value:
        return None
    made = torch.where(input > threshold, input, value)
    return input.copy_(made) if inplace or func is _IN_PLACE else made
