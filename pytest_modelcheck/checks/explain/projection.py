"""Down to the pixels: what of the input a feature or a class stands on (deconvnet, guided backpropagation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...drawing.images import to_base64, to_image
from ...errors import ExplanationError
from ...model.subject import Subject
from .cam import cam, per_sample, refuse_nan
from .heatmap import Explanation, shown
from .images import ImageChoice, Images, find_images, grown
from .layers import Layer, find_layer
from .runs import exactly
from .signals import Start, noted, sent
from .targets import Target


class NothingArrivedError(ExplanationError):
    """The signal has died on its way to the pixels."""


TITLES = {"deconvnet": "Deconvnet", "guided": "Guided backpropagation"}


@dataclass(frozen=True, eq=False)
class Projection(Explanation):
    """A signal projected to the pixels, for a batch of N inputs.

    `raw` (N, C, H, W) float32; `image` the input. `target`: per sample the class, or
    `feature 7` of a layer; `score`: its logit or activation. `relus`: how many ReLUs went back by the method's rule.
    """

    relus: int

    @property
    def map(self) -> np.ndarray:
        """(N, H, W) in 0..1: the largest magnitude over the channels, scaled per sample."""
        size = np.abs(self.raw).max(1)
        scaled: np.ndarray = size / np.maximum(size.max((1, 2), keepdims=True), np.finfo(np.float32).tiny)
        return scaled

    def box(self, index: int = 0) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) around all pixels that the signal reached; right, bottom exclusive; 0 if none."""
        if not self.raw[index].any():
            return 0, 0, 0, 0
        rows = np.flatnonzero(np.abs(self.raw[index]).max((0, 2)))
        columns = np.flatnonzero(np.abs(self.raw[index]).max((0, 1)))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1

    def picture(self, index: int = 0) -> Image.Image:
        """The signal around mid-grey, scaled to its largest magnitude."""
        signal = self.raw[index]
        signal = signal[:3] if len(signal) >= 3 else signal[:1].repeat(3, 0)
        scaled = 0.5 + signal / (2 * max(float(np.abs(signal).max()), 1e-30))
        return to_image(scaled.transpose(1, 2, 0))

    def __repr__(self) -> str:
        return f"Projection({self.title}, {'x'.join(map(str, self.raw.shape))}, {self.relus} ReLUs)"

    def _repr_png_(self) -> bytes:
        import base64

        return base64.b64decode(to_base64(shown(self.picture())))

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `deconvnet`, of the first sample."""
        return self._entry(shown(self.picture()), relus=self.relus)


def project(
    subject: Subject,
    rule: str,
    *,
    target: Target = None,
    layer: Layer = None,
    feature: int | None = None,
    call: int = -1,
    image: ImageChoice = None,
) -> Projection:
    """Project a class's logit, or (with `layer`) one feature's strongest activation, to the pixels.

    Raises ExplanationError if the model has no ReLU that could be told to go back by `rule`.
    """
    images = find_images(subject, image)
    return projected(images, rule, target=target, layer=layer, feature=feature, call=call)


def projected(
    images: Images,
    rule: str,
    *,
    target: Target = None,
    layer: Layer = None,
    feature: int | None = None,
    call: int = -1,
) -> Projection:
    """`project` of a picture that was found."""
    subject = images.subject
    refuse_nan(subject)
    _refuse_feature_alone(subject, feature, layer)
    name, module = find_layer(images, layer) if layer is not None else ("", None)
    start = Start(target, name, module, feature, call)
    went = sent(images, rule, start)
    if not (went.way.relus or went.met):
        raise ExplanationError(
            f"{subject.name}: no ReLU was met on the way, so {TITLES[rule].lower()} would be the plain gradient.\n"
            "It is defined for ReLU, ReLU6 and others that cut at 0 (clamp(min=0)); for other activations take "
            "gradcam()."
        )
    _refuse_empty(went.raw, subject, name)
    return Projection(
        raw=went.raw.float().cpu().numpy(),
        image=images.batch.float().cpu().numpy().copy(),
        method=TITLES[rule],
        layer=name,
        target=per_sample(went.targets, len(images.batch)),
        score=per_sample(went.values, len(images.batch)),
        relus=went.way.relus,
        notes=noted(images, rule, start, went),
    )


def guided_gradcam(
    subject: Subject, *, target: Target = None, layer: Layer = None, call: int = -1, image: ImageChoice = None
) -> Projection:
    """Selvaraju et al. 2017: guided backpropagation, weighted by Grad-CAM's positive map."""
    heatmap = cam(subject, target=target, layer=layer, call=call, image=image)
    classes = target if callable(target) else cast("list[int]", list(heatmap.target))
    guided = project(subject, "guided", target=classes, image=image)
    with exactly():
        weights = grown(torch.from_numpy(heatmap.raw).relu(), heatmap.image.shape[2:], heatmap.extent)
    return Projection(
        guided.raw * weights[:, None].numpy(),
        guided.image,
        "Guided Grad-CAM",
        heatmap.layer,
        heatmap.target,
        heatmap.score,
        guided.relus,
        why=heatmap.why,
        notes=tuple(dict.fromkeys((*heatmap.notes, *guided.notes))),
    )


def _refuse_feature_alone(subject: Subject, feature: int | None, layer: Layer) -> None:
    if feature is not None and layer is None:
        raise ExplanationError(
            f"{subject.name}: feature={feature!r} needs the layer that it is of: layer='...'"
        )


def _refuse_empty(raw: Tensor, subject: Subject, layer: str) -> None:
    if not torch.isfinite(raw).all():
        raise ExplanationError(f"{subject.name}: the projection holds NaN or infinite values")
    empty = [i for i, sample in enumerate(raw) if not sample.any()]
    if empty:
        raise NothingArrivedError(
            f"{subject.name}: no signal{f' of layer {layer!r}' if layer else ''} reaches the pixels of "
            f"sample {empty[0]}; choose another layer, feature or target"
        )
