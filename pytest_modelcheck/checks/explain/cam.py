"""Class activation maps: one capture, then the formula or the trial that the method stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, nn

from ...errors import ExplanationError
from ...model.subject import Subject
from .capture import Captured, NeverCalledError, capture, capture_alone, capture_through
from .formulas import FORMULAS
from .heatmap import Heatmap
from .images import ImageChoice, Images, find_images
from .layers import Layer, as_map, calls_of_picture, chosen_layer, layout
from .padding import entering, extent
from .perturb import PROBES, Probe
from .pointing import NOBODY, silent
from .probability import ProbabilityChoice, checked, likeliest
from .runs import NoWayBackError, exactly
from .targets import Target

T = TypeVar("T")
FLAT = 1e-6  # a map whose variation is below this share of its largest value shows nothing
TITLES = {name: title for name, (title, _) in {**FORMULAS, **PROBES}.items()}
_ANY_TARGET = ("eigencam", "eigen_gradcam")  # methods that say where something is, and not what it speaks for
_ANY_LAYER = ("eigencam", "score_cam")  # methods that do not ask how the score depends on the layer
_TRIED = ("ablation_cam", "cam")  # methods that find out without a gradient


def cam(
    subject: Subject,
    *,
    method: str = "gradcam",
    target: Target = None,
    layer: Layer = None,
    call: int = -1,
    image: ImageChoice = None,
    probability: ProbabilityChoice = None,
) -> Heatmap:
    """A heatmap of `target` at `layer`; see the methods of ModelCheck.

    Raises ExplanationError for layers, targets and maps that give nothing to show.
    """
    images = find_images(subject, image)
    return mapped(images, method=method, target=target, layer=layer, call=call, probability=probability)


def mapped(
    images: Images,
    *,
    method: str = "gradcam",
    target: Target = None,
    layer: Layer = None,
    call: int = -1,
    probability: ProbabilityChoice = None,
) -> Heatmap:
    """`cam` of a picture that was found."""
    subject = images.subject
    refuse_nan(subject)
    checked(probability)
    with entering(images) as entered:
        probe, why = _probe(images, layer, target, call, method)
    captured = probe.captured
    raw = _raw(probe, method)
    if len(raw) != len(images.batch):
        raise ExplanationError(
            f"{subject.name}: layer {probe.name!r} gave {len(raw)} maps for {len(images.batch)} images; "
            "choose a layer that sees whole images"
        )
    if method == "ablation_cam" and not raw.any() and captured.activation.any():
        raise _indifferent(subject, probe.name)
    _refuse_useless(raw, subject, probe.name, method)
    top, word = likeliest(subject, captured.output, len(raw), probability)
    return Heatmap(
        raw=raw.cpu().numpy(),
        image=images.batch.float().cpu().numpy().copy(),  # the user may write to the input later
        method=TITLES[method],
        layer=probe.name,
        target=per_sample(captured.target, len(raw)),
        score=per_sample(captured.score, len(raw)),
        top=top,
        probability=word,
        why=why,
        extent=extent(images, entered),
        notes=(*images.notes, *captured.notes, *blank_notes(raw)),
    )


def _probe(images: Images, layer: Layer, target: Target, call: int, method: str) -> tuple[Probe, str]:
    """What was captured at `layer`; where none was named, at the one that was chosen, and why."""
    subject, samples = images.subject, len(images.batch)
    if type(call) is not int:
        raise ExplanationError(f"call={call!r} is no number: 0 is the layer's first call, -1 its last")
    untold = method in (*_ANY_LAYER, *_TRIED)  # no gradient is needed
    name, module, own, why = chosen_layer(
        images, layer, target, any_output=method in _ANY_LAYER, any_way=untold
    )
    alone = method in _ANY_LAYER or (method in _TRIED and layer is not None)
    take = partial(capture_alone if alone else _capture_anyway if untold else capture, heads=method in _TRIED)
    wanted = own if call == -1 else call
    try:
        captured = take(subject, name, module, target, wanted, samples=samples)
    except NeverCalledError:  # but its children may be, one by one
        if not isinstance(module, nn.Sequential) or not len(module):
            raise
        name, module = f"{name}.{list(module._modules)[-1]}", module[-1]
        captured = take(subject, name, module, target, wanted, samples=samples)
    if captured.call > 0 and call == -1 and layer is not None:
        own = calls_of_picture(images, [name])[name]
        if own != -1:
            wanted = own
            captured = take(subject, name, module, target, wanted, samples=samples)
    places = layout(captured.activation, images, name)
    if not untold and not places.read(captured.gradient).any():
        if layer is None and not why and not torch.tensor(captured.score).any():
            raise ExplanationError(
                f"{subject.name}: the score is 0 and depends on no layer: are the weights of its head zero, as they "
                "are before a training? Load trained ones, or choose another target."
            )
        captured = _through(subject, name, module, target, wanted, samples)
    return Probe(images, name, module, target, captured), why


def _capture_anyway(
    subject: Subject,
    name: str,
    module: nn.Module,
    target: Target,
    call: int,
    *,
    samples: int,
    heads: bool,
) -> Captured:
    """With a graph, which tells how probabilities are made; without one where the model runs in no other way."""
    try:
        return capture(subject, name, module, target, call, samples=samples, heads=heads)
    except NoWayBackError:
        return capture_alone(subject, name, module, target, call, samples=samples, heads=heads)


def _through(
    subject: Subject, name: str, module: nn.Module, target: Target, call: int, samples: int
) -> Captured:
    """Where the plain way back gives nothing. Raises ExplanationError with the cause."""
    found = capture_through(subject, name, module, target, call, samples=samples)
    if isinstance(found, Captured):
        return found
    if found is None:
        raise _indifferent(subject, name)
    raise ExplanationError(
        f"{subject.name}: on its way from the score to layer {name!r} {found}\n"
        "Choose a layer behind that place, or take score_cam() or eigencam(), which need no gradient."
    )


def _indifferent(subject: Subject, name: str) -> ExplanationError:
    return ExplanationError(
        f"{subject.name}: the score does not depend on layer {name!r}; choose one on the way to the output"
    )


def _raw(probe: Probe, method: str) -> Tensor:
    """The map (N, h, w), float32, not normalised, before any ReLU."""
    if method in PROBES:
        return PROBES[method][1](probe)
    captured, images = probe.captured, probe.images
    activation, gradient = (as_map(t, images, probe.name) for t in (captured.activation, captured.gradient))
    with exactly():
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


def blank_notes(raw: Tensor) -> tuple[str, ...]:
    """Of maps in which no place has a positive value."""
    found = silent(raw.cpu().numpy())
    return (f"{NOBODY} in sample {', '.join(map(str, found))}: the map is blank",) if found else ()


def _refuse_useless(raw: Tensor, subject: Subject, layer: str, method: str) -> None:
    """Raise ExplanationError for maps that are empty, broken or flat. A blank one says that no place speaks."""
    if not raw.numel():
        raise ExplanationError(
            f"{subject.name}: the map at layer {layer!r} is empty: give at least one image"
        )
    places = raw.flatten(1)
    broken = _first((~torch.isfinite(places)).any(1))
    if broken is not None:
        raise ExplanationError(
            f"{subject.name}: the map{_of(raw, broken)} at layer {layer!r} holds NaN or infinite values; "
            "ModelCheck.weights() may show the cause"
        )
    size = places.abs().amax(1)
    may_be_blank = (size == 0) & (places.shape[1] > 1 and method not in _ANY_TARGET)
    flat = _first((places.amax(1) - places.amin(1) <= FLAT * size) & ~may_be_blank)
    if flat is not None:
        shape = "x".join(map(str, raw.shape[1:]))
        raise ExplanationError(
            f"{subject.name}: the {shape} map{_of(raw, flat)} at layer {layer!r} is flat: "
            "it tells no place from another.\n"
            "Choose an earlier layer with layer='...', or another target."
        )


def _of(raw: Tensor, sample: int) -> str:
    return f" of sample {sample}" if len(raw) > 1 else ""


def _first(found: Tensor) -> int | None:
    return int(found.nonzero()[0]) if bool(found.any()) else None
