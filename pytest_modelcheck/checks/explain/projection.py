"""Down to the pixels: what of the input a feature or a class stands on (deconvnet, guided backpropagation)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ...drawing.images import to_base64, to_image
from ...errors import ExplanationError
from ...model.subject import Subject
from .cam import mapped, per_sample, refuse_nan
from .heatmap import Explanation
from .images import ImageChoice, Images, find_images, grown
from .layers import Layer, find_layer
from .runs import exactly
from .signals import Start, noted, sent
from .targets import Target
from .views import laid_over, plane, shown, slices


class NothingArrivedError(ExplanationError):
    """The signal has died on its way to the pixels."""


CLIPPED = 98  # percentile
TITLES = {"deconvnet": "Deconvnet", "guided": "Guided backpropagation"}


@dataclass(frozen=True, eq=False)
class Projection(Explanation):
    """A signal projected to the pixels, for a batch of N inputs.

    `raw` (N, C, H, W) float32; `image` the input. `target`: per sample the class, or
    `feature 7` of a layer; `score`: its logit or activation. `relus`: how many ReLUs went back by the method's rule.
    """

    section = "projections"

    relus: int

    @property
    def map(self) -> np.ndarray:
        """(N, H, W) in 0..1: the largest magnitude over the channels, scaled per sample."""
        size = np.abs(self.raw).max(1)
        largest = size.max(tuple(range(1, size.ndim)), keepdims=True)
        scaled: np.ndarray = size / np.maximum(largest, np.finfo(np.float32).tiny)
        return scaled

    def box(self, index: int = 0) -> tuple[int, ...]:
        """(left, top, right, bottom) around all pixels that the signal reached; right, bottom exclusive; 0 if none.

        As of `Heatmap.points_at`: of a signal (left, right), of a volume x, y and z, the first ones and the last.
        """
        if not self.raw[index].any():
            return (0,) * (2 * (self.raw.ndim - 2))
        axes = self._reached(index)[::-1]
        return (*(axis.start for axis in axes), *(axis.stop for axis in axes))

    def patch(self, index: int = 0) -> tuple[Image.Image, Image.Image]:
        """The input and the signal where it reached the input, as pictures. A volume's are slices within its box."""
        if self.raw.ndim == 4:
            left, top, right, bottom = self.box(index)
            box = left, top, right, bottom
            return self.input_image(index).crop(box), self.picture(index).crop(box)
        where = (slice(index, index + 1), slice(None), *self._reached(index))
        cut = replace(self, raw=self.raw[where], image=self.image[where])
        return cut.input_image(), cut.picture()

    def _reached(self, index: int) -> list[slice]:
        """Along each axis of the space, from the first to the last place that the signal reached."""
        size = np.abs(self.raw[index]).max(0)
        others = [tuple(d for d in range(size.ndim) if d != axis) for axis in range(size.ndim)]
        found = [np.flatnonzero(size.max(axes)) for axes in others]
        return [slice(int(places[0]), int(places[-1]) + 1) for places in found]

    def picture(self, index: int = 0) -> Image.Image:
        """The signal around mid-grey, scaled to the 98th percentile of its magnitude where it reached the input.

        What is stronger is clipped: few strong pixels do not leave all others grey. A signal's is drawn as colours
        beneath its line, a volume's as a row of slices.
        """
        return self._over(self.input_image(index), index)

    def _over(self, picture: Image.Image, index: int) -> Image.Image:
        signal = self.raw[index]
        if signal.ndim == 2:
            return laid_over(picture, plane(self.map[index]), is_signal=True)
        if signal.ndim == 4:
            signal = np.concatenate([signal[:, i] for i in self._slices(index)], 2)
        signal = signal[:3] if len(signal) >= 3 else signal[:1].repeat(3, 0)
        scaled = to_image((0.5 + signal / (2 * self._bound(index))).transpose(1, 2, 0))
        return scaled.resize(picture.size, Image.Resampling.BOX)  # enlarged in whole steps: as they are

    def _slices(self, index: int) -> list[int]:
        return slices(self.map[index]) if self.raw.ndim == 5 else []

    def _bound(self, index: int) -> float:
        """The magnitude that is drawn black or white."""
        size = np.abs(self.raw[index])
        if not size.any():
            return 1.0
        reached = size[(slice(None), *self._reached(index))]
        return float(np.percentile(reached, CLIPPED)) or float(size.max())

    def __repr__(self) -> str:
        return f"Projection({self.title}, {'x'.join(map(str, self.raw.shape))}, {self.relus} ReLUs)"

    def _repr_png_(self) -> bytes:
        import base64

        return base64.b64decode(to_base64(self._over(shown(self.input_image()), 0)))

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `projections`."""
        return self._entry(relus=self.relus)


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
    _refuse_without_layer(subject, feature, call, layer)
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
    images = find_images(subject, image)
    heatmap = mapped(images, target=target, layer=layer, call=call)
    classes = target if callable(target) else cast("list[int]", list(heatmap.target))
    guided = projected(images, "guided", target=classes)
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
        top=heatmap.top,
        probability=heatmap.probability,
        notes=tuple(dict.fromkeys((*heatmap.notes, *guided.notes))),
    )


def _refuse_without_layer(subject: Subject, feature: int | None, call: int, layer: Layer) -> None:
    given = f"feature={feature!r}" if feature is not None else f"call={call!r}" if call != -1 else ""
    if given and layer is None:
        raise ExplanationError(f"{subject.name}: {given} needs the layer that it is of: layer='...'")


def _refuse_empty(raw: Tensor, subject: Subject, layer: str) -> None:
    if not torch.isfinite(raw).all():
        raise ExplanationError(f"{subject.name}: the projection holds NaN or infinite values")
    empty = [i for i, sample in enumerate(raw) if not sample.any()]
    if empty:
        raise NothingArrivedError(
            f"{subject.name}: no signal{f' of layer {layer!r}' if layer else ''} reaches the pixels of "
            f"sample {empty[0]}; choose another layer, feature or target"
        )
