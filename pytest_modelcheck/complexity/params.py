"""Count parameters and their bytes; weights that quantised modules keep packed, out of sight, count too."""

from __future__ import annotations

from torch import Tensor, nn

from ..observe import refuse_lazy
from ..subject import Subject
from .packed import packed_weights
from .result import Parameters


def count_params(subject: Subject, *, trainable: bool | None = None) -> Parameters:
    """Count parameters: all, only those that require a gradient, or only those that do not. Tied ones count once.

    Needs no inputs and runs nothing. Raises SubjectError for lazy parameters without a shape.
    """
    refuse_lazy(subject.architecture)
    return params(subject.architecture, trainable=trainable)


def params(module: nn.Module, *, trainable: bool | None = None) -> Parameters:
    """The same of a module whose parameters have shapes."""
    seen: set[Tensor] = set()
    by_module = {}
    for name, child in module.named_modules():
        own = [p for p in held(child) if p not in seen]
        seen.update(own)
        by_module[name] = sum(p.numel() for p in own if trainable is None or p.requires_grad is trainable)
    return Parameters(sum(by_module.values()), by_module, trainable)


def params_with_children(module: nn.Module) -> dict[nn.Module, int]:
    """Parameters of each module with its children's, tied ones once."""
    found: dict[nn.Module, set[Tensor]] = {}

    def visit(node: nn.Module) -> set[Tensor]:
        if node not in found:
            found[node] = set(held(node))
            for child in node._modules.values():
                if child is not None:
                    found[node] |= visit(child)
        return found[node]

    visit(module)
    return {node: sum(p.numel() for p in tensors) for node, tensors in found.items()}


def model_bytes(module: nn.Module) -> int:
    """Bytes of parameters, buffers and packed weights."""
    packed = [tensor for child in module.modules() for tensor in packed_weights(child)]
    return sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers(), *packed))


def held(module: nn.Module) -> list[Tensor]:
    """Parameters and packed weights of this very module."""
    return [*(p for p in module._parameters.values() if p is not None), *packed_weights(module)]
