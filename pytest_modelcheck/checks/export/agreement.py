"""How far ONNX Runtime's outputs are from the model's, and whether the model's say anything."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from ...errors import ModelRunError
from ...model.subject import Inputs
from .result import OutputError

ZERO = 1e-30  # outputs below this everywhere hold nothing to compare
DEAF = 1e-6  # relative to its scale: an output that changes less for other inputs does not listen to them
LOUDER = (
    1.0,
    10.0,
    100.0,
)  # how far other inputs lie from the example: a mask or a class may need the farthest


def compare(
    names: Sequence[str], got: Sequence[np.ndarray], expected: Sequence[Tensor], at: str = ""
) -> Iterator[OutputError]:
    """One entry for each output; `at` says at which sizes, where they are not the example's."""
    if len(got) != len(expected):
        reason = f"{len(expected)} outputs expected, ONNX Runtime gave {len(got)}"
        yield _other("(outputs)", reason, at)
        return
    for name, value, tensor in zip(names, got, expected, strict=True):
        yield _difference(name, np.asarray(value), tensor, at)


def _other(name: str, reason: str, at: str) -> OutputError:
    return OutputError(name, math.inf, math.inf, 0.0, reason=reason, at=at)


def _difference(name: str, value: np.ndarray, tensor: Tensor, at: str) -> OutputError:
    want = _real(tensor).numpy()
    if value.shape != want.shape:
        return _other(name, f"shape {want.shape} expected, {value.shape} from ONNX Runtime", at)
    if value.dtype != want.dtype:
        return _other(name, f"{want.dtype} expected, {value.dtype} from ONNX Runtime", at)
    if not value.size:
        return OutputError(name, 0.0, 0.0, 0.0, at=at)
    off = _off(value.astype(np.float64), want.astype(np.float64))
    where = tuple(int(i) for i in np.unravel_index(int(np.argmax(off)), off.shape))
    worst, scale = float(off.max()), _scale(tensor)
    if not tensor.is_floating_point() and not tensor.is_complex():
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


def _real(tensor: Tensor) -> Tensor:
    """As the exporter writes it: complex numbers are pairs of real ones."""
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
    measured = [t for t in expected if t.is_floating_point() or t.is_complex()]
    if len(measured) == len(expected) and all(_scale(t) < ZERO for t in expected):
        return "they are zero"
    return "they are the same for any input" if _is_deaf(expected, run, inputs) else ""


def _is_deaf(expected: Sequence[Tensor], run: Callable[[Inputs], Sequence[Tensor]], inputs: Inputs) -> bool:
    """Whether no output changes when the inputs do: untrained networks may give their bias alone."""
    if not inputs.tensors:
        return False
    generator = torch.Generator().manual_seed(0)
    answered = 0
    for loudness in LOUDER:
        try:
            got = run(inputs.copied().map(partial(_another, loudness=loudness, generator=generator)))
        except ModelRunError:  # other inputs may be none that the model takes
            continue
        answered += 1
        if len(got) != len(expected) or not all(map(_same, got, expected)):
            return False
    return answered > 0


def _another(leaf: object, loudness: float, generator: torch.Generator) -> object:
    """Another input of the same kind: numbers around it, whole numbers from its own range, other masks."""
    if not isinstance(leaf, Tensor) or not leaf.numel():
        return leaf
    noise = torch.rand(leaf.shape, generator=generator).to(leaf.device)
    if leaf.dtype is torch.bool:
        return ~leaf if loudness == LOUDER[0] else noise > 0.5
    if leaf.is_floating_point() or leaf.is_complex():
        return leaf + ((noise - 0.5) * loudness * (leaf.abs().double().mean() + 1)).to(leaf.dtype)
    low, high = min(0, int(leaf.min())), max(1, int(leaf.max()))
    drawn = low + (noise * (high - low + 1)).to(leaf.dtype)
    return torch.where(drawn == leaf, torch.where(leaf == low, high, low), drawn).to(leaf.dtype)


def _same(got: Tensor, expected: Tensor) -> bool:
    if got.shape != expected.shape or got.dtype != expected.dtype:
        return False
    if not (expected.is_floating_point() or expected.is_complex()):
        return bool(torch.equal(got, expected))
    a, b = _real(got).double(), _real(expected).double()
    return bool(torch.allclose(a, b, rtol=0.0, atol=DEAF * _scale(expected), equal_nan=True))
