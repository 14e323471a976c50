"""Target layers: find them by name, or the last one with a spatial map; read an activation as (N, C, h, w)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from ...errors import ExplanationError
from ...model.eager import eager
from ...model.subject import Inputs
from ...text import nearest
from .images import Images, Size

Layer: TypeAlias = str | nn.Module | None  # None: the last one with a map
Layers: TypeAlias = Layer | Sequence[str | nn.Module]


def find_layer(images: Images, layer: Layer) -> tuple[str, nn.Module]:
    """Name and module of `layer`: a module of the model, a dotted name, or None for the last spatial one.

    Raises ExplanationError with the closest names for one that is not there.
    """
    subject = images.subject
    modules = dict(subject.module.named_modules())
    if layer is None:
        name = last_spatial_layer(images)
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


def flat_graph(module: nn.Module) -> str:
    """What to do with a graph that calls operators where the model had layers; "" for other modules."""
    if not isinstance(module, torch.fx.GraphModule):
        return ""
    called = {node.target for node in module.graph.nodes if node.op == "call_module"}
    if called - {"_guards_fn"}:  # torch.export's own: it checks shapes
        return ""
    return (
        "It is a graph that calls operators and no layers: explain the module it was made from, or what "
        "torch.export.unflatten(program) makes of an exported program."
    )


def last_spatial_layer(images: Images) -> str:
    """The module that finishes last among those whose output is a map of more than one pixel; one forward."""
    subject = images.subject
    with subject.restored(), torch.no_grad():
        found = spatial_layers(images)
    if not found:
        raise ExplanationError(
            f"{subject.name} has no layer with a spatial map for inputs {subject.inputs}: a heatmap needs one.\n"
            + (flat_graph(subject.module) or "If there is one that was not recognised, name it: layer='...'.")
        )
    return found[-1][0]


class Finished(list[tuple[str, "Tensor | None"]]):
    """(name, output) of modules, in the order in which they finished; outputs without a graph are not kept.

    `output`: what the model returned.
    """

    output: object = None


def spatial_layers(images: Images, inputs: Inputs | None = None) -> Finished:
    """Run the model as it is set up; the modules whose output is a map, each once (its last call)."""
    subject = images.subject
    names = {module: name for name, module in subject.module.named_modules() if name}
    thread, found = threading.get_ident(), dict[str, "Tensor | None"]()

    def note(module: nn.Module, args: object, output: object) -> None:
        tensor = first_tensor(output)
        if tensor is None or threading.get_ident() != thread or module not in names:
            return
        if _is_map(tensor, images):
            found.pop(names[module], None)
            found[names[module]] = tensor if tensor.requires_grad else None

    hook = register_module_forward_hook(note)
    try:
        with eager():
            output = subject.run(inputs or subject.require_inputs().copied(gradients=False))
    finally:
        hook.remove()
    layers = Finished(found.items())
    layers.output = output
    return layers


def _is_map(output: Tensor, images: Images) -> bool:
    if not output.is_floating_point() or output.dim() not in (3, 4):
        return False
    shape = grid_shape(output, images.size)
    return len(output) == len(images.batch) and shape is not None and min(shape) > 1


def first_tensor(output: object) -> Tensor | None:
    """The tensor that a module returns, alone or first in a tuple."""
    if isinstance(output, (tuple, list)) and output:
        output = output[0]
    return output if isinstance(output, Tensor) else None


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
    """Of the input's proportions within a pixel of rounding (detection models enlarge it first)."""
    h, w = grid
    height, width = size
    return abs(h * width - w * height) <= max(height, width) * 1.5


def _token_grid(tokens: int, size: Size) -> Size | None:
    """The grid that `tokens` make, with up to five extra ones (class, distillation, registers) in front."""
    for extra in range(6):
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
    if activation.dim() == 4:  # what fits neither way round is taken as torch's convolutions give it
        return activation.permute(0, 3, 1, 2) if has_channels_last(activation, size) else activation
    if grid is None:
        raise ExplanationError(
            f"the layer's output of shape {tuple(activation.shape)} is no spatial map for an input of "
            f"{size[0]}x{size[1]}; choose a layer that ends in (N, C, h, w), (N, h, w, C) or (N, tokens, C)"
        )
    patches = activation[:, activation.shape[1] - grid[0] * grid[1] :]
    return torch.unflatten(patches.transpose(1, 2), 2, grid)


def has_channels_last(activation: Tensor, size: Size) -> bool:
    """Whether the channels are the last dimension: (N, tokens, C) or (N, h, w, C)."""
    if activation.dim() != 4:
        return True
    shape = activation.shape
    return not _fits((shape[2], shape[3]), size) and _fits((shape[1], shape[2]), size)
