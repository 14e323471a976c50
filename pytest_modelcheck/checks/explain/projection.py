"""Down to the pixels: what of the input a feature or a class stands on (deconvnet, guided backpropagation)."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ...drawing.images import to_base64, to_image
from ...errors import ExplanationError
from ...model.subject import Inputs, Subject
from .cam import cam, per_sample, refuse_nan
from .capture import replaced_output
from .heatmap import Explanation, shown
from .images import ImageChoice, Images, find_images, resized
from .layers import Layer, as_map, find_layer
from .rectifiers import Plainly, Rectified, rectified, relus
from .runs import as_written, exactly, forgiving, gradients
from .stops import ThroughNoGrad, Trail
from .targets import Target, score


class NothingArrivedError(ExplanationError):
    """The signal has died on its way to the pixels."""


TITLES = {"deconvnet": "Deconvnet", "guided": "Guided backpropagation"}


@dataclass(frozen=True, eq=False)
class Projection(Explanation):
    """A signal projected to the pixels, for a batch of N inputs.

    `raw` (N, C, H, W) float32; `image` the input. `target`: per sample the class, or
    `feature 7` of a layer; `score`: its logit or activation. `relus`: how many ReLUs went back by the method's rule.
    """

    relus: int

    @property
    def map(self) -> np.ndarray:
        """(N, H, W) in 0..1: the largest magnitude over the channels, scaled per sample."""
        size = np.abs(self.raw).max(1)
        scaled: np.ndarray = size / np.maximum(size.max((1, 2), keepdims=True), np.finfo(np.float32).tiny)
        return scaled

    def box(self, index: int = 0) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) around all pixels that the signal reached; right, bottom exclusive; 0 if none."""
        if not self.raw[index].any():
            return 0, 0, 0, 0
        rows = np.flatnonzero(np.abs(self.raw[index]).max((0, 2)))
        columns = np.flatnonzero(np.abs(self.raw[index]).max((0, 1)))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def picture(self, index: int = 0) -> Image.Image:
        """The signal around mid-grey, scaled to its largest magnitude."""
        signal = self.raw[index]
        signal = signal[:3] if len(signal) >= 3 else signal[:1].repeat(3, 0)
        scaled = 0.5 + signal / (2 * max(float(np.abs(signal).max()), 1e-30))
        return to_image(scaled.transpose(1, 2, 0))

    def __repr__(self) -> str:
        return f"Projection({self.title}, {'x'.join(map(str, self.raw.shape))}, {self.relus} ReLUs)"

    def _repr_png_(self) -> bytes:
        import base64

        return base64.b64decode(to_base64(shown(self.picture())))

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `deconvnet`, of the first sample."""
        return self._entry(shown(self.picture()), relus=self.relus)


def project(
    subject: Subject,
    rule: str,
    *,
    target: Target = None,
    layer: Layer = None,
    feature: int | None = None,
    call: int = -1,
    image: ImageChoice = None,
) -> Projection:
    """Project a class's logit, or (with `layer`) one feature's strongest activation, to the pixels.

    Raises ExplanationError if the model has no ReLU that could be told to go back by `rule`.
    """
    images = find_images(subject, image)
    return projected(images, rule, target=target, layer=layer, feature=feature, call=call)


def projected(
    images: Images,
    rule: str,
    *,
    target: Target = None,
    layer: Layer = None,
    feature: int | None = None,
    call: int = -1,
) -> Projection:
    """`project` of a picture that was found."""
    subject = images.subject
    refuse_nan(subject)
    _refuse_feature_alone(subject, feature, layer)
    name, module = find_layer(images, layer) if layer is not None else ("", None)
    start = Start(target, name, module, feature, call)
    went = _gone(images, rule, start)
    if not went.arrived:
        went = _gone_through(images, rule, start)
    if not (went.way.relus or went.met):
        raise ExplanationError(
            f"{subject.name}: no ReLU was met on the way, so {TITLES[rule].lower()} would be the plain gradient.\n"
            "It is defined for ReLU, ReLU6 and others that cut at 0 (clamp(min=0)); for other activations take "
            "gradcam()."
        )
    _refuse_empty(went.raw, subject, name)
    whole = () if images.batch.is_floating_point() else (_of_floats(images),)
    switches = _without_switches(images, start, went) if rule == "deconvnet" else ()
    return Projection(
        raw=went.raw.float().cpu().numpy(),
        image=images.batch.float().cpu().numpy().copy(),
        method=TITLES[rule],
        layer=name,
        target=per_sample(went.targets, len(images.batch)),
        score=per_sample(went.values, len(images.batch)),
        relus=went.way.relus,
        notes=(*went.notes, *went.way.notes, *_without_relus(went), *switches, *whole),
    )


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
        with Plainly(), watch or nullcontext():
            values, targets, output = _started(images, start, inputs)
        if isinstance(watch, Trail):
            watch.ends(values)
        met = relus(output)
        signal = values.detach() if start.module is not None else torch.ones_like(values)
        with rectified(values, rule) as way:
            found = gradients(values, leaves, signal)
    return Went(
        images.read(found),
        values.detach().float().tolist(),
        targets,
        way,
        values.requires_grad,
        met,
    )


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


def _of_floats(images: Images) -> str:
    dtype = str(images.batch.dtype).removeprefix("torch.")
    return (
        f"{images.name} is of {dtype}, which has no gradient: the model was given the same values as float32"
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


def guided_gradcam(
    subject: Subject, *, target: Target = None, layer: Layer = None, call: int = -1, image: ImageChoice = None
) -> Projection:
    """Selvaraju et al. 2017: guided backpropagation, weighted by Grad-CAM's positive map."""
    heatmap = cam(subject, target=target, layer=layer, call=call, image=image)
    classes = target if callable(target) else cast("list[int]", list(heatmap.target))
    guided = project(subject, "guided", target=classes, image=image)
    with exactly():
        weights = resized(torch.from_numpy(heatmap.raw).relu()[:, None], heatmap.image.shape[2:])
    return Projection(
        guided.raw * weights.numpy(),
        guided.image,
        "Guided Grad-CAM",
        heatmap.layer,
        heatmap.target,
        heatmap.score,
        guided.relus,
        notes=tuple(dict.fromkeys((*heatmap.notes, *guided.notes))),
    )


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
    features = as_map(seen[call], images.size).flatten(2)
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


def _refuse_feature_alone(subject: Subject, feature: int | None, layer: Layer) -> None:
    if feature is not None and layer is None:
        raise ExplanationError(
            f"{subject.name}: feature={feature!r} needs the layer that it is of: layer='...'"
        )


def _refuse_empty(raw: Tensor, subject: Subject, layer: str) -> None:
    if not torch.isfinite(raw).all():
        raise ExplanationError(f"{subject.name}: the projection holds NaN or infinite values")
    empty = [i for i, sample in enumerate(raw) if not sample.any()]
    if empty:
        raise NothingArrivedError(
            f"{subject.name}: no signal{f' of layer {layer!r}' if layer else ''} reaches the pixels of "
            f"sample {empty[0]}; choose another layer, feature or target"
        )
