"""Is a map any good? What the model answers when the pixels that it names are taken away, or alone are shown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Subject
from .heatmap import Heatmap
from .images import ImageChoice, find_images
from .targets import class_logits

STEPS, BLUR = 20, 11


@dataclass(frozen=True)
class Faithfulness:
    """Scores per sample, (N,): `insertion` (higher is better) and `deletion` (lower is better) of Petsiuk et al.
    2018, areas under the curves of the target's probability; `drop` and `increase` of Chattopadhyay et al. 2018.

    `insertion_curve`, `deletion_curve`: (N, len(shares)), over the share of pixels inserted or deleted.
    """

    title: str
    shares: np.ndarray
    insertion_curve: np.ndarray
    deletion_curve: np.ndarray
    drop: np.ndarray
    increase: np.ndarray

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
            "shares": self.shares.tolist(),
            "insertion_curve": self.insertion_curve.mean(0).tolist(),
            "deletion_curve": self.deletion_curve.mean(0).tolist(),
            "insertion": float(self.insertion.mean()),
            "deletion": float(self.deletion.mean()),
            "average_drop": self.average_drop,
            "average_increase": self.average_increase,
        }

    def __str__(self) -> str:
        rows = [f"{k}: {v:.4g}" for k, v in self.to_dict().items() if isinstance(v, float)]
        return f"{self.title}\n" + "\n".join(rows)


def faithfulness(
    subject: Subject, heatmap: Heatmap, *, steps: int = STEPS, image: ImageChoice = None
) -> Faithfulness:
    """Judge `heatmap`, made of this subject's inputs for classes; 2 x steps + 4 forwards.

    Deletion puts the image's mean colour in place of pixels, hottest first; insertion starts from a blurred image.
    Raises ExplanationError for maps of another input or of a callable target.
    """
    if steps < 1:
        raise ExplanationError(f"steps={steps}: the curves need one step or more")
    pictured = find_images(subject, image)
    images = pictured.batch
    if heatmap.image.shape != tuple(images.shape):
        raise ExplanationError(f"the heatmap is of images {heatmap.image.shape}, not {tuple(images.shape)}")
    if not all(isinstance(t, int) for t in heatmap.target):
        raise ExplanationError(
            "faithfulness asks for a class's probability: make the heatmap with a class as target"
        )
    heat = torch.from_numpy(heatmap.map).to(images.device)
    ranks = heat.flatten(1).argsort(1, descending=True).argsort(1).view_as(heat)
    shares = torch.linspace(0, 1, steps + 1)
    mean = images.mean((2, 3), keepdim=True).expand_as(images)
    blurred = _blurred(images)

    def seen(shown: Tensor) -> np.ndarray:
        logits = class_logits(subject.run(pictured.inputs(shown))).float()
        return logits.softmax(1)[torch.arange(len(images)), torch.tensor(heatmap.target)].cpu().numpy()

    def mixed(share: Tensor, first: Tensor, rest: Tensor) -> Tensor:
        return torch.where((ranks < share * ranks[0].numel())[:, None], first, rest)

    with torch.inference_mode(False), subject.restored(), torch.no_grad():
        whole, masked = seen(images), seen(images * heat[:, None].to(images.dtype))
        inserted = [seen(mixed(share, images, blurred)) for share in shares]
        deleted = [seen(mixed(share, mean, images)) for share in shares]
    return Faithfulness(
        heatmap.title,
        shares.numpy(),
        np.stack(inserted, 1),
        np.stack(deleted, 1),
        np.maximum(whole - masked, 0) / np.maximum(whole, 1e-12),
        masked > whole,
    )


def _area(curves: np.ndarray, shares: np.ndarray) -> np.ndarray:
    areas: np.ndarray = ((curves[:, 1:] + curves[:, :-1]) / 2 * np.diff(shares)).sum(1)
    return areas


def _blurred(images: Tensor) -> Tensor:
    """A box blur, three times: nearly a Gaussian."""
    size = max(3, min(BLUR * images.shape[-1] // 224, images.shape[-1] // 2 * 2 - 1) // 2 * 2 + 1)
    blurred = images
    for _ in range(3):
        blurred = F.avg_pool2d(blurred, size, 1, size // 2, count_include_pad=False)
    return blurred
