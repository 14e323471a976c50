"""A signal on its way from a score or a feature down to the pixels, and what lies there."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor, nn

from ...errors import ExplanationError
from ...model.subject import Inputs, Subject
from .capture import replaced_output
from .images import Images
from .layers import as_map
from .rectifiers import Plainly, Rectified, rectified, relus
from .runs import as_written, forgiving, gradients
from .scripted import unoptimised
from .stops import ThroughNoGrad, Trail
from .targets import Target, score


@dataclass(frozen=True)
class Start:
    """Where a signal starts: at the score of `target`, or at a layer's strongest activation of `feature`."""

    target: Target
    name: str
    module: nn.Module | None
    feature: int | None
    call: int


@dataclass(frozen=True)
class Went:
    """A signal that went back: `raw` (N, C, *space) where it came to, from `values` of `targets`, and the `way`.

    `depends`: whether there was a way to the pixels at all. `met`: how many ReLUs the whole model has.
    """

    raw: Tensor
    values: list[float]
    targets: list[int | str]
    way: Rectified
    depends: bool
    met: int
    notes: tuple[str, ...] = ()

    @property
    def arrived(self) -> bool:
        """Whether anything did."""
        return self.depends and bool(self.raw.any())


def sent(images: Images, rule: str, start: Start) -> Went:
    """The signal back from `start` by `rule` (`deconvnet`, `guided`). Raises ExplanationError where it is cut off."""
    went = _gone(images, rule, start)
    if went.way.hidden:
        went = _gone_unoptimised(images, rule, start)
    return went if went.arrived else _gone_through(images, rule, start)


def _gone(images: Images, rule: str, start: Start, watch: Trail | ThroughNoGrad | None = None) -> Went:
    return forgiving(images.subject, lambda: _go(images, rule, start, watch))


def _go(images: Images, rule: str, start: Start, watch: Trail | ThroughNoGrad | None) -> Went:
    inputs, leaves = images.differentiable()
    frozen = images.subject.restored(frozen=True)
    with torch.inference_mode(False), frozen, torch.enable_grad():
        if isinstance(watch, Trail):
            for tensor in inputs.tensors:
                if tensor.requires_grad:
                    watch.follow(tensor)
        with Plainly() as plainly, watch or nullcontext():
            values, targets, output = _started(images, start, inputs)
        if isinstance(watch, Trail):
            watch.ends(values)
        met = relus(output)
        signal = values.detach() if start.module is not None else torch.ones_like(values)
        with rectified(values, rule, plainly.compared) as way:
            found = gradients(values, leaves, signal)
    return Went(
        images.read(found),
        values.detach().float().tolist(),
        targets,
        way,
        values.requires_grad,
        met,
    )


def _gone_unoptimised(images: Images, rule: str, start: Start) -> Went:
    """In a copy of the model whose TorchScript shows its ReLUs."""
    subject = images.subject
    with unoptimised(subject.module) as module:
        alike = replace(images, subject=Subject(subject.name, module, subject.inputs))
        there = None if start.module is None else module.get_submodule(start.name)
        return _gone(alike, rule, replace(start, module=there))


def _gone_through(images: Images, rule: str, start: Start) -> Went:
    """With no_grad in the model left out. Raises ExplanationError that says where the way back ends."""
    subject, through, trail = (
        images.subject,
        ThroughNoGrad(images.subject.module),
        Trail(images.subject.module),
    )
    went = _gone(images, rule, start, through)
    if went.arrived:
        return replace(went, notes=through.notes) if through.places else went
    _gone(images, rule, start, trail)
    if trail.found is None and went.depends:  # it dies at the ReLUs
        return went
    cause = trail.found or "there is no gradient: the score does not depend on the picture"
    raise ExplanationError(f"{subject.name}: on its way from the score to the pixels {cause}")


def _started(images: Images, start: Start, inputs: Inputs) -> tuple[Tensor, list[int | str], object]:
    """The values (N,) that the signal starts from, what they are of, and the model's output."""
    seen: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        seen.append(tensor)
        return tensor.clone()  # what works in place behind the layer does not reach what is kept

    if start.module is None:
        with as_written():
            output = images.subject.run(inputs)
        return (*score(output, start.target, len(images.batch)), output)
    with replaced_output(start.module, -1, keep, start.name):
        output = images.subject.run(inputs)
    return (*_strongest(images, start, seen), output)


def _strongest(images: Images, start: Start, seen: list[Tensor]) -> tuple[Tensor, list[int | str]]:
    """The strongest activation (N,) of one feature of the layer: the given one, or the strongest of all."""
    subject, name, feature, call = images.subject, start.name, start.feature, start.call
    if not -len(seen) <= call < len(seen):
        raise ExplanationError(f"{subject.name}: layer {name!r} has no call {call}: it ran {len(seen)} times")
    of_picture = [tensor for tensor in seen if tensor.requires_grad] if call == -1 else []
    features = as_map((of_picture or [seen[call]])[-1], images, name).flatten(2)
    peaks, places = features.max(2)
    if feature is None:
        chosen = peaks.argmax(1)
    elif isinstance(feature, int) and 0 <= feature < features.shape[1]:
        chosen = torch.full((len(features),), feature, device=features.device)
    else:
        raise ExplanationError(
            f"{subject.name}: feature {feature!r} is out of range: layer {name!r} has {features.shape[1]}"
        )
    rows = torch.arange(len(features), device=features.device)
    return features[rows, chosen, places[rows, chosen]], [f"feature {int(c)}" for c in chosen]


def noted(images: Images, rule: str, start: Start, went: Went) -> tuple[str, ...]:
    """What a reader must know of it."""
    switches = _without_switches(images, start, went) if rule == "deconvnet" else ()
    return (
        *images.notes,
        *went.notes,
        *went.way.notes,
        *_without_relus(went),
        *switches,
        *_of_floats(images),
    )


def _of_floats(images: Images) -> tuple[str, ...]:
    if images.batch.is_floating_point():
        return ()
    dtype = str(images.batch.dtype).removeprefix("torch.")
    return (
        f"{images.name} is of {dtype}, which has no gradient: the model was given the same values as float32",
    )


def _without_relus(went: Went) -> tuple[str, ...]:
    return (
        ()
        if went.way.relus
        else ("no ReLU lies between the layer and the pixels: this is the plain gradient",)
    )


def _without_switches(images: Images, start: Start, went: Went) -> tuple[str, ...]:
    """A note on a deconvnet that no max pooling ties to the picture: of a class it may be the same for each."""
    if went.way.switches:
        return ()
    told = "no max pooling lies on the way: without its switches nothing ties a deconvnet to the picture"
    if start.module is None:
        other = images.batch.flip(tuple(range(2, images.batch.dim()))) * 0.5
        elsewhere = replace(images, subject=images.subject.on(images.inputs(other.to(images.batch.dtype))))
        classes = start.target if callable(start.target) else cast("list[int]", went.targets)
        again = _gone(elsewhere, "deconvnet", replace(start, target=classes))
        told += ", and this one is the same for every picture" if torch.equal(again.raw, went.raw) else ""
    return (f"{told} (Springenberg et al. 2014); guided backpropagation keeps the mask of each ReLU",)
