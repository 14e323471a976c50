"""Target layers: find them by name, or the last one with a spatial map; read an activation as (N, C, h, w)."""

from __future__ import annotations

import difflib
import threading
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from ..errors import ExplanationError
from ..observe import observe
from ..subject import Subject

Size = tuple[int, int]


def find_layer(subject: Subject, layer: Any) -> tuple[str, nn.Module]:
    """Name and module of `layer`: a module of the model, a dotted name, or None for the last spatial one.

    Raises ExplanationError with the closest names for one that is not there.
    """
    modules = dict(subject.module.named_modules())
    if layer is None:
        name = last_spatial_layer(subject)
        return name, modules[name]
    if isinstance(layer, nn.Module):
        found = next((name for name, module in modules.items() if module is layer), None)
        if found is None:
            raise ExplanationError(
                f"{subject.name}: the {type(layer).__name__} given as layer= is not in the model"
            )
        return found, layer
    if layer not in modules:
        raise ExplanationError(f"{subject.name} has no layer {layer!r}; {nearest(str(layer), list(modules))}")
    return layer, modules[layer]


def nearest(name: str, names: list[str]) -> str:
    """A hint: the closest names."""
    names = [n for n in names if n]
    tail = name.rpartition(".")[2]
    close = difflib.get_close_matches(name, names, 3, 0.5) or [n for n in names if tail and tail in n][:3]
    return (
        f"did you mean {', '.join(map(repr, close))}?"
        if close
        else f"it has {', '.join(map(repr, names[:8]))}, …"
    )


def last_spatial_layer(subject: Subject) -> str:
    """The module that finishes last among those whose output is a map of more than one pixel; one forward."""
    size = input_size(subject)
    found = _spatial_layers(subject, size)
    if not found:
        raise ExplanationError(
            f"{subject.name} has no layer with a spatial map for inputs {subject.inputs}: a heatmap needs one.\n"
            "If there is one that was not recognised, name it: layer='...'."
        )
    return found[-1]


def _spatial_layers(subject: Subject, size: Size) -> list[str]:
    """Names of modules with a spatial output, in the order in which they finish."""
    names = {module: name for name, module in subject.module.named_modules() if name}
    thread, found = threading.get_ident(), []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        if threading.get_ident() == thread and module in names and _is_map(first_tensor(output), size):
            found.append(names[module])

    hook = register_module_forward_hook(note)
    try:
        with observe(subject.module), torch.no_grad():
            subject.run()
    finally:
        hook.remove()
    return found


def _is_map(output: Tensor | None, size: Size) -> bool:
    if output is None or not output.is_floating_point():
        return False
    shape = grid_shape(output, size)
    return (shape is not None and min(shape) > 1 and output.dim() == 4) or (
        shape is not None and output.dim() == 3
    )


def first_tensor(output: Any) -> Tensor | None:
    """The tensor that a module returns, alone or first in a tuple."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


def input_size(subject: Subject) -> Size:
    """Height and width of the first 4-D input. Raises ExplanationError if there is none."""
    for tensor in subject.require_inputs().tensors:
        if tensor.dim() == 4:
            return int(tensor.shape[-2]), int(tensor.shape[-1])
    raise ExplanationError(
        f"{subject.name}: a heatmap needs an image input (N, C, H, W); the inputs are {subject.inputs}"
    )


def grid_shape(activation: Tensor, size: Size) -> Size | None:
    """Height and width of the map in `activation`: (N, C, h, w), (N, h, w, C) or (N, L, C); None if there is none."""
    shape = activation.shape
    if activation.dim() == 4:
        candidates = [(shape[2], shape[3]), (shape[1], shape[2])]
        return next((c for c in candidates if _fits(c, size)), None)
    if activation.dim() == 3:
        return _token_grid(shape[1], size)
    return None


def _fits(grid: Size, size: Size) -> bool:
    """No larger than the input, and of its proportions within a pixel of rounding."""
    (h, w), (height, width) = grid, size
    return h <= height and w <= width and abs(h * width - w * height) <= max(height, width) * 1.5


def _token_grid(tokens: int, size: Size) -> Size | None:
    """The grid that `tokens` make, with up to two extra ones (class, distillation) in front."""
    for extra in (0, 1, 2):
        count = tokens - extra
        for h in range(2, count // 2 + 1):
            if count % h == 0 and _same_proportions((h, count // h), size):
                return h, count // h
    return None


def _same_proportions(grid: Size, size: Size) -> bool:
    return grid[0] * size[1] == grid[1] * size[0]


def as_map(activation: Tensor, size: Size) -> Tensor:
    """`activation` as (N, C, h, w); class tokens dropped. Raises ExplanationError if it is no map."""
    grid = grid_shape(activation, size)
    if grid is None:
        raise ExplanationError(
            f"the layer's output of shape {tuple(activation.shape)} is no spatial map for an input of "
            f"{size[0]}x{size[1]}; choose a layer that ends in (N, C, h, w), (N, h, w, C) or (N, tokens, C)"
        )
    if activation.dim() == 3:
        patches = activation[:, activation.shape[1] - grid[0] * grid[1] :]
        return patches.transpose(1, 2).unflatten(2, grid)
    if tuple(activation.shape[2:]) == grid:
        return activation
    return activation.permute(0, 3, 1, 2)
