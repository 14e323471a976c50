"""Features of chosen layers, as flat vectors or as maps: what invariance and evolution compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import cast

import torch
from torch import Tensor, nn

from ...errors import ExplanationError
from ...model.subject import Inputs, Subject
from .capture import replaced_output
from .images import Images
from .layers import Layers, calls_of_picture, early_and_late, find_layer


def chosen_layers(images: Images, layers: Layers) -> dict[str, int]:
    """Names of `layers` (one or several modules or names); None: the first that sees the picture, and the last.

    With the call of each that is the picture's: -1 is the last one.
    """
    if layers is not None:
        given = cast("Sequence[str | nn.Module]", layers if isinstance(layers, (list, tuple)) else [layers])
        if not given:
            raise ExplanationError(f"layers={layers!r} names no layer; None takes the first and the last")
        return calls_of_picture(images, [find_layer(images, layer)[0] for layer in given])
    return early_and_late(images)


def run_features(
    subject: Subject, layers: Mapping[str, int], inputs: Inputs | None = None
) -> tuple[dict[str, Tensor], object]:
    """The outputs of `layers` in one forward without gradients, and the model's output.

    Of each layer the call that is given; -1: the last.
    """
    kept: dict[str, Tensor] = {}
    modules = dict(subject.module.named_modules())

    def keeper(name: str) -> Callable[[Tensor], Tensor]:
        def keep(tensor: Tensor) -> Tensor:
            kept[name] = tensor.detach().clone()
            return tensor

        return keep

    with torch.inference_mode(False), subject.restored(), torch.no_grad(), ExitStack() as stack:
        for name, call in layers.items():
            stack.enter_context(replaced_output(modules[name], call, keeper(name)))
        output = subject.run((inputs or subject.require_inputs()).copied(gradients=False))
    missing = [name for name in layers if name not in kept]
    if missing:
        raise ExplanationError(f"{subject.name}: layer {missing[0]!r} is never called in a forward")
    return kept, output


def relative_distance(features: Tensor, reference: Tensor) -> Tensor:
    """|f - f0| / |f0| for each sample (N,)."""
    difference: Tensor = (features - reference).flatten(1).double().norm(dim=1)
    size: Tensor = reference.flatten(1).double().norm(dim=1).clamp_min(1e-12)
    return difference / size
