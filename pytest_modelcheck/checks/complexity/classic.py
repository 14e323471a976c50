"""The two classic layouts, number for number: torchsummary's and torchstat's, each with its own conventions.

torchstat 0.0.7: MAdd counts a sum of n products as n multiplications and n - 1 additions, plus one for a bias;
Flops counts a product and sum as one, plus one for a convolution's bias; bytes take every tensor as float32.
Its own total row repeats the last layer's MemRead and MemWrite: here the column sums stand.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from torch import nn

from .result import Complexity, ModuleFacts
from .table import Summary

if TYPE_CHECKING:
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.modules.conv import _ConvNd
    from torch.nn.modules.pooling import _MaxPoolNd

FLOAT = 4  # bytes
MIB = 2**20
SUMMARY_COLUMNS = ("Layer (type)", "Output Shape", "Param #")
STAT_COLUMNS = (
    "module name",
    "input shape",
    "output shape",
    "params",
    "memory(MB)",
    "MAdd",
    "Flops",
    "MemRead(B)",
    "MemWrite(B)",
    "duration[%]",
    "MemR+W(B)",
)


def torchsummary(module: nn.Module, complexity: Complexity) -> Summary:
    """Keras's layout: each layer with its output shape (-1 for the batch) and parameters, then sizes in MB."""
    rows, outputs = [], 0
    params = _params_by_row(complexity)
    for number, (name, facts) in enumerate(_finished(module, complexity), 1):
        shape = facts.output_shape or ()
        outputs += math.prod(shape)
        own = params[name]
        rows.append((f"{facts.type}-{number}", str([-1, *shape[1:]]), f"{own:,}"))
    given = math.prod(_input_shape(complexity))
    sizes = [given * FLOAT / MIB, 2 * outputs * FLOAT / MIB, complexity.params * FLOAT / MIB]
    totals = (
        f"Total params: {complexity.params:,}",
        f"Trainable params: {complexity.trainable_params:,}",
        f"Non-trainable params: {complexity.params - complexity.trainable_params:,}",
        f"Input size (MB): {sizes[0]:.2f}",
        f"Forward/backward pass size (MB): {sizes[1]:.2f}",
        f"Params size (MB): {sizes[2]:.2f}",
        f"Estimated Total Size (MB): {sum(sizes):.2f}",
    )
    return Summary(complexity.name, tuple(rows), totals, SUMMARY_COLUMNS, (0,))


def torchstat(
    module: nn.Module, complexity: Complexity, durations: dict[str, float] | None = None
) -> Summary:
    """Each layer's parameters, output memory, MAdd, Flops, bytes, and its share of the time (`durations`, seconds)."""
    rows, sums, left = [], [0.0] * 6, []
    shares, params = _shares(durations or {}), _params_by_row(complexity)
    for name, child, facts in _layers(module, complexity):
        given, made = (facts.input_shape or ())[1:], (facts.output_shape or ())[1:]
        read = FLOAT * ((math.prod(given) if given else 0) + _parameters(child))
        written = FLOAT * math.prod(made)
        operations = _operations(child, given, made)
        macs = complexity.by_module()[name].macs
        if operations is None and macs:
            left.append(f"{name or complexity.name} ({facts.type}, {macs:,} MACs)")
        madd, flops = operations or (0, 0)
        memory = math.prod(made) * FLOAT / MIB
        values = (params[name], memory, madd, flops, read, written)
        sums = [a + b for a, b in zip(sums, values, strict=True)]
        known = operations is not None or not macs
        rows.append(_stat_row(name or complexity.name, given, made, values, shares.get(name), known))
    known = not left or bool(sums[2])
    total = _stat_row("total", (), (), tuple(sums), sum(shares.values()) if shares else None, known)
    totals = (
        f"Total params: {sums[0]:,.0f}",
        f"Total memory: {sums[1]:.2f}MB",
        f"Total MAdd: {total[5]}",
        f"Total Flops: {total[6]}",
        f"Total MemR+W: {sums[4] + sums[5]:,.0f}B",
        *([f"no MAdd and Flops in this layout, in no total: {', '.join(left)}"] if left else []),
    )
    return Summary(complexity.name, (*rows, total), totals, STAT_COLUMNS, (0,))


def _stat_row(
    name: str,
    given: Sequence[int],
    made: Sequence[int],
    values: tuple[float, ...],
    share: float | None,
    known: bool = True,
) -> tuple[str, ...]:
    """`known`: whether the layout has a MAdd and Flops for such a layer."""
    params, memory, madd, flops, read, written = values
    return (
        name,
        " ".join(map(str, given)),
        " ".join(map(str, made)),
        f"{params:,.0f}",
        f"{memory:.2f}",
        f"{madd:,.0f}" if known else "-",
        f"{flops:,.0f}" if known else "-",
        f"{read:,.0f}",
        f"{written:,.0f}",
        f"{share:.2%}" if share is not None else "-",
        f"{read + written:,.0f}",
    )


def _layers(module: nn.Module, complexity: Complexity) -> list[tuple[str, nn.Module, ModuleFacts]]:
    """The modules that ran while none of theirs did, in the order in which they were registered."""
    facts = complexity.modules
    busy = {child for child, name in _names(module).items() if facts[name].calls}
    return [
        (name, child, facts[name])
        for child, name in _names(module).items()
        if child in busy and name not in complexity.merged and not any(c in busy for c in _within(child))
    ]


def _within(module: nn.Module) -> list[nn.Module]:
    return [child for child in module.modules() if child is not module]


def _names(module: nn.Module) -> dict[nn.Module, str]:
    return {child: name for name, child in module.named_modules()}


def _finished(module: nn.Module, complexity: Complexity) -> list[tuple[str, ModuleFacts]]:
    """The modules that ran, children before their parents; without the model itself, Sequential and ModuleList."""
    names = _names(module)
    order: dict[nn.Module, None] = {}

    def visit(node: nn.Module) -> None:
        for child in node.children():
            visit(child)
        order.setdefault(node)

    visit(module)
    shown = [c for c in order if c is not module and not isinstance(c, (nn.Sequential, nn.ModuleList))]
    return [(names[c], complexity.modules[names[c]]) for c in shown if complexity.modules[names[c]].calls]


def _params_by_row(complexity: Complexity) -> dict[str, int]:
    """Each module's own parameters, tied ones once, and those of modules that it uses without calling them."""
    found = {name: facts.own_params for name, facts in complexity.modules.items()}
    for name in sorted(complexity.used_through_weights, key=lambda name: -name.count(".")):
        owner = name
        while owner and not complexity.modules[owner].calls:
            owner = owner.rpartition(".")[0]
            owner = owner if owner in found else ""
        found[owner] += found[name]
    return found


def _parameters(layer: nn.Module) -> int:
    return sum(p.numel() for p in layer.parameters())


def _input_shape(complexity: Complexity) -> tuple[int, ...]:
    return next((f.input_shape for f in complexity.modules.values() if f.input_shape), ())


def _shares(durations: dict[str, float]) -> dict[str, float]:
    total = sum(durations.values())
    return {name: seconds / total for name, seconds in durations.items()} if total else {}


# MAdd and Flops by kind of layer; others without products count 0, as torchstat's did


def _operations(layer: nn.Module, given: Sequence[int], made: Sequence[int]) -> tuple[int, int] | None:
    """None where the layout has no formula."""
    for kinds, formula in _OPERATIONS:
        if isinstance(layer, kinds) and given and made:
            return formula(layer, math.prod(given), math.prod(made))
    return None


def _convolution(layer: _ConvNd, given: int, made: int) -> tuple[int, int]:
    """Sums of n products: 2 n - 1, and one more with a bias; without the bias's own term in the products."""
    products = math.prod(layer.weight.shape[1:])
    biased = layer.bias is not None
    return made * (2 * products - 1 + biased), made * (products + biased)


def _transposed(layer: _ConvNd, given: int, made: int) -> tuple[int, int]:
    """At each place of the input, each channel that is made is a sum over the kernel and the channels of its group."""
    products = given * math.prod(layer.weight.shape[1:])
    sums = given // layer.in_channels * layer.out_channels
    biased = layer.bias is not None
    return 2 * products - sums + sums * biased, products + made * biased


def _bilinear(layer: nn.Bilinear, given: int, made: int) -> tuple[int, int]:
    products = layer.in1_features * layer.in2_features
    return made * (2 * products - 1), made * products


def _linear(layer: nn.Linear, given: int, made: int) -> tuple[int, int]:
    """torchstat leaves a linear layer's bias out of both."""
    rows = made // layer.out_features
    return rows * layer.out_features * (2 * layer.in_features - 1), made * layer.in_features


def _norm(layer: _BatchNorm, given: int, made: int) -> tuple[int, int]:
    """Subtract and divide, and with an affine part scale and shift."""
    affine = 2 if layer.affine else 1
    return 2 * affine * given, affine * given


def _activation(layer: nn.Module, given: int, made: int) -> tuple[int, int]:
    return given, given


def _max_pool(layer: _MaxPoolNd, given: int, made: int) -> tuple[int, int]:
    size = layer.kernel_size
    window = size**2 if isinstance(size, int) else math.prod(size)
    return made * (window - 1), given


_Kinds: TypeAlias = type[nn.Module] | tuple[type[nn.Module], ...]
_Formula: TypeAlias = Callable[[Any, int, int], tuple[int, int]]  # (layer, elements in, out)

_OPERATIONS: tuple[tuple[_Kinds, _Formula], ...] = (
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    ((nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d), _transposed),
    (nn.Linear, _linear),
    (nn.Bilinear, _bilinear),
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _norm),
    ((nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.ELU), _activation),
    ((nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d), _max_pool),
)


def shufflenet_mac(module: nn.Module, complexity: Complexity) -> dict[str, int]:
    """hw(c1 + c2) + c1 c2 / g of each point-wise convolution that ran, in elements (Ma et al. 2018, equation 1)."""
    found = {}
    for name, layer, facts in _layers(module, complexity):
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and facts.input_shape:
            pixels = math.prod((facts.output_shape or ())[-2:])
            channels = layer.in_channels + layer.out_channels
            found[name or complexity.name] = (
                pixels * channels + layer.in_channels * layer.out_channels // layer.groups
            )
    return found
