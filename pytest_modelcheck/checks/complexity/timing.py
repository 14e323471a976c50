"""How long each layer takes in one call: only for torchstat's column of shares, no measurement to gate on."""

from __future__ import annotations

import time

import torch
from torch import nn

from ...model.subject import Subject, locate_failure


def layer_seconds(subject: Subject) -> dict[str, float]:
    """Wall seconds of each module without children in one call, by name; {} for a model on meta.

    Raises ModelRunError if the model itself raises.
    """
    module, inputs = subject.module, subject.require_inputs().copied()
    if subject.device.type == "meta":
        return {}
    leaves = {child: name for name, child in module.named_modules() if not any(child.children())}
    seconds = dict.fromkeys(leaves.values(), 0.0)
    starts: list[float] = []

    def before(child: nn.Module, args: object) -> None:
        starts.append(time.perf_counter())

    def after(child: nn.Module, args: object, output: object) -> None:
        seconds[leaves[child]] += time.perf_counter() - starts.pop()

    with subject.restored(), torch.no_grad(), locate_failure(subject, inputs):
        for child in leaves:
            child.register_forward_pre_hook(before)
            child.register_forward_hook(after)
        module(*inputs.args, **inputs.kwargs)
    return seconds
