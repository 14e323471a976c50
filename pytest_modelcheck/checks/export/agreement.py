"""How far ONNX Runtime's outputs are from the model's, and whether the model's say anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...errors import MeasurementError, ModelRunError
from ...model.subject import Inputs
from .distance import OutputError

ZERO = 1e-30  # outputs below this everywhere hold nothing to compare
DEAF = 1e-6  # relative to its scale: an output that changes less for other inputs does not listen to them
LOUDER = (1.0, 10.0, 100.0)  # how far other inputs lie: a mask or a class may need the farthest
LAST = 3  # draws of the farthest: among few whole numbers one may miss those that matter
Vary: TypeAlias = Callable[
    [Tensor, Tensor], Tensor
]  # a tensor, and noise of its shape -> another of its kind


def compare(
    names: Sequence[str],
    got: Sequence[np.ndarray],
    expected: Sequence[Tensor],
    at: str = "",
    by: str = "ONNX Runtime",
) -> Iterator[OutputError]:
    """One entry for each output. `at` says at which sizes, where they are not the example's; `by` who gave `got`."""
    if len(got) != len(expected):
        yield OutputError.missing(f"{len(expected)} outputs expected, {by} gave {len(got)}", at)
        return
    for name, value, tensor in zip(names, got, expected, strict=True):
        yield _difference(name, np.asarray(value), tensor, at, by)


def _difference(name: str, value: np.ndarray, tensor: Tensor, at: str, by: str) -> OutputError:
    want = plain(tensor)
    if value.shape != want.shape:
        return OutputError.missing(f"shape {want.shape} expected, {value.shape} from {by}", at, name)
    if value.dtype != want.dtype:
        return OutputError.missing(f"{want.dtype} expected, {value.dtype} from {by}", at, name)
    if not value.size:
        return OutputError(name, 0.0, 0.0, 0.0, at=at)
    off = _off(value.astype(np.float64), want.astype(np.float64))
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    worst, scale = float(off.max()), _scale(tensor)
    if not _is_measured(tensor):
        differing = int((value != want).sum())
        return OutputError(name, differing / value.size, worst, scale, where, differing=differing, at=at)
    relative = worst / scale if scale else (0.0 if worst == 0 else math.inf)
    return OutputError(name, relative, worst, scale, where, at=at)


def _off(value: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Absolute differences: none where both are NaN, or the same infinity; infinite where one of them is."""
    with np.errstate(invalid="ignore"):
        off = np.abs(value - want)
    alike = (value == want) | (np.isnan(value) & np.isnan(want))
    return np.where(alike, 0.0, np.where(np.isnan(off), np.inf, off))


def plain(tensor: Tensor) -> np.ndarray:
    """As ONNX Runtime would give it."""
    real = _real(tensor)
    try:
        array: np.ndarray = real.numpy()
    except TypeError:  # of eight bits, which numpy has not
        array = real.float().numpy()
    return array


def _real(tensor: Tensor) -> Tensor:
    """As the exporter writes it: complex numbers are pairs of real ones. Raises MeasurementError on meta."""
    if tensor.is_meta:
        raise MeasurementError("an output is on the meta device: there are no values to compare")
    plain = tensor.detach().cpu().resolve_conj().resolve_neg()
    return torch.view_as_real(plain) if plain.is_complex() else plain


def _scale(tensor: Tensor) -> float:
    """The output's largest finite magnitude."""
    values = _real(tensor).double().abs().flatten()
    finite = values[torch.isfinite(values)]
    return float(finite.max()) if finite.numel() else 0.0


def silence_of(
    names: Sequence[str],
    expected: Sequence[Tensor],
    run: Callable[[Inputs], Sequence[Tensor]],
    inputs: Inputs,
) -> str:
    """Why agreement in these outputs would prove nothing; empty if it does. `run` gives those for other inputs."""
    if not any(t.numel() for t in expected):
        return "they are empty"
    for name, tensor in zip(names, expected, strict=False):
        if tensor.numel() and bool(torch.isnan(_real(tensor).double()).all()):
            return f"{name!r} is NaN everywhere"
    measured = [t for t in expected if _is_measured(t)]
    if len(measured) == len(expected) and all(_scale(t) < ZERO for t in expected):
        return "they are zero"
    return "they are the same for any input" if _is_deaf(expected, run, inputs) else ""


def _is_deaf(expected: Sequence[Tensor], run: Callable[[Inputs], Sequence[Tensor]], inputs: Inputs) -> bool:
    """Whether no output changes when the inputs do: untrained networks may give their bias alone."""
    answered = False
    for other in _others(inputs):
        try:
            got = run(other)
        except ModelRunError:  # other inputs may be none that the model takes
            continue
        answered = True
        if len(got) != len(expected) or not all(map(_same, got, expected)):
            return False
    return answered


def _others(inputs: Inputs) -> Iterator[Inputs]:
    """Inputs of the same kind: all tensors varied, ever farther, at last several times; then, where there are others
    too, those of numbers alone, since whole ones may be limited by what they index.
    """
    generator = torch.Generator().manual_seed(0)
    kinds = {_is_measured(t) for t in inputs.tensors}
    for wanted in [kinds, {True}] if len(kinds) > 1 else [kinds]:
        for vary in (_near, _farther, *[_farthest] * LAST):
            other = inputs.copied().map(partial(_varied, vary, wanted, generator))
            if not all(map(torch.equal, other.tensors, inputs.tensors)):
                yield other


def _is_measured(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _varied(vary: Vary, wanted: set[bool], generator: torch.Generator, leaf: object) -> object:
    if not isinstance(leaf, Tensor) or not leaf.numel() or _is_measured(leaf) not in wanted:
        return leaf
    return vary(leaf, torch.rand(leaf.shape, generator=generator).to(leaf.device))


def _near(leaf: Tensor, noise: Tensor) -> Tensor:
    """Numbers around it, the other mask, whole numbers among those that are seen."""
    if _is_measured(leaf):
        return _louder(leaf, noise, LOUDER[0])
    if leaf.dtype is torch.bool:
        return ~leaf
    seen, place = leaf.long().unique(return_inverse=True)
    step = 1 + (noise * (len(seen) - 1)).long().clamp(max=max(len(seen) - 2, 0))
    other: Tensor = seen[(place + step) % len(seen)].to(leaf.dtype)
    return other


def _farther(leaf: Tensor, noise: Tensor) -> Tensor:
    """Whole numbers between the least and the greatest that are seen; where they are one, up to the next."""
    if _is_measured(leaf):
        return _louder(leaf, noise, LOUDER[1])
    if leaf.dtype is torch.bool:
        return noise > 0.5
    low, high = int(leaf.min()), int(leaf.max())
    return _between(leaf, noise, low, high if high > low else low + 1)


def _farthest(leaf: Tensor, noise: Tensor) -> Tensor:
    """Whole numbers from zero to the greatest."""
    if _is_measured(leaf):
        return _louder(leaf, noise, LOUDER[2])
    if leaf.dtype is torch.bool:
        return noise > 0.5
    return _between(leaf, noise, min(0, int(leaf.min())), max(1, int(leaf.max())))


def _louder(leaf: Tensor, noise: Tensor, loudness: float) -> Tensor:
    return leaf + ((noise - 0.5) * loudness * (leaf.abs().double().mean() + 1)).to(leaf.dtype)


def _between(leaf: Tensor, noise: Tensor, low: int, high: int) -> Tensor:
    drawn = low + (noise * (high - low + 1)).to(leaf.dtype)
    return torch.where(drawn == leaf, torch.where(leaf == low, high, low), drawn).to(leaf.dtype)


def _same(got: Tensor, expected: Tensor) -> bool:
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if not _is_measured(expected):
        return bool(torch.equal(got, expected))
    a, b = _real(got).double(), _real(expected).double()
    return bool(torch.allclose(a, b, rtol=0.0, atol=DEAF * _scale(expected), equal_nan=True))
