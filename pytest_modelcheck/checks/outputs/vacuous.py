"""Whether a model listens to its inputs at all: one that does not agrees with anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from ...errors import ModelRunError
from ...model.subject import Inputs, Subject
from .answer import answer
from .drift import Drift

SAME = "they are the same for any input"


def is_deaf(drift: Drift, subject: Subject) -> Drift:
    """The drift, vacuous where outputs that agree do not change with the inputs; others say something."""
    if drift.vacuous or not drift.agrees:
        return drift
    answered = False
    for other in _others(subject.require_inputs()):
        try:
            got = answer(subject, other, trace=False).outputs
        except ModelRunError:  # other inputs may be none that the model takes
            continue
        answered = True
        if not _same(got, drift.sides[1]):
            return drift
    return replace(drift, vacuous=SAME) if answered else drift


def _same(got: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> bool:
    return got.keys() == known.keys() and all(
        tensor.shape == known[path].shape and torch.equal(tensor.nan_to_num(), known[path].nan_to_num())
        for path, tensor in got.items()
    )


def _others(inputs: Inputs) -> Iterator[Inputs]:
    """Of the same kind: numbers shifted, by little and by much; whole ones in another order, and others of them."""
    for loudness in (0.1, 10.0):
        generator = torch.Generator().manual_seed(1)
        other = inputs.copied(gradients=False).map(partial(_varied, loudness, generator))
        if not all(map(torch.equal, other.tensors, inputs.tensors)):
            yield other


def _varied(loudness: float, generator: torch.Generator, leaf: object) -> object:
    if not isinstance(leaf, Tensor) or not leaf.numel():
        return leaf
    noise = torch.rand(leaf.shape, generator=generator).to(leaf.device)
    if leaf.is_floating_point():
        return leaf + ((noise - 0.5) * loudness * (leaf.abs().double().mean() + 1)).to(leaf.dtype)
    if leaf.is_complex():
        return leaf * (1 + loudness)
    if leaf.dtype is torch.bool:
        return ~leaf if loudness < 1 else noise > 0.5
    low, high = int(leaf.min()), max(int(leaf.max()), int(leaf.min()) + 1)
    return low + (noise * (high - low + 1)).to(leaf.dtype)
