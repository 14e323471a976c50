"""Class activation maps: one capture, then the formula or the trial that the method stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from .capture import capture
from .formulas import FORMULAS
from .heatmap import Heatmap
from .images import ImageChoice, Images, find_images
from .layers import Layer, as_map, call_of_picture, chosen_layer, layout
from .padding import entering, extent
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
    with entering(images) as entered:
        probe, why = _probe(images, layer, target, call, method)
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
        why=why,
        extent=extent(images, entered),
        notes=images.notes,
    )


def _probe(images: Images, layer: Layer, target: Target, call: int, method: str) -> tuple[Probe, str]:
    """What was captured at `layer`; where none was named, at the one that was chosen, and why."""
    subject = images.subject
    name, module, own, why = chosen_layer(images, layer, target)
    captured = capture(subject, name, module, target, own if call == -1 else call)
    if captured.call > 0 and call == -1 and layer is not None:
        own = call_of_picture(images, name)
        captured = captured if own == -1 else capture(subject, name, module, target, own)
    places = layout(captured.activation, images, name)
    if method not in _ANY_LAYER and not places.read(captured.gradient).any():
        raise ExplanationError(
            f"{subject.name}: the score does not depend on layer {name!r}; choose one on the way to the output"
        )
    return Probe(images, name, module, target, captured), why


def _raw(probe: Probe, method: str) -> Tensor:
    """The map (N, h, w), float32, not normalised, before any ReLU."""
    if method in PROBES:
        return PROBES[method][1](probe)
    captured, images = probe.captured, probe.images
    activation, gradient = (as_map(t, images, probe.name) for t in (captured.activation, captured.gradient))
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
