"""Targets: from a model's output to the score that is explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ...errors import ExplanationError
from .logits import class_logits

Target: TypeAlias = int | Sequence[int] | Tensor | np.ndarray | Callable[..., Tensor] | None
"""A class, one per sample, a callable on the model's output that returns scores; None: the top class."""
SIMILAR = 3  # classes that ClassDifference compares with by itself


@dataclass(frozen=True)
class ClassDifference:
    """The target of Finer-CAM (Zhang et al. 2025): what speaks for `target` rather than for classes like it.

    The score is the logit of `target` minus `alpha` times the mean logit of `against`: one class, several, or None
    for the three whose logits are nearest. Give it as `target=` to any method.
    """

    target: int
    against: int | Sequence[int] | None = None
    alpha: float = 1.0

    def __call__(self, output: object) -> Tensor:
        logits = class_logits(output)
        if logits.shape[1] < 2:
            raise ExplanationError("a difference of classes needs two: the output has a single one")
        own = class_indices(self.target, 1, logits.shape[1])[0]
        return logits[:, own] - self.alpha * logits.gather(1, self._others(logits, own)).mean(1)

    def _others(self, logits: Tensor, own: int) -> Tensor:
        samples, classes = logits.shape
        if self.against is None:
            gaps = (logits - logits[:, [own]]).abs()
            gaps[:, own] = torch.inf
            return gaps.argsort(1)[:, : min(SIMILAR, classes - 1)]
        given = as_list(self.against)
        given = given if isinstance(given, list) else [given]
        if not given:
            raise ExplanationError("against= is empty: give a class, several, or None for the nearest ones")
        others = class_indices(given, len(given), classes)
        return torch.tensor(others, device=logits.device).expand(samples, -1)

    @property
    def __name__(self) -> str:
        others = "its nearest classes" if self.against is None else self.against
        return f"class {self.target} against {others}"


def score(output: object, target: Target, samples: int) -> tuple[Tensor, list[int | str]]:
    """The score per sample (N,) and the name of its target.

    `target`: a callable on the model's output (returns a scalar or one value per sample), class indices, or None.
    """
    if callable(target):
        return _callable_score(output, target, samples)
    logits = class_logits(output, samples)
    classes = logits.argmax(1).tolist() if target is None else class_indices(target, *logits.shape)
    return logits[torch.arange(len(classes)), classes], [*classes]


def _callable_score(
    output: object, target: Callable[..., object], samples: int
) -> tuple[Tensor, list[int | str]]:
    name = getattr(target, "__name__", type(target).__name__)
    try:
        value = target(output)
    except ExplanationError:
        raise
    except Exception as error:
        raise ExplanationError(
            f"target {name} raised {type(error).__name__} on the model's output: {error}"
        ) from error
    if not isinstance(value, Tensor) or value.numel() not in (1, samples):
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ExplanationError(
            f"target {name} returned {shape}; it must return a scalar or one score per sample"
        )
    return value.reshape(-1), [name]


def as_list(given: object) -> object:
    """Numbers of torch and numpy, and sequences, as lists; all else as it is."""
    if hasattr(given, "tolist"):
        return given.tolist()
    return list(given) if isinstance(given, (tuple, range)) else given


def class_indices(target: object, samples: int, classes: int) -> list[int]:
    """One class per sample, each in 0..classes-1; -1 is the last one, as in any sequence.

    Raises ExplanationError for what is no class (a float, a truth value) or beyond them, and for another number.
    """
    given = as_list(target)
    named: list[Any] = [as_list(one) for one in given] if isinstance(given, list) else [given] * samples
    if not all(isinstance(one, (int, np.integer)) and not isinstance(one, bool) for one in named):
        raise ExplanationError(
            f"target {target!r} is no class: give an index, one per sample, or a callable on the output"
        )
    if len(named) != samples:
        raise ExplanationError(
            f"{len(named)} targets for {samples} samples: give one class, or one per sample"
        )
    for index in named:
        if not -classes <= index < classes:
            raise ExplanationError(f"target {index} is out of range: {_range(classes)}")
    return [int(index) % classes for index in named]


def _range(classes: int) -> str:
    if classes > 1:
        return f"the output has {classes} classes, 0 to {classes - 1}"
    return (
        "the output has one number for each sample, class 0. "
        "For what speaks against it pass a callable that returns its negative."
    )
