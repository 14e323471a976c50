"""What the planted models are made of, and the hand-written Grad-CAM that they are measured with.

A planted model is of a kind that a default, a convention or a shape once misled. What is right is stated beside it:
by autograd alone (`by_hand`), by another library, or by torch itself.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pytest_modelcheck.errors import ModelCheckError

METHODS = (
    "cam",
    "gradcam",
    "gradcam_plus_plus",
    "xgradcam",
    "hirescam",
    "layercam",
    "elementwise_cam",
    "eigencam",
    "eigen_gradcam",
    "ablation_cam",
    "score_cam",
)
PROJECTIONS = ("deconvnet", "guided_backprop", "guided_gradcam")


def drawn(*size: int, seed: int = 0) -> Tensor:
    """Always the same normal numbers."""
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


class Net(nn.Module):
    """`function(self, *inputs)` on named layers."""

    def __init__(self, function: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        return self.function(self, *inputs, **named)


class Fun(nn.Module):
    """A module without parameters that calls `function`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def made(build: Callable[[], Any], seed: str = "") -> Any:
    """What `build` makes, always the same; models are in eval mode."""
    torch.manual_seed(zlib.crc32(seed.encode()))
    found = build()
    return found.eval() if isinstance(found, nn.Module) else found


def convolutions(channels: int = 3, width: int = 8) -> nn.Sequential:
    """A quarter of the picture's size."""
    return nn.Sequential(
        nn.Conv2d(channels, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1), nn.ReLU()
    )


def classifier(wrap: Callable[..., Any] = lambda x: x, classes: int = 4) -> Net:
    """Convolutions, pooling, a linear layer; `wrap` says what is made of the logits."""
    return Net(
        lambda self, x: wrap(self.head(self.features(x).mean((2, 3)))),
        features=convolutions(),
        head=nn.Linear(8, classes),
    )


def captured(model: nn.Module, inputs: Any, layer: str, score: Callable[[Any], Tensor], call: int = -1):
    """Activation and gradient of a layer's call, by a hook and autograd alone."""
    kept: list[Tensor] = []

    def keep(module, args, out):
        out = out[0] if isinstance(out, tuple) else out
        kept.append(out if out.requires_grad else out.requires_grad_())

    handle = model.get_submodule(layer).register_forward_hook(keep)
    try:
        with torch.enable_grad():
            named = inputs if isinstance(inputs, dict) else {}
            given = () if named else inputs if isinstance(inputs, tuple) else (inputs,)
            out = model(*given, **named)
    finally:
        handle.remove()
    (gradient,) = torch.autograd.grad(score(out).sum(), kept[call])
    return kept[call].detach(), gradient


def by_hand(
    model: nn.Module,
    inputs: Any,
    layer: str,
    score: Callable[[Any], Tensor] = lambda out: out[:, 1],
    form: Callable[[Tensor], Tensor] = lambda a: a,
    call: int = -1,
) -> np.ndarray:
    """Grad-CAM (N, *grid), not normalised; `form` makes (N, C, *grid) of the layer's output."""
    activation, gradient = (form(t) for t in captured(model, inputs, layer, score, call))
    places = tuple(range(2, gradient.dim()))
    return (gradient.mean(places, keepdim=True) * activation).sum(1).float().numpy()


def tokens(h: int, w: int, extra: int = 0) -> Callable[[Tensor], Tensor]:
    """Of (N, extra + h*w, C)."""
    return lambda a: a[:, extra:].transpose(1, 2).unflatten(2, (h, w))


def last_first(a: Tensor) -> Tensor:
    """Of (N, *grid, C)."""
    return a.movedim(-1, 1)


def far(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest value of `b`; infinite for other shapes."""
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max() / max(float(np.abs(b).max()), 1e-30))


def told(ask: Callable[[], Any]) -> str:
    """The message of an error of the plugin's own; all other errors, and none, are the test's to fail on."""
    try:
        found = ask()
    except ModelCheckError as error:
        return str(error)
    raise AssertionError(f"no error, but {found!r}")
