"""The gradient methods of the CAM family: from activation and gradient (N, C, *grid) to the map (N, *grid).

Maps are not normalised, and before any final ReLU. Divisions are guarded relative to the operands, so that a channel
without evidence weighs nothing instead of everything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TINY = 1e-6  # of its operands' size: a divisor below it divides nothing
Formula = Callable[[Tensor, Tensor], Tensor]


def places(maps: Tensor) -> tuple[int, ...]:
    """The dimensions of the grid in (N, C, *grid)."""
    return tuple(range(2, maps.dim()))


def weighed(weights: Tensor, activation: Tensor) -> Tensor:
    """The map (N, *grid) of features weighed by one number each (N, C)."""
    return (weights[(..., *[None] * (activation.dim() - 2))] * activation).sum(1)


def gradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Selvaraju et al. 2017: channels weighted by their mean gradient."""
    return weighed(gradient.mean(places(gradient)), activation)


def gradcam_plus_plus(activation: Tensor, gradient: Tensor) -> Tensor:
    """Chattopadhyay et al. 2018, equation 19; its factor exp(score) scales a whole map and is left out."""
    total = activation.sum(places(activation), keepdim=True)
    alpha = _divided(torch.ones_like(gradient), 2 + total * gradient, 1 + total.abs() * gradient.abs())
    return weighed((alpha * gradient.relu()).sum(places(gradient)), activation)


def xgradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Fu et al. 2020: gradients weighted by each place's share of the channel's activation."""
    total = activation.sum(places(activation), keepdim=True)
    weight = _divided(
        (gradient * activation).sum(places(activation), keepdim=True),
        total,
        activation.abs().sum(places(activation), keepdim=True),
    )
    return (weight * activation).sum(1)


def hirescam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Draelos and Carin 2020: gradient times activation, place by place."""
    return (gradient * activation).sum(1)


def elementwise_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    """HiResCAM with only what speaks for the target (grad-cam's GradCAMElementWise)."""
    return (gradient * activation).relu().sum(1)


def layercam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Jiang et al. 2021: positive gradients times activation, place by place."""
    return (gradient.relu() * activation).sum(1)


def eigencam(activation: Tensor, gradient: Tensor) -> Tensor:
    """Muhammad and Yeasin 2020: the first principal component of the activation; the target does not matter."""
    if not torch.isfinite(
        activation
    ).all():  # torch refuses to decompose it; whoever asked tells what it means
        return torch.full_like(activation[:, 0], torch.nan)
    rows = activation.flatten(2).transpose(1, 2)
    centred = rows - rows.mean(1, keepdim=True)
    _, _, components = torch.linalg.svd(centred, full_matrices=False)
    projected = (centred @ components[:, 0, :, None]).squeeze(2)
    flipped = projected.amin(1).abs() > projected.amax(1).abs()  # the sign of a component is arbitrary
    signed = torch.where(flipped[:, None], -projected, projected)
    return torch.unflatten(signed, 1, activation.shape[2:])


def eigen_gradcam(activation: Tensor, gradient: Tensor) -> Tensor:
    """EigenCAM of gradient times activation (grad-cam's EigenGradCAM)."""
    return eigencam(gradient * activation, gradient)


def _divided(numerator: Tensor, divisor: Tensor, size: Tensor) -> Tensor:
    """The quotient; 0 where the divisor is lost in the rounding of what it was summed from."""
    sound = divisor.abs() > TINY * size
    return torch.where(sound, numerator / torch.where(sound, divisor, torch.ones_like(divisor)), 0)


FORMULAS: dict[str, tuple[str, Formula]] = {
    "gradcam": ("Grad-CAM", gradcam),
    "gradcam_plus_plus": ("Grad-CAM++", gradcam_plus_plus),
    "xgradcam": ("XGrad-CAM", xgradcam),
    "hirescam": ("HiResCAM", hirescam),
    "elementwise_cam": ("ElementWise-CAM", elementwise_cam),
    "layercam": ("LayerCAM", layercam),
    "eigencam": ("EigenCAM", eigencam),
    "eigen_gradcam": ("EigenGradCAM", eigen_gradcam),
}
