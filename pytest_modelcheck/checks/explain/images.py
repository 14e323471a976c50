"""Images: which of the inputs is the picture that is explained, and how the model wants it laid out."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import ExplanationError
from ...model.subject import Inputs, Subject
from ...text import not_one_of

Size: TypeAlias = tuple[int, ...]
ImageChoice: TypeAlias = int | str | None
"""The n-th tensor of the inputs, the name of an argument, or None: the one that looks like a picture."""
CHANNELS = (1, 3, 4)  # of what is a picture beyond doubt: grey, colour, colour and one more


@dataclass(frozen=True)
class Images:
    """The picture among a subject's inputs.

    `places`: which of the inputs' tensors it is, from 0: one for a batch, one for each image of a detector's list.
    `axes` of each: a letter for each dimension, N samples, C channels, S space (`NCSS`, `NSSC`; `CSS`: one sample).
    """

    subject: Subject
    places: tuple[int, ...]
    axes: str

    @cached_property
    def batch(self) -> Tensor:
        """The pictures (N, C, *space), whatever layout the model takes."""
        tensors = self.subject.require_inputs().tensors
        return self.read([tensors[place].detach() for place in self.places])

    @property
    def size(self) -> Size:
        """The pictures' space: length; height and width; depth, height and width."""
        return tuple(self.batch.shape[2:])

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"input {self.places[0]}"

    def read(self, leaves: list[Tensor]) -> Tensor:
        """(N, C, *space) of tensors as the model takes them."""
        joined = leaves[0] if "N" in self.axes else torch.stack(leaves)
        return joined.permute(_first(self._stacked))

    def inputs(
        self, batch: Tensor, sample: int | None = None, own: Callable[[Tensor], Tensor] = torch.Tensor.clone
    ) -> Inputs:
        """The subject's inputs, copied, with `batch` (K, C, *space) in place of the picture.

        `sample`: all other inputs are those of this sample, K times. `own` makes the tensors that the model gets for
        the picture of what they are: a copy.
        """
        dims = _first(self._stacked)
        laid_out = batch.permute([dims.index(d) for d in range(len(dims))])
        pictures = [laid_out] if "N" in self.axes else list(laid_out)
        given = dict(zip(self.places, pictures, strict=True)) if len(self.places) == len(pictures) else {}
        numbers, samples = itertools.count(), len(self.batch)

        def pick(leaf: object) -> object:
            if not isinstance(leaf, Tensor):
                return leaf
            number = next(numbers)
            if number in given:
                return own(given[number])
            leaf = leaf.detach().clone()
            if sample is None or leaf.dim() == 0 or leaf.shape[0] != samples:
                return leaf
            return leaf[sample : sample + 1].expand(len(batch), *leaf.shape[1:]).clone()

        with torch.inference_mode(False):
            return self.subject.require_inputs().map(pick)

    def differentiable(self) -> tuple[Inputs, list[Tensor]]:
        """The inputs with the picture as leaves to differentiate by, and these; the model gets copies of them.

        A picture of whole numbers becomes one of floats.
        """
        leaves: list[Tensor] = []

        def own(leaf: Tensor) -> Tensor:
            floats = leaf if leaf.is_floating_point() else leaf.float()
            leaves.append(floats.detach().clone().requires_grad_())
            return leaves[-1].clone()

        with torch.inference_mode(False), torch.enable_grad():
            return self.inputs(self.batch, own=own), leaves

    @property
    def _stacked(self) -> str:
        return self.axes if "N" in self.axes else f"N{self.axes}"


def _first(axes: str) -> list[int]:
    """The dimensions in the order N, C, space."""
    channels = [axes.index("C")] if "C" in axes else []
    return [axes.index("N"), *channels, *(i for i, axis in enumerate(axes) if axis == "S")]


def find_images(subject: Subject, image: ImageChoice = None) -> Images:
    """The picture among the inputs: `image`, or the one that looks like one.

    Raises ExplanationError if there is none, if a detector's are of several sizes, and on the meta device.
    """
    tensors = subject.require_inputs().tensors
    if any(t.is_meta for t in tensors):
        raise ExplanationError(f"{subject.name} is on the meta device: there are no weights to explain")
    if image is not None:
        return _named(subject, image)
    batches = [i for i, t in enumerate(tensors) if t.dim() == 4 and t.numel()]
    if batches:
        return Images(subject, (batches[0],), "NCSS")
    single = [
        i for i, t in enumerate(tensors) if t.dim() == 3 and t.shape[0] in (1, 3) and t.is_floating_point()
    ]
    if len({tensors[i].shape for i in single}) == 1:
        return Images(subject, tuple(single), "CSS")
    raise ExplanationError(
        f"{subject.name}: a heatmap needs an image input (N, C, H, W), or images (C, H, W) of one size; "
        f"the inputs are {subject.inputs}"
    )


def _named(subject: Subject, image: int | str) -> Images:
    tensors = subject.require_inputs().tensors
    numbers = [str(i) for i in range(len(tensors))]
    if str(image) not in numbers:
        raise ExplanationError(not_one_of("image", str(image), numbers))
    return Images(subject, (int(image),), "NCSS")


def resized(maps: Tensor, size: Size) -> Tensor:
    """`maps` (N, C, *grid) at `size`, linearly (align_corners=False)."""
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    return F.interpolate(maps, size=size, mode=mode, align_corners=False)
