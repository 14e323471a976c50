"""Class activation maps: one capture, then the formula or the trial that the method stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from .capture import Captured, capture, last_that_matters
from .formulas import FORMULAS
from .heatmap import Heatmap
from .images import ImageChoice, Images, Size, find_images
from .layers import Layer, as_map, find_layer
from .perturb import PROBES, Probe
from .targets import Target

T = TypeVar("T")
FLAT = 1e-6  # a map whose variation is below this share of its largest value shows nothing
TITLES = {name: title for name, (title, _) in {**FORMULAS, **PROBES}.items()}
_ANY_LAYER = ("eigencam", "score_cam")  # methods that do not ask how the score depends on the layer


def cam(
    subject: Subject,
    *,
    method: str = "gradcam",
    target: Target = None,
    layer: Layer = None,
    call: int = -1,
    image: ImageChoice = None,
) -> Heatmap:
    """A heatmap of `target` at `layer`; see the methods of ModelCheck.

    Raises ExplanationError for layers, targets and maps that give nothing to show.
    """
    images = find_images(subject, image)
    refuse_nan(subject)
    probe = _probe(images, layer, target, call, method)
    captured = probe.captured
    raw = _raw(probe, method)
    if len(raw) != len(images.batch):
        raise ExplanationError(
            f"{subject.name}: layer {probe.name!r} gave {len(raw)} maps for {len(images.batch)} images; "
            "choose a layer that sees whole images"
        )
    _refuse_useless(raw, subject, probe.name)
    return Heatmap(
        raw=raw.cpu().numpy(),
        image=images.batch.float().cpu().numpy().copy(),  # the user may write to the input later
        method=TITLES[method],
        layer=probe.name,
        target=per_sample(captured.target, len(raw)),
        score=per_sample(captured.score, len(raw)),
    )


def _probe(images: Images, layer: Layer, target: Target, call: int, method: str) -> Probe:
    """Capture at `layer`; where none was named, at the last one on whose places the score depends."""
    subject, size = images.subject, images.size
    name, module = find_layer(images, layer)
    captured = capture(subject, name, module, target, call)
    if method not in _ANY_LAYER and not _has_gradient(captured, size):
        better = last_that_matters(images, target) if layer is None else None
        if better is None:
            raise ExplanationError(
                f"{subject.name}: the score does not depend on layer {name!r}; choose one on the way to the output"
            )
        name, module = find_layer(images, better)
        captured = capture(subject, name, module, target, call)
    return Probe(images, name, module, target, captured)


def _has_gradient(captured: Captured, size: Size) -> bool:
    return bool(as_map(captured.gradient, size).any())


def _raw(probe: Probe, method: str) -> Tensor:
    """The map (N, h, w), float32, not normalised, before any ReLU."""
    if method in PROBES:
        return PROBES[method][1](probe)
    size = probe.images.size
    activation, gradient = as_map(probe.captured.activation, size), as_map(probe.captured.gradient, size)
    return FORMULAS[method][1](activation.float(), gradient.float())


def per_sample(values: Sequence[T], samples: int) -> tuple[T, ...]:
    """One value for each sample; a single one counts for all."""
    return tuple(values) if len(values) == samples else tuple(values) * samples


def refuse_nan(subject: Subject) -> None:
    """Raise ExplanationError if an input holds NaN or infinite values."""
    for tensor in subject.require_inputs().tensors:
        if tensor.is_floating_point() and not (_sum_is_finite(tensor) or torch.isfinite(tensor).all()):
            raise ExplanationError(f"{subject.name}: the input holds NaN or infinite values")


def _sum_is_finite(tensor: Tensor) -> bool:
    """True only without NaN and infinity, at a fraction of the cost; large values may make it False too."""
    return math.isfinite(float(tensor.detach().sum(dtype=torch.float32)))


def _refuse_useless(raw: Tensor, subject: Subject, layer: str) -> None:
    if not raw.numel():
        raise ExplanationError(
            f"{subject.name}: the map at layer {layer!r} is empty: give at least one image"
        )
    if not torch.isfinite(raw).all():
        raise ExplanationError(
            f"{subject.name}: the map at layer {layer!r} holds NaN or infinite values; "
            "ModelCheck.weights() may show the cause"
        )
    spread = raw.amax((1, 2)) - raw.amin((1, 2))
    if bool((spread <= FLAT * raw.abs().amax((1, 2))).any()):
        shape = "x".join(map(str, raw.shape[1:]))
        raise ExplanationError(
            f"{subject.name}: the {shape} map at layer {layer!r} is flat: it tells no place from another.\n"
            "Choose an earlier layer with layer='...', or another target."
        )
