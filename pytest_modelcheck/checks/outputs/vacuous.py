"""Whether outputs say anything: those that do not agree with anything.

They say nothing where there is none, where each is empty, holds no finite value or holds one and the same number
throughout, and where they are the same for any input. A single number, a class and a truth value may be the same for
all examples and still be an answer: of these the inputs decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor

from ...errors import ModelRunError
from ...model.shapes import is_plain
from ...model.subject import Inputs, Subject
from .leaves import widened
from .values import as_kept, figures, silent
from .values import silence as values_silence

SAME = "they are the same for any input"


def silence(outputs: Mapping[str, Tensor]) -> str:
    """Why agreement in these outputs proves nothing; empty where it may."""
    return silent({path: _silence(tensor) for path, tensor in outputs.items()})


def _silence(tensor: Tensor) -> str:
    flat = widened(tensor).reshape(-1)
    if flat.numel() and bool(torch.isfinite(flat).any()) and not bool((flat == flat[0]).all()):
        return ""  # as nearly all do: nothing is copied
    values = as_kept(flat)
    return "" if values is None else values_silence(values.size, figures(values), values)


def deafness(
    subject: Subject, known: Mapping[str, Tensor], ask: Callable[[Inputs], Mapping[str, Tensor]]
) -> str:
    """`they are the same for any input`, where what is `known` is what others are answered with; "" else."""
    answered = False
    for other in _others(subject.require_inputs()):
        try:
            got = ask(other)
        except ModelRunError:  # other inputs may be none that the model takes
            continue
        answered = True
        if not _same(got, known):
            return ""
    return SAME if answered else ""


def _same(got: Mapping[str, Tensor], known: Mapping[str, Tensor]) -> bool:
    return got.keys() == known.keys() and all(_equal(tensor, known[path]) for path, tensor in got.items())


def _equal(one: Tensor, other: Tensor) -> bool:
    """NaN is the same as NaN."""
    if one.shape != other.shape or one.dtype is not other.dtype:
        return False
    one, other = widened(one), widened(other)
    return bool(((one == other) | ((one != one) & (other != other))).all())


def _others(inputs: Inputs) -> Iterator[Inputs]:
    """Of the same kind: numbers shifted, by little and by much; whole ones in another order, and others of them."""
    for loudness in (0.1, 10.0):
        generator = torch.Generator().manual_seed(1)
        other = inputs.copied(gradients=False).map(partial(_varied, loudness, generator))
        if not all(
            _equal(*pair) for pair in zip(other.tensors, inputs.tensors, strict=True) if is_plain(pair[1])
        ):
            yield other


def _varied(loudness: float, generator: torch.Generator, leaf: object) -> object:
    if not isinstance(leaf, Tensor) or not is_plain(leaf) or not leaf.numel():
        return leaf
    return _shifted(widened(leaf), loudness, generator).to(leaf.dtype)


def _shifted(leaf: Tensor, loudness: float, generator: torch.Generator) -> Tensor:
    noise = torch.rand(leaf.shape, generator=generator).to(leaf.device)
    if leaf.is_floating_point():
        size = leaf.double()[torch.isfinite(leaf)].abs().mean().nan_to_num()
        return leaf + ((noise - 0.5) * loudness * (size + 1)).to(leaf.dtype)
    if leaf.is_complex():
        return leaf * (1 + loudness)
    if leaf.dtype is torch.bool:
        return ~leaf if loudness < 1 else noise > 0.5
    low, high = int(leaf.min()), max(int(leaf.max()), int(leaf.min()) + 1)
    return low + (noise * (high - low + 1)).to(leaf.dtype)
