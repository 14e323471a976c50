"""Is a map any good? What the model answers when the pixels that it names are taken away, or alone are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from ...text import first_line_repr
from ..reported import Reported
from .answers import Answers, answers, of_scores
from .heatmap import Heatmap
from .images import ImageChoice, Images, find_images
from .probability import ProbabilityChoice, checked

STEPS, BLUR = 20, 11
CENTRE = 4  # the centre map is a Gaussian whose standard deviation is this part of each side


@dataclass(frozen=True)
class Faithfulness(Reported):
    """Scores per sample, (N,): `insertion` (higher is better) and `deletion` (lower is better) of Petsiuk et al.
    2018, areas under the curves of the target's probability; `drop` and `increase` of Chattopadhyay et al. 2018.

    `insertion_curve`, `deletion_curve`: (N, len(shares)), over the share of pixels inserted or deleted. `how` the
    probability was made of the output: "softmax", "sigmoid", "given" (as it is), or a callable's name. `baselines`: the
    same of maps that know nothing of the model, "random" and "centre".
    """

    section = "faithfulness"

    title: str
    shares: np.ndarray
    insertion_curve: np.ndarray
    deletion_curve: np.ndarray
    drop: np.ndarray
    increase: np.ndarray
    how: str = ""
    baselines: Mapping[str, Faithfulness] = field(default_factory=dict)

    @property
    def insertion(self) -> np.ndarray:
        """Area under the insertion curve (N,)."""
        return _area(self.insertion_curve, self.shares)

    @property
    def deletion(self) -> np.ndarray:
        """Area under the deletion curve (N,)."""
        return _area(self.deletion_curve, self.shares)

    @property
    def average_drop(self) -> float:
        """By which share the probability falls when only what the map shows is seen; mean, 0 is best."""
        return float(self.drop.mean())

    @property
    def average_increase(self) -> float:
        """Share of samples whose probability rises when only what the map shows is seen."""
        return float(self.increase.mean())

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `faithfulness`: means over the samples."""
        return {
            "title": self.title,
            "how": self.how,
            "shares": self.shares.tolist(),
            **self._figures(),
            "baselines": {name: found._figures() for name, found in self.baselines.items()},
        }

    def _figures(self) -> dict[str, object]:
        return {
            "insertion_curve": self.insertion_curve.mean(0).tolist(),
            "deletion_curve": self.deletion_curve.mean(0).tolist(),
            "insertion": float(self.insertion.mean()),
            "deletion": float(self.deletion.mean()),
            "average_drop": self.average_drop,
            "average_increase": self.average_increase,
        }

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        found = {"": self, **self.baselines}
        heads = [f"{name:>10}" for name in ("this map", *self.baselines)]
        rows = [
            f"{name.replace('_', ' '):>16}" + "".join(f"{figure[name]:>12.4g}" for figure in figures)
            for figures in [[one._figures() for one in found.values()]]
            for name, value in figures[0].items()
            if isinstance(value, float)
        ]
        return "\n".join([self.title, " " * 18 + "  ".join(heads), *rows, f"probability: {self.how}"])


def faithfulness(
    subject: Subject,
    heatmap: Heatmap,
    *,
    steps: int = STEPS,
    image: ImageChoice = None,
    probability: ProbabilityChoice = None,
    baselines: bool = True,
) -> Faithfulness:
    """Judge `heatmap`, made of this subject's inputs, beside a random map and one of the centre.

    6 x steps forwards, 2 x steps + 2 without the `baselines`. Deletion puts the image's mean colour in place of pixels,
    hottest first; insertion starts from a blurred image. A map of a callable's score needs `probability`, unless the
    score is a class's. Raises ExplanationError, also for maps of another input and for those that show no place.
    """
    if type(steps) is not int or steps < 1:
        raise ExplanationError(f"steps={steps!r}: the curves need one step or more")
    checked(probability)
    images = find_images(subject, image)
    if heatmap.image.shape != tuple(images.batch.shape):
        raise ExplanationError(
            f"the heatmap is of images {heatmap.image.shape}, not {tuple(images.batch.shape)}"
        )
    _refuse_blank(heatmap)
    maps = {"": heatmap.map, **(_baselines(heatmap) if baselines else {})}
    with torch.inference_mode(False), subject.restored(), torch.no_grad():
        trial = _Trial(images, heatmap, probability)
        for heat in maps.values():
            trial.tries(torch.from_numpy(heat).to(images.batch.device), steps)
    curves, how = trial.answers.shares()
    return _judged(heatmap.title, list(maps), np.array(curves), steps, how)


class _Trial:
    """Runs the model on changed images. Its `answers` note, in this order: the whole image, the blurred one, the mean
    colour; then for each map what shows through it, the steps of its insertion, and those of its deletion.
    """

    def __init__(self, images: Images, heatmap: Heatmap, probability: ProbabilityChoice) -> None:
        self.images, batch = images, images.batch
        space = tuple(range(2, batch.dim()))
        floats = batch.float()
        self.mean = _like(floats.mean(space, keepdim=True).expand_as(floats), batch)
        self.blurred = _like(_blurred(floats), batch)
        whole = images.subject.run(images.inputs(batch))
        self.answers = _answers(images, heatmap, probability, whole)
        self.answers.note(whole)
        for shown in (self.blurred, self.mean):
            self.see(shown)

    def see(self, shown: Tensor) -> None:
        self.answers.note(self.images.subject.run(self.images.inputs(shown)))

    def tries(self, heat: Tensor, steps: int) -> None:
        batch = self.images.batch
        self.see(_like(batch.float() * heat[:, None], batch))
        ranks = heat.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(1).view_as(heat)
        for first, rest in ((batch, self.blurred), (self.mean, batch)):
            for share in torch.linspace(0, 1, steps + 1)[1:-1]:
                self.see(torch.where((ranks < share * ranks[0].numel())[:, None], first, rest))


def _judged(title: str, names: list[str], curves: np.ndarray, steps: int, how: str) -> Faithfulness:
    """What the runs (runs, N) say of each map, in the order of `_Trial`; the first is judged beside the others."""
    shares = np.linspace(0, 1, steps + 1, dtype=np.float32)
    whole, blurred, mean = curves[:3]
    found = []
    for name, runs in zip(names, np.split(curves[3:], len(names)), strict=True):
        masked, inserted, deleted = runs[0], runs[1:steps], runs[steps:]
        found.append(
            Faithfulness(
                name or title,
                shares,
                np.stack([blurred, *inserted, whole], 1),
                np.stack([whole, *deleted, mean], 1),
                np.maximum(whole - masked, 0) / np.maximum(whole, 1e-12),
                masked > whole,
                how,
            )
        )
    return replace(found[0], baselines=dict(zip(names[1:], found[1:], strict=True)))


def _answers(images: Images, heatmap: Heatmap, probability: ProbabilityChoice, output: object) -> Answers:
    """How to read the probability of what the heatmap explains."""
    subject, samples = images.subject, len(images.batch)
    classes = [int(target) for target in heatmap.target if isinstance(target, (int, np.integer))]
    if len(classes) == len(heatmap.target):
        return answers(subject, output, samples, classes, probability)
    scores = torch.tensor(heatmap.score)
    return of_scores(subject, output, scores, str(heatmap.target[0]), probability)


def _refuse_blank(heatmap: Heatmap) -> None:
    blank = [i for i, heat in enumerate(heatmap.map) if not heat.any()]
    if blank:
        raise ExplanationError(
            f"the map of sample {', '.join(map(str, blank))} is blank: no place speaks for the target, so there are no "
            "hottest pixels to insert or to delete"
        )


def _baselines(heatmap: Heatmap) -> dict[str, np.ndarray]:
    """Maps that know nothing: random numbers on the heatmap's own grid, and a Gaussian at the middle of the image."""
    noise = np.random.default_rng(0).random(heatmap.raw.shape, dtype=np.float32)
    space = heatmap.image.shape[2:]
    axes = np.ogrid[tuple(slice(-1, 1, size * 1j) for size in space)]  # of each side, from -1 to 1
    middle = np.exp(-sum((axis * CENTRE / 2) ** 2 for axis in axes) / 2).astype(np.float32)
    centre = np.broadcast_to(middle, (len(heatmap.image), *space)).copy()
    return {
        "random": replace(heatmap, raw=noise).map,
        "centre": replace(heatmap, raw=centre, extent=()).map,
    }


def _area(curves: np.ndarray, shares: np.ndarray) -> np.ndarray:
    areas: np.ndarray = ((curves[:, 1:] + curves[:, :-1]) / 2 * np.diff(shares)).sum(1)
    return areas


def _like(floats: Tensor, images: Tensor) -> Tensor:
    return (floats if images.is_floating_point() else floats.round()).to(images.dtype)


def _blurred(images: Tensor) -> Tensor:
    """A box blur, three times: nearly a Gaussian."""
    size = max(3, min(BLUR * images.shape[-1] // 224, images.shape[-1] // 2 * 2 - 1) // 2 * 2 + 1)
    pool = {3: F.avg_pool1d, 4: F.avg_pool2d, 5: F.avg_pool3d}[images.dim()]
    blurred = images
    for _ in range(3):
        blurred = pool(blurred, size, 1, size // 2, count_include_pad=False)
    return blurred
