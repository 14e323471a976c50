"""Invariance (Zeiler and Fergus 2013): features and a class's probability as the input is moved, enlarged, turned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ExplanationError, NothingSeenError
from ...model.subject import Subject
from ...text import not_one_of
from .cam import refuse_nan
from .features import chosen_layers, relative_distance, run_features
from .images import ImageChoice, Images, find_images
from .layers import Layers
from .targets import class_indices, class_logits

Group: TypeAlias = int | Collection[int] | Tensor | np.ndarray | None
"""A class, one per sample, or a set of classes; None: the top class."""
PROBABILITY = "probability"
SAME = 1e-5  # of the largest pixel: what resampling alone may change
TRANSFORMS: Mapping[str, tuple[str, tuple[float, ...]]] = {  # the paper's ranges
    "translation": ("vertical shift, share of the height", tuple(s * 10 / 224 for s in range(-6, 7))),
    "scale": ("scale", tuple(1 + s / 10 for s in range(9))),
    "rotation": ("rotation, degrees", tuple(float(d) for d in range(0, 361, 15))),
}


@dataclass(frozen=True)
class Invariance:
    """Curves over `values` of one transform, for N inputs.

    `distance`: layer -> per value, per sample |f(T x) - f(x)| / |f(x)|. `probability`: per value, per sample, of the
    target (a class, or a group of classes, summed). `deaf`: those of the layers, and PROBABILITY, that are the same for
    any image, so that their curves say nothing.
    """

    transform: str
    values: tuple[float, ...]
    distance: Mapping[str, tuple[tuple[float, ...], ...]]
    probability: tuple[tuple[float, ...], ...]
    target: tuple[int | tuple[int, ...], ...]
    deaf: tuple[str, ...] = ()

    @property
    def min_probability(self) -> float:
        """The lowest probability of the target, over all values and samples."""
        return min(min(row) for row in self.probability)

    @property
    def max_feature_shift(self) -> float:
        """The largest relative distance of the last layer's features, over all values and samples."""
        return max(max(row) for row in list(self.distance.values())[-1])

    @property
    def axis(self) -> str:
        """What `values` are."""
        return TRANSFORMS[self.transform][0]

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `invariance`."""
        return {
            "transform": self.transform,
            "axis": self.axis,
            "values": list(self.values),
            "distance": {name: [list(row) for row in rows] for name, rows in self.distance.items()},
            "probability": [list(row) for row in self.probability],
            "target": [str(t) for t in self.target],
            "deaf": list(self.deaf),
            "min_probability": self.min_probability,
            "max_feature_shift": self.max_feature_shift,
        }

    def __repr__(self) -> str:
        return (
            f"Invariance({self.transform}, {len(self.values)} values: min_probability {self.min_probability:.4g}, "
            f"max_feature_shift {self.max_feature_shift:.4g} of {list(self.distance)[-1]})"
        )

    def __str__(self) -> str:
        layers = list(self.distance)
        head = f"{self.axis:>36}  probability  " + "  ".join(layers)
        rows = [
            f"{value:>36.3g}  {_mean(self.probability[i]):>11.3f}  "
            + "  ".join(f"{_mean(self.distance[n][i]):>{len(n)}.3f}" for n in layers)
            for i, value in enumerate(self.values)
        ]
        return "\n".join([head, *rows])

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def invariance(
    subject: Subject,
    transform: str,
    *,
    target: Group = None,
    layers: Layers = None,
    values: Sequence[float] | None = None,
    image: ImageChoice = None,
) -> Invariance:
    """Transform the images step by step and watch; one forward per value.

    `target`: a class, one per sample, a set of classes (a group, for all samples), or None for the top class of the
    untransformed input. `layers`: None takes an early and a late one. Raises ExplanationError; NothingSeenError for
    images that no transform changes, and for features or probabilities that are NaN.
    """
    if transform not in TRANSFORMS:
        raise ExplanationError(not_one_of("transform", transform, TRANSFORMS))
    if values is not None and (not len(values) or (transform == "scale" and min(values) <= 0)):
        raise ExplanationError(f"values={values!r}: give one or more, and scales above 0")
    images = find_images(subject, image)
    refuse_nan(subject)
    names = chosen_layers(images, layers)
    steps = tuple(float(v) for v in (TRANSFORMS[transform][1] if values is None else values))
    watch = _Watch(images, names, target)
    batch = images.batch
    pictures = [transformed(batch, transform, value) for value in steps]
    if all(
        torch.allclose(moved, batch, rtol=SAME, atol=SAME * float(batch.abs().max())) for moved in pictures
    ):
        raise NothingSeenError(
            f"{subject.name}: no {transform} of {_listed(steps)} changes the images, so nothing was tried.\n"
            "Give images with something on them, and values that move it."
        )
    seen = [watch(moved) for moved in pictures]
    distance = {name: tuple(found[name] for found in seen) for name in names}
    probability = tuple(found[PROBABILITY] for found in seen)
    for name, rows in {**distance, PROBABILITY: probability}.items():
        broken = next(
            (v for v, row in zip(steps, rows, strict=True) if not all(map(math.isfinite, row))), None
        )
        if broken is not None:
            what = PROBABILITY if name == PROBABILITY else f"features of {name!r}"
            raise NothingSeenError(
                f"{subject.name}: {what} at {transform} {broken:.3g}: NaN or infinite.\n"
                "ModelCheck.weights() may show the cause."
            )
    deaf = watch.deaf({name: rows for name, rows in distance.items() if not any(map(any, rows))}, probability)
    shown = tuple(group[0] if len(group) == 1 else tuple(group) for group in watch.groups)
    return Invariance(transform, steps, distance, probability, shown, deaf)


class _Watch:
    """What the model makes of images in place of its own: by layer and under PROBABILITY, a number for each sample."""

    def __init__(self, images: Images, names: Sequence[str], target: Group) -> None:
        self.images, self.names = images, names
        self.reference, output = run_features(images.subject, names)
        self.groups = _groups(class_logits(output), target)

    def __call__(self, moved: Tensor) -> dict[str, tuple[float, ...]]:
        features, output = run_features(self.images.subject, self.names, self.images.inputs(moved))
        shares = class_logits(output).float().softmax(1)
        found = {
            name: tuple(relative_distance(features[name], self.reference[name]).tolist())
            for name in self.names
        }
        found[PROBABILITY] = tuple(float(shares[i, group].sum()) for i, group in enumerate(self.groups))
        return found

    def deaf(self, still: Collection[str], probability: Sequence[Sequence[float]]) -> tuple[str, ...]:
        """Which of the `still` layers, and whether the probability, do not change for images of noise either.

        A model may well not mind a transform: only what minds nothing says nothing.
        """
        moves = len(set(probability)) > 1
        if not still and moves:
            return ()
        generator = torch.Generator().manual_seed(0)
        batch = self.images.batch
        low, high = float(batch.min()), float(batch.max())
        noise = torch.rand(batch.shape, generator=generator).to(batch.device)
        found = self((low - 1 + noise * (high - low + 2)).to(batch.dtype))
        silent = [name for name in still if not any(found[name])]
        return (*silent, *([PROBABILITY] if not moves and found[PROBABILITY] == probability[0] else []))


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def transformed(images: Tensor, transform: str, value: float) -> Tensor:
    """`images` (N, C, H, W) moved down by a share of the height, enlarged by a factor, or turned by degrees.

    Bilinear; what comes in from outside has the image's mean colour.
    """
    height, width = images.shape[2:]
    angle = math.radians(value) if transform == "rotation" else 0.0
    zoom = 1 / value if transform == "scale" else 1.0
    shift = -2 * value if transform == "translation" else 0.0
    cosine, sine = math.cos(angle) * zoom, math.sin(angle) * zoom
    matrix = [[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, shift]]
    theta = torch.tensor(matrix, dtype=torch.float32, device=images.device).expand(len(images), 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    mean = images.float().mean((2, 3), keepdim=True)
    return (F.grid_sample(images.float() - mean, grid, align_corners=False) + mean).to(images.dtype)


def _groups(logits: Tensor, target: Group) -> list[list[int]]:
    samples, classes = logits.shape
    if isinstance(target, (set, frozenset)):
        if not target:
            raise ExplanationError("target is an empty set of classes")
        group = class_indices(sorted(target), len(target), classes)
        return [group] * samples
    if target is None:
        return [[int(c)] for c in logits.argmax(1)]
    return [[c] for c in class_indices(target, samples, classes)]


def _mean(row: Sequence[float]) -> float:
    return sum(row) / len(row)
