"""The methods of the CAM family that try what happens: AblationCAM, ScoreCAM; and CAM itself, which reads the head."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import ExplanationError, ModelRunError
from ...model.subject import Inputs, Subject
from ...progress import progress
from .capture import Captured, replaced_output
from .formulas import places, weighed
from .images import Images, resized
from .layers import as_map, layout
from .logits import class_logits
from .runs import as_written, exactly
from .targets import Target, score

CHUNK_BYTES, CHUNK = 256 * 2**20, 256  # of activations at the layer, and of samples, in one run
MASKED_AT_ONCE = 16


@dataclass(frozen=True)
class Probe:
    """What these methods start from: the layer, and what one run captured there."""

    images: Images
    name: str
    layer: nn.Module
    target: Target
    captured: Captured

    @property
    def subject(self) -> Subject:
        """Whose picture it is."""
        return self.images.subject

    def score(self, output: object, sample: int, samples: int) -> Tensor:
        """The scores (samples,) of the target that `sample` of the batch has."""
        targets = self.captured.target
        target = (
            self.target if callable(self.target) else cast("int", targets[sample if len(targets) > 1 else 0])
        )
        values, _ = score(output, target, samples)
        if len(values) != samples:
            raise ExplanationError(
                "this method scores many changed copies at once: the target must return one score per sample"
            )
        return values.float()

    def inputs(self, sample: int, pictures: Tensor) -> Inputs:
        """The inputs of one sample, with `pictures` (K, C, *space) in place of its own."""
        return self.images.inputs(pictures, sample)


def cam(probe: Probe) -> Tensor:
    """Zhou et al. 2016: features weighted as the linear layer behind global average pooling weighs them."""
    head = pooled_head(probe)
    if head is None:
        raise ExplanationError(
            f"{probe.subject.name}: CAM needs a head of global average pooling and one linear layer behind "
            f"{probe.name!r}; this one is another. Take gradcam(), which gives the same for such heads."
        )
    return weighed(_class_weights(probe, head), _activation(probe))


def ablation_cam(probe: Probe) -> Tensor:
    """Desai and Ramaswamy 2020: features weighted by how far the score falls without them, relative to its size.

    Its size, so that a negative score does not turn the map round, as the paper's formula would.
    From the layer onward only, many features in one run; exact without any run for pooling and a linear layer.
    """
    head = None if callable(probe.target) else pooled_head(probe)
    activation = _activation(probe)
    if head is not None:
        drops = _class_weights(probe, head) * activation.mean(places(activation))
    else:
        drops = torch.stack([_drops(probe, sample) for sample in range(len(activation))])
    size = torch.tensor(probe.captured.score, device=drops.device).abs().clamp_min(1e-12)
    return weighed(drops / size[:, None], activation)


def score_cam(probe: Probe) -> Tensor:
    """Wang et al. 2020: features weighted by the score (softmax over features) of the input seen through each."""
    activation, images = _activation(probe), probe.images.batch
    masks = resized(activation, probe.images.size)
    grid = places(masks)
    low, high = masks.amin(grid, keepdim=True), masks.amax(grid, keepdim=True)
    masks = (masks - low) / torch.where(high > low, high - low, torch.inf)
    total = len(masks) * masks.shape[1]
    with _running(probe), progress("ScoreCAM", total) as step:
        weights = torch.stack([_seen_through(probe, i, images[i], m, step) for i, m in enumerate(masks)])
    return weighed(weights.softmax(1), activation)


def _seen_through(
    probe: Probe, sample: int, image: Tensor, masks: Tensor, step: Callable[[int], None]
) -> Tensor:
    """The score (C,) of the sample's image under each mask (C, *space)."""
    scores = []
    for part in torch.split(masks, MASKED_AT_ONCE):
        seen = image * part[:, None]
        masked = (seen if image.is_floating_point() else seen.round()).to(image.dtype)
        output = probe.subject.run(probe.inputs(sample, masked))
        scores.append(probe.score(output, sample, len(part)))
        step(len(part))
    return torch.cat(scores)


def _drops(probe: Probe, sample: int) -> Tensor:
    """By how much the score of one sample falls without each feature (C,)."""
    whole = probe.captured.activation[sample : sample + 1]
    dim = layout(whole, probe.images, probe.name).channels
    own = torch.tensor(probe.captured.score, device=whole.device)[min(sample, len(probe.captured.score) - 1)]
    scores = []
    with _running(probe), progress("AblationCAM", whole.shape[dim]) as step:
        for features in _chunks(whole, dim):
            copies = whole.repeat(len(features), *[1] * (whole.dim() - 1))
            copies.movedim(dim, 1)[torch.arange(len(features)), features] = 0
            scores.append(_continued(probe, sample, copies))
            step(len(features))
    return own - torch.cat(scores)


def _chunks(whole: Tensor, dim: int) -> Iterator[Tensor]:
    most = max(1, min(CHUNK, CHUNK_BYTES // (whole.numel() * whole.element_size())))
    yield from torch.split(torch.arange(whole.shape[dim]), most)


def _continued(probe: Probe, sample: int, copies: Tensor) -> Tensor:
    """The scores (K,) with each of `copies` (K, ...) as the layer's output, from the layer onward.

    What comes before runs on one sample, and its batch grows at the layer; a model that minds is given K inputs.
    """
    with replaced_output(probe.layer, probe.captured.call, lambda _: copies.clone()):
        try:
            output = probe.subject.run(probe.inputs(sample, probe.images.batch[sample : sample + 1]))
            return probe.score(output, sample, len(copies))
        except (ModelRunError, ExplanationError):
            image = probe.images.batch[sample]
            many = image.expand(len(copies), *image.shape)
    with replaced_output(probe.layer, probe.captured.call, lambda _: copies.clone()):
        output = probe.subject.run(probe.inputs(sample, many))
    return probe.score(output, sample, len(copies))


def pooled_head(probe: Probe) -> nn.Linear | None:
    """The linear layer that makes the logits from the layer's spatial mean, recognised by its numbers; or None."""
    activation = _activation(probe)
    pooled = activation.mean(places(activation))
    try:
        logits = class_logits(probe.captured.output)
    except ExplanationError:
        return None
    for head, given, made in probe.captured.heads:
        if given.shape == pooled.shape and made.shape == logits.shape and torch.equal(made, logits):
            tolerance = max(1e-4, 2 * torch.finfo(given.dtype).eps) * float(
                pooled.abs().max().clamp_min(1e-12)
            )
            if float((given.float() - pooled).abs().max()) <= tolerance:
                return head
    return None


def _class_weights(probe: Probe, head: nn.Linear) -> Tensor:
    """How the score depends on the pooled features (N, C): a class's row of the head, or a target's own mix of rows."""
    weight = head.weight.detach().float()
    if not callable(probe.target):
        return weight[torch.tensor(probe.captured.target)]
    activation = _activation(probe)
    pooled = activation.mean(places(activation)).requires_grad_()
    bias = None if head.bias is None else head.bias.detach().float()
    with torch.inference_mode(False), torch.enable_grad(), exactly():
        values, _ = score(F.linear(pooled, weight, bias), probe.target, len(pooled))
        (gradient,) = torch.autograd.grad(values.sum(), pooled)
    return gradient


def _activation(probe: Probe) -> Tensor:
    return as_map(probe.captured.activation, probe.images, probe.name).float()


@contextmanager
def _running(probe: Probe) -> Iterator[None]:
    """Observe the probe's model, without a graph."""
    with torch.inference_mode(False), probe.subject.restored(), torch.no_grad(), as_written():
        yield


PROBES: dict[str, tuple[str, Callable[[Probe], Tensor]]] = {
    "cam": ("CAM", cam),
    "ablation_cam": ("AblationCAM", ablation_cam),
    "score_cam": ("ScoreCAM", score_cam),
}
