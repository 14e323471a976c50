"""Count parameters and their bytes; weights that quantised modules keep packed, out of sight, count too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from ...errors import NothingSeenError
from ...model.observe import refuse_lazy
from ...model.subject import Subject
from .packed import packed_weights
from .result import Parameters
from .traffic import add_bytes


@dataclass(frozen=True)
class Sizes:
    """What a model holds, tied tensors once; `by_module` and `with_children` are parameters of each module."""

    by_module: dict[str, int]
    with_children: dict[str, int]
    params: int
    trainable: int
    buffers: int
    bytes: int


def count_params(subject: Subject, *, trainable: bool | None = None) -> Parameters:
    """Count parameters: all, only those that require a gradient, or only those that do not. Tied ones count once.

    Needs no inputs and runs nothing. Raises SubjectError for lazy parameters without a shape.
    """
    module = subject.architecture
    refuse_lazy(module)
    own = {name: _held(child) for name, child in module.named_modules()}
    by_module = _numel_by_module(own, trainable)
    return Parameters(sum(by_module.values()), by_module, trainable)


def refuse_hidden(subject: Subject) -> None:
    """Raise NothingSeenError if the model has no parameters but for such as torch does not find.

    Those are in the lists, tuples and dictionaries among the attributes of its modules.
    """
    module = subject.architecture
    if any(_held(child) for child in module.modules()):
        return
    places = [
        f"{name}.{key}".lstrip(".")
        for name, child in module.named_modules()
        for key, value in vars(child).items()
        if key not in ("_parameters", "_modules", "_buffers") and _hides(value)
    ]
    if places:
        raise NothingSeenError(
            f"{subject.name}: no parameter is registered, but there are some in {', '.join(places)}, where torch does "
            "not look (nor does an optimizer).\nKeep layers in nn.ModuleList or nn.ModuleDict, tensors in nn.Parameter."
        )


def _hides(value: object, depth: int = 4) -> bool:
    """Whether there is a trainable tensor, or a module with parameters, in a value."""
    if isinstance(value, Tensor):
        return value.requires_grad
    if isinstance(value, nn.Module):
        return any(_held(child) for child in value.modules())
    if not depth or not isinstance(value, (list, tuple, set, dict)):
        return False
    return any(_hides(item, depth - 1) for item in (value.values() if isinstance(value, dict) else value))


def sizes(module: nn.Module, names: Mapping[nn.Module, str]) -> Sizes:
    """All sizes of a model whose modules have these `names`."""
    held = {child: _held(child) for child in names}
    weights = _once(tensor for tensors in held.values() for tensor in tensors)
    by_module = _numel_by_module({names[child]: tensors for child, tensors in held.items()})
    children = sum(child is not None for node in held for child in node._modules.values())
    is_plain = len(weights) == sum(map(len, held.values())) and children == len(held) - 1
    whole = _sums(module, by_module, names) if is_plain else _with_children(module, held)
    buffers = _once(b for child in names for b in child._buffers.values() if b is not None)
    return Sizes(
        by_module=by_module,
        with_children={names[child]: n for child, n in whole.items()},
        params=sum(by_module.values()),
        trainable=_numel(t for t in weights if t.requires_grad),
        buffers=_numel(buffers),
        bytes=add_bytes([*weights, *buffers], {}),
    )


def _held(module: nn.Module) -> list[Tensor]:
    """Parameters and packed weights of this very module."""
    return [*(p for p in module._parameters.values() if p is not None), *packed_weights(module)]


def _numel_by_module(own: Mapping[str, list[Tensor]], trainable: bool | None = None) -> dict[str, int]:
    """A tied tensor counts where it is met first."""
    seen: set[int] = set()
    counts = {}
    for name, tensors in own.items():
        new = {id(t): t for t in tensors if id(t) not in seen}
        seen.update(new)
        counts[name] = _numel(t for t in new.values() if trainable is None or t.requires_grad is trainable)
    return counts


def _sums(root: nn.Module, own: Mapping[str, int], names: Mapping[nn.Module, str]) -> dict[nn.Module, int]:
    """Of modules with their children, where neither weights nor modules are shared."""
    found: dict[nn.Module, int] = {}

    def visit(node: nn.Module) -> int:
        children = (child for child in node._modules.values() if child is not None)
        found[node] = own[names[node]] + sum(map(visit, children))
        return found[node]

    visit(root)
    return found


def _with_children(root: nn.Module, held: Mapping[nn.Module, list[Tensor]]) -> dict[nn.Module, int]:
    found: dict[nn.Module, dict[int, int]] = {}  # elements of each tensor, by its number

    def visit(node: nn.Module) -> dict[int, int]:
        if node not in found:
            found[node] = {id(tensor): tensor.numel() for tensor in held[node]}
            for child in node._modules.values():
                if child is not None:
                    found[node].update(visit(child))
        return found[node]

    visit(root)
    return {node: sum(elements.values()) for node, elements in found.items()}


def _once(tensors: Iterable[Tensor]) -> list[Tensor]:
    return list({id(tensor): tensor for tensor in tensors}.values())


def _numel(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() for tensor in tensors)
