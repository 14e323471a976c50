"""Target layers: find them by name, or the last one with a spatial map; read an activation as (N, C, h, w)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor, nn

from ...errors import ExplanationError, ModelRunError
from ...text import nearest
from .choice import Found, find_layers, surveyed_plainly
from .images import Images
from .layouts import Layout, Size, by_shape, dim_of_channels, exact, made_by, places
from .runs import NoWayBackError, forgiving
from .survey import Survey, first_tensor, is_attention, proportional, surveyed
from .targets import Target

__all__ = ["Layer", "Layers", "as_map", "find_layer", "first_tensor"]

Layer: TypeAlias = str | nn.Module | None  # None: the last one with places that the score depends on
Layers: TypeAlias = Layer | Sequence[str | nn.Module]


def find_layer(images: Images, layer: str | nn.Module) -> tuple[str, nn.Module]:
    """Name and module of `layer`: a module of the model, or a dotted name.

    Raises ExplanationError with the closest names for one that is not there.
    """
    subject = images.subject
    modules = dict(subject.module.named_modules())
    if isinstance(layer, nn.Module):
        found = next((name for name, module in modules.items() if module is layer), None)
        if found is None:
            raise ExplanationError(
                f"{subject.name}: the {type(layer).__name__} given as layer= is not in the model"
            )
        return found, layer
    if not isinstance(layer, str):
        raise ExplanationError(
            f"{subject.name} has no layer {layer!r}: give one, a module of the model or its dotted name"
        )
    if layer not in modules:
        raise ExplanationError(f"{subject.name} has no layer {layer!r}; {nearest(layer, list(modules))}")
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


def chosen_layer(
    images: Images, layer: Layer, target: Target, *, any_output: bool = False, any_way: bool = False
) -> tuple[str, nn.Module, int, str]:
    """Name and module of `layer`; where it is None the last one with places that the score reads, its call, and why.

    Raises ExplanationError for one that is not there, and where no layer keeps the picture's places.
    """
    if layer is not None:
        return (*find_layer(images, layer), -1, "")
    found = _found(images, target, any_output=any_output, any_way=any_way)
    return found.late, images.subject.module.get_submodule(found.late), found.call, found.why


def calls_of_picture(images: Images, names: Sequence[str]) -> dict[str, int]:
    """Of each layer the last call that the picture reaches; -1: the last of all. Other inputs may go through it."""
    if images.are_alone:
        return dict.fromkeys(names, -1)
    survey = _survey(images) or surveyed_plainly(images)
    if survey.leaves and any(name not in survey.reached for name in names):
        survey = _survey(images, through=True) or survey
    return {name: survey.call_of(name) for name in names}


def _survey(images: Images, until: int | None = None, *, through: bool = False) -> Survey | None:
    """None where the model does not run with a graph."""

    def attempt() -> Survey:
        with surveyed(images, until=until, through=through) as survey:
            return survey

    try:
        return forgiving(images.subject, attempt)
    except (NoWayBackError, ModelRunError):
        return None


def early_and_late(images: Images) -> dict[str, int]:
    """The first layer with weights that sees the picture, and the last whose places the output depends on: calls."""
    found = _found(images, None, any_output=True, any_way=True)
    return {found.early: found.early_call} | {found.late: found.call}


def _found(images: Images, target: Target, *, any_output: bool, any_way: bool) -> Found:
    found = find_layers(images, target, any_output=any_output, any_way=any_way)
    if found is None:
        subject = images.subject
        raise ExplanationError(
            f"{subject.name} has no layer with a spatial map for inputs {subject.inputs}: a heatmap needs one.\n"
            + (flat_graph(subject.module) or "If there is one that was not recognised, name it: layer='...'.")
        )
    return found


def as_map(activation: Tensor, images: Images, name: str) -> Tensor:
    """What layer `name` gave as (N, C, *grid); class tokens dropped. Raises ExplanationError if it is no map."""
    return layout(activation, images, name).read(activation)


def layout(activation: Tensor, images: Images, name: str) -> Layout:
    """How what layer `name` gave is laid out: as its kind says, else as its shape does.

    Raises ExplanationError if it holds no places of the picture.
    """
    shape, size = tuple(activation.shape), images.size
    known = images.layouts.get(name)
    if known is not None and _has(known, shape):
        return known
    module = images.subject.module.get_submodule(name)
    found = _tokens(shape, images, module) if len(shape) == 3 else None
    if found is None and len(shape) == len(size) + 2:
        found = _grid(shape, images, module)
    if found is None or is_attention(activation):
        raise ExplanationError(
            f"{images.subject.name}: what layer {name!r} gives, of shape {shape}, is no spatial map for an input of "
            f"{'x'.join(map(str, size))}; choose a layer that ends in (N, C, h, w), (N, h, w, C) or (N, tokens, C)"
        )
    images.layouts[name] = found
    return found


def _has(known: Layout, shape: Size) -> bool:
    """Whether it was found of an activation of this shape, but for the number of samples."""
    if known.front is not None:
        return len(shape) == 3 and known.front + math.prod(known.grid) <= shape[3 - known.channels]
    return len(shape) == len(known.grid) + 2 and places(shape, known.channels) == known.grid


def _grid(shape: Size, images: Images, module: nn.Module) -> Layout:
    """Of (N, C, *grid) or (N, *grid, C); what fits neither way round is taken as torch's convolutions give it."""
    dim = dim_of_channels(shape, module) if made_by(module) else exact(shape, images.size)
    if dim is None:
        dim = dim_of_channels(shape, module) or by_shape(shape, images.size) or 1
    return Layout(dim, places(shape, dim))


def _tokens(shape: Size, images: Images, module: nn.Module) -> Layout | None:
    """Of (N, tokens, C), or (N, C, tokens); a forward tells the grid, and where the class token stands."""
    dim = dim_of_channels(shape, module)
    if len(images.size) == 1 and dim != 2:
        return None
    dim = dim or 2
    count = shape[3 - dim]
    if count not in images.tokens:
        _survey(images, until=count)
    found = images.tokens.get(count)
    if found is None and len(images.size) > 1:
        grids = proportional(count, images.size)
        found = (grids[0], count - math.prod(grids[0])) if grids else None
    return Layout(dim, *found) if found else None
