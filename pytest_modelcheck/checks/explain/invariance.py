"""Invariance (Zeiler and Fergus 2013): features and a class's probability as the input is moved, enlarged, turned."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ...drawing.plots import round_ticks
from ...errors import ExplanationError, NothingSeenError
from ...model.subject import Subject
from ...text import not_one_of
from ..reported import Reported
from .answers import Group, Shown, answers
from .cam import refuse_nan
from .features import chosen_layers, relative_distance, run_features
from .images import ImageChoice, Images, find_images
from .layers import Layers
from .layouts import Size
from .probability import ProbabilityChoice, checked
from .words import TRANSFORMS

PROBABILITY = "probability"
SAME = 1e-5  # of the largest pixel: what resampling alone may change
TURNS = (
    15.0,
    30.0,
    45.0,
    60.0,
    90.0,
    180.0,
)  # degrees between ticks, where they span more than a right angle


@dataclass(frozen=True)
class Invariance(Reported):
    """Curves over `values` of one transform, for N inputs.

    `distance`: layer -> per value, per sample |f(T x) - f(x)| / |f(x)|. `probability`: per value, per sample, of the
    target (a class, a group of classes, or a callable's name); `how` it was made of the output: "softmax", "sigmoid",
    "given" (as it is), or a callable's name. `deaf`: those of the layers, and PROBABILITY, that are the same for any
    image, so that their curves say nothing. `size` of the pictures: height and width; a signal's length.
    """

    section = "invariance"

    transform: str
    values: tuple[float, ...]
    distance: Mapping[str, tuple[tuple[float, ...], ...]]
    probability: tuple[tuple[float, ...], ...]
    target: Shown
    deaf: tuple[str, ...] = ()
    how: str = ""
    size: Size = ()

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
        """What `places` are."""
        if self.transform != "translation" or not self.size:
            return TRANSFORMS[self.transform][0]
        return "shift, samples of the signal" if len(self.size) == 1 else "vertical shift, pixels"

    @property
    def places(self) -> tuple[float, ...]:
        """The values as people read them: a shift in pixels, a ratio, degrees."""
        if self.transform != "translation" or not self.size:
            return self.values
        return tuple(round(value * self.size[-2:][0], 6) for value in self.values)

    @property
    def ticks(self) -> list[float]:
        """Round numbers for an axis of `places`."""
        turns = self.transform == "rotation" and max(self.values) - min(self.values) > 90
        return round_ticks(min(self.places), max(self.places), TURNS if turns else ())

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `invariance`."""
        return {
            "transform": self.transform,
            "axis": TRANSFORMS[self.transform][0],
            "values": list(self.values),
            "shown": {"axis": self.axis, "values": list(self.places), "ticks": self.ticks},
            "distance": {name: [list(row) for row in rows] for name, rows in self.distance.items()},
            "probability": [list(row) for row in self.probability],
            "how": self.how,
            "target": [str(t) for t in self.target],
            "deaf": list(self.deaf),
            "min_probability": self.min_probability,
            "max_feature_shift": self.max_feature_shift,
        }

    def __repr__(self) -> str:
        return (
            f"Invariance({self.transform}, {len(self.values)} values: min_probability {self.min_probability:.4g}, "
            f"max_feature_shift {self.max_feature_shift:.4g} of {list(self.distance)[-1]}"
            f"{f'; probability: {self.how}' if self.how else ''})"
        )

    def __str__(self) -> str:
        layers = list(self.distance)
        head = f"{self.axis:>36}  probability  " + "  ".join(layers)
        rows = [
            f"{value:>36.3g}  {_mean(self.probability[i]):>11.3f}  "
            + "  ".join(f"{_mean(self.distance[n][i]):>{len(n)}.3f}" for n in layers)
            for i, value in enumerate(self.places)
        ]
        return "\n".join([head, *rows, *([f"probability: {self.how}"] if self.how else [])])


def invariance(
    subject: Subject,
    transform: str,
    *,
    target: Group = None,
    layers: Layers = None,
    values: Sequence[float] | None = None,
    image: ImageChoice = None,
    probability: ProbabilityChoice = None,
) -> Invariance:
    """Transform the images step by step and watch; one forward per value.

    `target`: a class, one per sample, a set of classes (a group, for all samples), a callable that returns a score, or
    None for the top class of the untransformed input. `probability`: how its probability is made of the output.
    `layers`: None takes an early and a late one. Raises ExplanationError; NothingSeenError for images that no transform
    changes, and for features or probabilities that are NaN.
    """
    images = find_images(subject, image)
    checked(probability)
    steps = _steps(transform, values, images)
    refuse_nan(subject)
    names = chosen_layers(images, layers)
    watch = _Watch(images, names, target, probability)
    batch = images.batch
    pictures = [transformed(batch, transform, value) for value in steps]
    room = SAME * float(batch.abs().max())
    if all(torch.allclose(moved.float(), batch.float(), rtol=SAME, atol=room) for moved in pictures):
        raise NothingSeenError(
            f"{subject.name}: no {transform} of {_listed(steps)} changes the images, so nothing was tried.\n"
            "Give images with something on them, and values that move it."
        )
    rows = [watch(moved) for moved in pictures]
    distance = {name: tuple(row[name] for row in rows) for name in names}
    shares, how = watch.answers.shares()
    curve = tuple(map(tuple, shares))
    _refuse_broken(subject, transform, steps, {**distance, PROBABILITY: curve})
    deaf = watch.deaf({name for name, rows in distance.items() if not any(map(any, rows))}, curve)
    return Invariance(transform, steps, distance, curve, watch.answers.shown, deaf, how, images.size)


def _steps(transform: str, values: Sequence[float] | None, images: Images) -> tuple[float, ...]:
    if transform not in TRANSFORMS:
        raise ExplanationError(not_one_of("transform", transform, TRANSFORMS))
    if transform == "rotation" and len(images.size) == 1:
        raise ExplanationError(f"{images.name} is a signal of one dimension, which has no rotation")
    if values is None:
        return TRANSFORMS[transform][1]
    try:
        steps = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        steps = ()
    if not steps or not all(map(math.isfinite, steps)) or (transform == "scale" and min(steps) <= 0):
        raise ExplanationError(f"values={values!r}: give one or more finite ones, and scales above 0")
    return steps


def _refuse_broken(
    subject: Subject,
    transform: str,
    steps: Sequence[float],
    curves: Mapping[str, Sequence[Sequence[float]]],
) -> None:
    for name, rows in curves.items():
        pairs = zip(steps, rows, strict=True)
        broken = next((value for value, row in pairs if not all(map(math.isfinite, row))), None)
        if broken is not None:
            what = PROBABILITY if name == PROBABILITY else f"features of {name!r}"
            raise NothingSeenError(
                f"{subject.name}: {what} at {transform} {broken:.3g}: NaN or infinite.\n"
                "ModelCheck.weights() may show the cause."
            )


class _Watch:
    """What the model makes of images in place of its own: the distance of each layer's features, for each sample.

    Its `answers` note what the output says of the target.
    """

    def __init__(
        self, images: Images, names: Mapping[str, int], target: Group, probability: ProbabilityChoice
    ) -> None:
        self.images, self.names = images, names
        self.reference, output = run_features(images.subject, names)
        self.answers = answers(images.subject, output, len(images.batch), target, probability)

    def __call__(self, moved: Tensor) -> dict[str, tuple[float, ...]]:
        features, output = run_features(self.images.subject, self.names, self.images.inputs(moved))
        self.answers.note(output)
        return {
            name: tuple(relative_distance(features[name], self.reference[name]).tolist())
            for name in self.names
        }

    def deaf(self, still: Collection[str], probability: Sequence[Sequence[float]]) -> tuple[str, ...]:
        """Which of the `still` layers, and whether the probability, do not change for images of noise either.

        A model may well not mind a transform: only what minds nothing says nothing.
        """
        moves = len(set(probability)) > 1
        if not still and moves:
            return ()
        found = self(noise_like(self.images.batch))
        silent = [name for name in self.names if name in still and not any(found[name])]
        same = not moves and self.answers.last() == [*probability[0]]
        return (*silent, *([PROBABILITY] if same else []))


def noise_like(images: Tensor) -> Tensor:
    """Random pixels, somewhat beyond the images' range; whole numbers stay within it."""
    low, high = float(images.min()), float(images.max())
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(0)).to(images.device)
    if not images.is_floating_point():
        return (low + noise * (high - low)).round().to(images.dtype)
    return (low - 1 + noise * (high - low + 2)).to(images.dtype)


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def transformed(images: Tensor, transform: str, value: float) -> Tensor:
    """`images` (N, C, *space) moved down by a share of the height, enlarged by a factor, or turned by degrees.

    Linear; what comes in from outside has the image's mean colour. A signal moves along itself; a volume turns and
    moves in the plane of its slices.
    """
    if images.dim() == 3:
        return transformed(images[..., None], transform, value)[..., 0]
    angle = math.radians(value) if transform == "rotation" else 0.0
    zoom = 1 / value if transform == "scale" else 1.0
    shift = -2 * value if transform == "translation" else 0.0
    height, width = images.shape[-2:]
    cosine, sine = math.cos(angle) * zoom, math.sin(angle) * zoom
    matrix = [[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, shift]]
    if images.dim() == 5:  # x, y, and the depth
        matrix = [[*matrix[0][:2], 0.0, 0.0], [*matrix[1][:2], 0.0, shift], [0.0, 0.0, zoom, 0.0]]
    theta = torch.tensor([matrix], dtype=torch.float32, device=images.device)
    grid = F.affine_grid(theta.expand(len(images), -1, -1), list(images.shape), align_corners=False)
    floats = images.float()
    mean = floats.mean(tuple(range(2, images.dim())), keepdim=True)
    moved = F.grid_sample(floats - mean, grid, align_corners=False) + mean
    return (moved if images.is_floating_point() else moved.round()).to(images.dtype)


def _mean(row: Sequence[float]) -> float:
    return sum(row) / len(row)
