"""Class activation maps: one capture, a formula of one line per method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import ExplanationError
from ..subject import Subject
from .capture import Captured, capture
from .heatmap import Heatmap
from .layers import Size, as_map, find_layer, input_size


def _gradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Selvaraju et al. 2017: channels weighted by their mean gradient."""
    return (gradient.mean((2, 3), keepdim=True) * activation).sum(1)


FORMULAS: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor]]] = {"gradcam": ("Grad-CAM", _gradcam)}
FLAT = 1e-6  # a map whose variation is below this share of its largest value shows nothing


def cam(
    subject: Subject, *, method: str = "gradcam", target: Any = None, layer: Any = None, call: int = -1
) -> Heatmap:
    """A heatmap of `target` at `layer`; see ModelCheck.gradcam.

    Raises ExplanationError for layers, targets and maps that give nothing to show.
    """
    size = input_size(subject)
    _refuse_nan(subject)
    name, module = find_layer(subject, layer)
    captured = capture(subject, name, module, target, call)
    raw = _raw(captured, method, size)
    _refuse_useless(raw, subject, name)
    title = FORMULAS[method][0]
    image = next(t for t in subject.require_inputs().tensors if t.dim() == 4)
    return Heatmap(
        raw=raw.cpu().numpy(),
        image=image.detach().float().cpu().numpy(),
        method=title,
        layer=name,
        target=_per_sample(captured.target, len(raw)),
        score=_per_sample(captured.score, len(raw)),
    )


def _raw(captured: Captured, method: str, size: Size) -> Tensor:
    """The map (N, h, w), float32, not normalised, before any ReLU."""
    activation = as_map(captured.activation, size).float()
    gradient = as_map(captured.gradient, size).float()
    return FORMULAS[method][1](activation, gradient)


def _per_sample(values: list[Any], samples: int) -> tuple[Any, ...]:
    return tuple(values) if len(values) == samples else tuple(values * samples)


def _refuse_nan(subject: Subject) -> None:
    for tensor in subject.require_inputs().tensors:
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ExplanationError(f"{subject.name}: the input holds NaN or infinite values")


def _refuse_useless(raw: Tensor, subject: Subject, layer: str) -> None:
    if not torch.isfinite(raw).all():
        raise ExplanationError(
            f"{subject.name}: the map at layer {layer!r} holds NaN or infinite values; "
            "check.weights() may show the cause"
        )
    spread = raw.amax((1, 2)) - raw.amin((1, 2))
    if bool((spread <= FLAT * raw.abs().amax((1, 2))).any()):
        shape = "x".join(map(str, raw.shape[1:]))
        raise ExplanationError(
            f"{subject.name}: the {shape} map at layer {layer!r} is flat: it tells no place from another.\n"
            "Choose an earlier layer with layer='...', or another target."
        )
