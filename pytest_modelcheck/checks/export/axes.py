"""The axes that an export is asked to leave free, and inputs of other sizes along them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import SUPPORTED_NODES

from ...errors import NothingSeenError
from ...model.subject import Inputs

SEARCHED = 4096  # values among which the size behind a derived one (2*batch) is looked for
GROWTH, SMALL = (
    64,
    1_000_000,
)  # no input is made this many times as large, unless it has fewer elements than this
ENDLESS = 2**31  # a size from here on is no limit


@dataclass(frozen=True)
class _Leaf:
    """Stands for a tensor of the inputs, the `number`-th of them."""

    number: int


@dataclass(frozen=True)
class Axis:
    """An axis of the `number`-th tensor that was asked to be free, for sizes from `low` to `high`."""

    input: str
    number: int
    axis: int
    low: int = 0
    high: float = math.inf

    def __str__(self) -> str:
        return f"axis {self.axis} of input {self.input!r}"


@dataclass(frozen=True)
class Sizes:
    """The shapes of all input tensors, by name. `values`: what each free size is there."""

    values: Mapping[Any, int]
    shapes: tuple[tuple[int, ...], ...]
    names: Sequence[str]

    def __str__(self) -> str:
        shown = [
            f"{name} {'x'.join(map(str, shape))}" for name, shape in zip(self.names, self.shapes, strict=True)
        ]
        return ", ".join(shown)


def free_axes(module: nn.Module, inputs: Inputs, dynamic: object) -> list[Axis]:
    """What `dynamic` (dynamic_shapes of torch.onnx.export, in any of its forms) asks to be free."""
    if not dynamic:
        return []
    if not isinstance(dynamic, (Mapping, list, tuple)) and hasattr(
        dynamic, "dynamic_shapes"
    ):  # torch.export.ShapesCollection
        dynamic = dynamic.dynamic_shapes(module, inputs.args, dict(inputs.kwargs))
    given = _by_name(module, inputs)
    if not isinstance(dynamic, Mapping):
        specs = dynamic if isinstance(dynamic, Sequence) else []
        return [axis for pair in zip(given.items(), specs, strict=False) for axis in _walk(*pair[0], pair[1])]
    return [axis for name, value in given.items() for axis in _walk(name, value, dynamic.get(name))]


def _by_name(module: nn.Module, inputs: Inputs) -> dict[str, object]:
    """The arguments of forward as its signature calls them, a `_Leaf` in place of each tensor."""
    count = iter(range(len(inputs.tensors)))
    marked = inputs.map(lambda leaf: _Leaf(next(count)) if isinstance(leaf, Tensor) else leaf)
    signature = inspect.signature(module.forward)
    bound = signature.bind(*marked.args, **marked.kwargs).arguments
    found: dict[str, object] = {}
    for name, value in bound.items():
        by_keyword = signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD
        found.update(value if by_keyword else {name: value})
    return found


def tensor_names(module: nn.Module, inputs: Inputs) -> list[str]:
    """What each tensor of the inputs is called: `x`, `batch['mask']`."""
    found = dict(pair for name, value in _by_name(module, inputs).items() for pair in _named(name, value))
    return [found[number] for number in range(len(found))]


def _named(path: str, value: object) -> Iterator[tuple[int, str]]:
    if isinstance(value, _Leaf):
        yield value.number, path
    for key, child in _children(value):
        yield from _named(f"{path}[{key!r}]", child)


def _walk(path: str, value: object, spec: Any) -> Iterator[Axis]:
    """`spec` is parallel to `value` down to the tensors; there it says something of some axes."""
    if spec is None:
        return
    if isinstance(value, _Leaf):
        pairs = spec.items() if isinstance(spec, Mapping) else enumerate(_listed(spec))
        for axis, dim in pairs:
            if _is_free(dim):
                yield Axis(path, value.number, axis, *_bounds(dim))
        return
    for key, child in _children(value):
        inner = (
            spec.get(key) if isinstance(spec, Mapping) else dict(enumerate(_listed(spec))).get(key)  # type: ignore[call-overload]
        )
        yield from _walk(f"{path}[{key!r}]", child, inner)


def _listed(spec: object) -> Sequence[object]:
    return spec if isinstance(spec, (list, tuple)) else []


def _children(value: object) -> Iterator[tuple[object, object]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
    elif type(value) in SUPPORTED_NODES:
        yield from enumerate(SUPPORTED_NODES[type(value)].flatten_fn(value)[0])


def _is_free(dim: object) -> bool:
    return dim is not None and not isinstance(dim, int) and dim != torch.export.Dim.STATIC


def _bounds(dim: object) -> tuple[int, float]:
    low, high = getattr(dim, "min", None), getattr(dim, "max", None)
    return low if isinstance(low, int) else 0, high if isinstance(high, int) else math.inf


class FreeSizes:
    """Which sizes an exported program leaves free, and inputs at others than the example's.

    `fixed`: the axes that it does not leave free, a sentence for each. Of its inputs' shapes the program says what each
    size is: a number, a symbol (one for all sizes that are equal), or an expression of symbols.
    """

    def __init__(
        self, name: str, program: Any, inputs: Inputs, axes: Sequence[Axis], names: Sequence[str]
    ) -> None:
        self.name, self.inputs, self.axes = name, inputs, axes
        self.expressions = _shapes(program)
        tensors = inputs.tensors
        if [len(shape) for shape in self.expressions] != [t.dim() for t in tensors]:
            self._refuse(axes[0], "the exporter does not say which sizes the file leaves free")
        self.names = names
        self.ranges = getattr(program, "range_constraints", {})
        self.example = self._example()
        self.fixed = tuple(self._told_fixed(axis) for axis in axes if self._is_fixed(axis))
        self.left = {axis: "" for axis in axes if not self._is_fixed(axis)}  # not tried yet, and why not
        self.seen: set[tuple[tuple[int, ...], ...]] = set()  # the shapes that were

    def others(self) -> Iterator[tuple[Sizes, Inputs]]:
        """Larger ones, smaller ones, and those just beyond what the exporter believes, along all axes together; then
        along each alone.

        The caller says of each whether it was `tried` or `refused`.
        """
        for rule in (_larger, _smaller, self._beyond):
            yield from self._first(
                {symbol: rule(symbol, n, i) for i, (symbol, n) in enumerate(self.example.items())}
            )
        for symbol, n in self.example.items():
            if len(self.example) > 1 or self.left:
                yield from self._first({symbol: [*_larger(symbol, n, 0), *_smaller(symbol, n, 0)]})

    def _first(self, choices: Mapping[Any, Sequence[int]]) -> Iterator[tuple[Sizes, Inputs]]:
        """One after the other, until one was tried."""
        for i in range(max((len(values) for values in choices.values()), default=0)):
            values = {
                symbol: allowed[min(i, len(allowed) - 1)] for symbol, allowed in choices.items() if allowed
            }
            sizes = self._sizes({**self.example, **values})
            if sizes is None or sizes.values == self.example:
                continue
            if sizes.shapes not in self.seen:
                yield sizes, self._resized(sizes)
            if sizes.shapes in self.seen:
                return

    def _beyond(self, symbol: Any, n: int, place: int) -> list[int]:
        """The exporter narrows a range for a branch or a limit of the model: which of the two, running it tells."""
        allowed = self.ranges.get(symbol)
        low, high = _finite(getattr(allowed, "lower", None)), _finite(getattr(allowed, "upper", None))
        return ([high + 1] if high is not None else []) + ([low - 1] if low is not None and low > 1 else [])

    def tried(self, sizes: Sizes) -> None:
        """Both ran at these sizes."""
        self.seen.add(sizes.shapes)
        for axis in list(self.left):
            if sizes.shapes[axis.number][axis.axis] != self.inputs.tensors[axis.number].shape[axis.axis]:
                del self.left[axis]

    def refused(self, sizes: Sizes, why: str) -> None:
        """The model itself does not run at these sizes."""
        for axis in self.left:
            self.left[axis] = f"at {sizes} {why}"

    def refuse_untried(self) -> None:
        """Raise NothingSeenError if there is an axis along which nothing was tried."""
        for axis, why in self.left.items():
            self._refuse(axis, why or "no other size is allowed, or can be made of the example input")

    def _refuse(self, axis: Axis, why: str) -> None:
        raise NothingSeenError(
            f"{self.name}: {axis} was asked to be free (dynamic=), but could not be tried at a second size: {why}\n"
            "Give example inputs of another size, or say which sizes it may have: torch.export.Dim('n', min=2, max=64)."
        )

    def _is_fixed(self, axis: Axis) -> bool:
        """Whether the file takes one size there."""
        size = self.expressions[axis.number][axis.axis]
        allowed = self.ranges.get(size)
        return isinstance(size, int) or (allowed is not None and bool(allowed.lower == allowed.upper))

    def _told_fixed(self, axis: Axis) -> str:
        now = self.inputs.tensors[axis.number].shape[axis.axis]
        return f"{axis} was asked to be free (dynamic=), but the file fixes it at {now}"

    def _example(self) -> dict[Any, int]:
        """The symbols, and what they are at the example inputs."""
        found: dict[Any, int] = {}
        pairs = [
            pair
            for shape, tensor in zip(self.expressions, self.inputs.tensors, strict=True)
            for pair in zip(shape, tensor.shape, strict=True)
            if not isinstance(pair[0], int)
        ]
        for size, now in sorted(pairs, key=lambda pair: not pair[0].is_symbol):
            unknown = size.free_symbols - found.keys()
            if len(unknown) == 1:
                (symbol,) = unknown
                rest = size.subs(found)
                value = next((v for v in (now, *range(SEARCHED)) if rest.subs(symbol, v) == now), None)
                found |= {} if value is None else {symbol: value}
        return found

    def _sizes(self, values: Mapping[Any, int]) -> Sizes | None:
        """All shapes; None where one is not allowed."""
        shapes = tuple(
            tuple(n if isinstance(n, int) else int(n.subs(values)) for n in shape)
            for shape in self.expressions
        )
        fits = all(axis.low <= shapes[axis.number][axis.axis] <= axis.high for axis in self.axes)
        able = all(map(_can_become, self.inputs.tensors, shapes))
        return Sizes(values, shapes, self.names) if fits and able else None

    def _resized(self, sizes: Sizes) -> Inputs:
        """The example, repeated or cut along the axes."""
        shapes = iter(sizes.shapes)
        return self.inputs.map(
            lambda leaf: _resized(leaf, next(shapes)) if isinstance(leaf, Tensor) else leaf
        )


def _can_become(tensor: Tensor, shape: Sequence[int]) -> bool:
    if tuple(tensor.shape) == tuple(shape):
        return True
    most = max(SMALL, GROWTH * tensor.numel())
    return tensor.numel() > 0 and min(shape) > 0 and math.prod(shape) <= most


def _resized(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    for axis, size in enumerate(shape):
        now = tensor.shape[axis]
        if size != now:
            tensor = tensor.index_select(axis, torch.arange(size, device=tensor.device) % now)
    return tensor


def _larger(symbol: Any, n: int, place: int) -> list[int]:
    """First one that is odd where n is even; of several symbols no two alike, so that none is taken for another."""
    odd, even = 2 * n + 1 + 2 * place, 2 * n + 2 * place
    return [even, odd, n + 1] if n % 2 else [odd, even, n + 1]


def _smaller(symbol: Any, n: int, place: int) -> list[int]:
    return [value for value in dict.fromkeys((n // 2, n - 1, 1)) if 0 < value < n]


def _finite(bound: Any) -> int | None:
    """A bound of a range as a number; None for none, which the exporter may write as a very large one."""
    try:
        number = int(bound)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None
    return number if number < ENDLESS else None


def _shapes(program: Any) -> list[list[Any]]:
    """Of each tensor among the program's inputs: numbers, and expressions where a size is free."""
    if program is None:
        return []
    values = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    found = [values.get(name) for name in program.graph_signature.user_inputs if isinstance(name, str)]
    return [[*map(_size, value.shape)] for value in found if isinstance(value, Tensor)]


def _size(n: Any) -> Any:
    """A number, also where it has the form of an expression (torch 2.6, of an axis that the model fixed)."""
    expression = n.node.expr if isinstance(n, torch.SymInt) else n
    return expression if getattr(expression, "free_symbols", None) else int(expression)
