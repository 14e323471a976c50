"""Targets: from a model's output to the score that is explained."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import SupportsIndex, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor

from ...errors import ExplanationError

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
        own = logits[:, class_indices(self.target, 1, logits.shape[1])[0]]
        return own - self.alpha * logits.gather(1, self._others(logits)).mean(1)

    def _others(self, logits: Tensor) -> Tensor:
        samples, classes = logits.shape
        if self.against is None:
            gaps = (logits - logits[:, [self.target]]).abs()
            return gaps.argsort(1)[:, 1 : 1 + min(SIMILAR, classes - 1)]
        given = [self.against] if isinstance(self.against, int) else list(self.against)
        return torch.tensor(class_indices(given, len(given), classes), device=logits.device).expand(
            samples, -1
        )

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
    logits = class_logits(output)
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


def class_logits(output: object) -> Tensor:
    """The (N, classes) tensor in a model's output: itself, `.logits`, or the first of a dict or tuple."""
    found = output
    while not isinstance(found, Tensor):
        if hasattr(found, "logits"):
            found = found.logits
        elif isinstance(found, dict) and found:
            found = found.get("logits", next(iter(found.values())))
        elif isinstance(found, (tuple, list)) and found:
            found = found[0]
        else:
            break
    if isinstance(found, Tensor) and found.dim() == 2 and found.is_floating_point():
        return found
    shown = (
        f"a tensor of shape {tuple(found.shape)}"
        if isinstance(found, Tensor)
        else f"a {type(found).__name__}"
    )
    raise ExplanationError(
        f"the output has no class dimension: it is {shown}, not (N, classes).\n"
        "Pass a callable: target=lambda output: output['out'][:, 3].sum((1, 2))"
    )


def class_indices(target: object, samples: int, classes: int) -> list[int]:
    """One class per sample, each in 0..classes-1."""
    given = target.tolist() if hasattr(target, "tolist") else target
    try:
        indices = (
            [operator.index(i) for i in given]
            if isinstance(given, (list, tuple))
            else [operator.index(cast("SupportsIndex", given))] * samples
        )
    except TypeError:
        raise ExplanationError(
            f"target {target!r} is no class: give an index, one per sample, or a callable on the output"
        ) from None
    if len(indices) != samples:
        raise ExplanationError(
            f"{len(indices)} targets for {samples} samples: give one class, or one per sample"
        )
    for index in indices:
        if not -classes <= index < classes:
            raise ExplanationError(
                f"target {index} is out of range: the output has {classes} classes, 0 to {classes - 1}"
            )
    return [index % classes for index in indices]
