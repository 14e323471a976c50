"""Images: which of the inputs is the picture that is explained, and how the model wants it laid out."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._pytree import tree_flatten_with_path

from ...errors import ExplanationError
from ...model.parts import modules_of
from ...model.shapes import is_plain, shape_words
from ...model.subject import Inputs, Subject, dtype_name
from ...text import not_one_of
from .entrances import Entrance, Entrances, NoPictureError, entrances, space_of
from .layouts import Layout, Size

ImageChoice: TypeAlias = int | str | None
"""The n-th tensor of the inputs, the name of an argument, or None: the one that looks like a picture."""

CHANNELS = (1, 3, 4)  # of what is a picture by its shape: grey, colour, colour and one more


@dataclass(frozen=True)
class Images:
    """The picture among a subject's inputs.

    `places`: which of the inputs' tensors it is, from 0: one for a batch, one for each image of a detector's list.
    `axes` of each: a letter for each dimension, N samples, C channels, S space (`NCSS`, `NSSC`; `CSS`: one sample;
    `NS`: one channel). `name`: what messages call it. `notes`: what a reader must know of the choice. `layouts` and
    `tokens`: what forwards showed of layers by name, and of the grid of so many tokens, with those in front of it.
    """

    subject: Subject
    places: tuple[int, ...]
    axes: str
    name: str = "input 0"
    notes: tuple[str, ...] = ()
    layouts: dict[str, Layout] = field(default_factory=dict, compare=False)
    tokens: dict[int, tuple[Size, int]] = field(default_factory=dict, compare=False)

    @cached_property
    def batch(self) -> Tensor:
        """The pictures (N, C, *space), whatever layout the model takes."""
        tensors = self.subject.require_inputs().tensors
        return self.read([tensors[place].detach() for place in self.places])

    @property
    def are_alone(self) -> bool:
        """Whether there are no other inputs beside the pictures."""
        return len(self.places) == len(self.subject.require_inputs().tensors)

    @property
    def size(self) -> Size:
        """The pictures' space: length; height and width; depth, height and width."""
        return tuple(self.batch.shape[2:])

    def read(self, leaves: list[Tensor]) -> Tensor:
        """(N, C, *space) of tensors as the model takes them."""
        joined = leaves[0] if "N" in self.axes else torch.stack(leaves)
        ordered = joined.permute(_first(self._stacked))
        return ordered if "C" in self.axes else ordered.unsqueeze(1)

    def inputs(
        self, batch: Tensor, sample: int | None = None, own: Callable[[Tensor], Tensor] = torch.Tensor.clone
    ) -> Inputs:
        """The subject's inputs, copied, with `batch` (K, C, *space) in place of the picture.

        `sample`: all other inputs are those of this sample, K times. `own` makes the tensors that the model gets for
        the picture of what they are: a copy.
        """
        dims = _first(self._stacked)
        ordered = batch if "C" in self.axes else batch.squeeze(1)
        laid_out = ordered.permute([dims.index(d) for d in range(len(dims))])
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

    def differentiable(self, one: bool = False) -> tuple[Inputs, list[Tensor]]:
        """The inputs with the picture as leaves to differentiate by, and these; the model gets copies of them.

        `one`: of the first sample alone. A picture of whole numbers becomes one of floats.
        """
        leaves: list[Tensor] = []

        def own(leaf: Tensor) -> Tensor:
            floats = leaf if leaf.is_floating_point() else leaf.float()
            leaves.append(floats.detach().clone().requires_grad_())
            return leaves[-1].clone()

        with torch.inference_mode(False), torch.enable_grad():
            if one:
                return self.inputs(self.batch[:1], 0, own), leaves
            return self.inputs(self.batch, own=own), leaves

    @property
    def _stacked(self) -> str:
        return self.axes if "N" in self.axes else f"N{self.axes}"


def _first(axes: str) -> list[int]:
    """The dimensions in the order N, C, space."""
    channels = [axes.index("C")] if "C" in axes else []
    return [axes.index("N"), *channels, *(i for i, axis in enumerate(axes) if axis == "S")]


def find_images(subject: Subject, image: ImageChoice = None) -> Images:
    """The picture among the inputs: `image`, or the one that looks like one, to the model above all.

    Raises ExplanationError if there is none, if a detector's are of several sizes, and on the meta device.
    """
    tensors = subject.require_inputs().tensors
    if any(t.is_meta for t in tensors):
        raise ExplanationError(f"{subject.name} is on the meta device: there are no weights to explain")
    paths = input_paths(subject)
    asked = list(range(len(tensors))) if image is None else _named(image, paths)
    candidates = [i for i in asked if _may_be_picture(tensors[i])]
    listed = _list_of_images(tensors, paths, candidates)
    if len(listed) == 1 and isinstance(image, int):  # one of a list means all: the model takes them together
        listed = [i for i, path in enumerate(paths) if _pattern(path) == _pattern(paths[image])]
    if listed:
        return _checked_list(subject, listed, paths, image)
    surest = [i for i in candidates if image is None and _is_beyond_doubt(subject, tensors[i])]
    if len(surest) == 1 and all(tensors[i].dim() == 2 for i in candidates if i not in surest):
        return Images(subject, tuple(surest), "NCSS", _called(paths, surest[0], image))
    seen = entrances(subject, candidates) if candidates else Entrances({})
    readings = {i: axes for i in candidates if (axes := _axes(subject, tensors[i], seen.found.get(i), image))}
    if not readings:
        raise seen.error or _no_picture(subject, image, asked, paths)
    ranks = {i: _rank(tensors[i], i, axes, seen) for i, axes in readings.items()}
    best = min(readings, key=lambda i: (ranks[i], i))
    equals = [i for i in readings if i != best and ranks[i][:4] == ranks[best][:4] and image is None]
    notes = [_taken(tensors[best], readings[best], paths[best])] if tensors[best].dim() in (2, 3) else []
    notes += [_another(paths, best, equals)] if equals else []
    return Images(subject, (best,), readings[best], _called(paths, best, image), tuple(notes))


def input_paths(subject: Subject) -> list[str]:
    """What each tensor of the inputs is called: its argument, then keys and positions within; with points between."""
    inputs = subject.require_inputs()
    try:
        parameters = list(inspect.signature(subject.module.forward).parameters.values())
    except (TypeError, ValueError):  # scripted
        parameters = []
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    args = {positional[i] if i < len(positional) else str(i): arg for i, arg in enumerate(inputs.args)}
    leaves, _ = tree_flatten_with_path((args, dict(inputs.kwargs)))
    return [".".join(str(_key(key)) for key in keys[1:]) for keys, leaf in leaves if isinstance(leaf, Tensor)]


def _key(key: object) -> object:
    """A position, a key, or the name of a field."""
    return next(getattr(key, name) for name in ("idx", "key", "name") if hasattr(key, name))


def _named(image: int | str, paths: list[str]) -> list[int]:
    """The tensors that a choice means: one, or those within an argument."""
    if isinstance(image, int) and not isinstance(image, bool) and 0 <= image < len(paths):
        return [image]
    found = [i for i, path in enumerate(paths) if path == image or path.startswith(f"{image}.")]
    if not found or not isinstance(image, str):
        raise ExplanationError(not_one_of("image", image, [*range(len(paths)), *paths]))
    return found


def _pattern(path: str) -> str:
    """The same for all items of a list."""
    first, *rest = path.split(".")
    return ".".join([first, *("*" if part.isdigit() else part for part in rest)])


def _may_be_picture(tensor: Tensor) -> bool:
    """Of a kind and with places: no indices, no scale, no vector."""
    kind = is_plain(tensor) and (tensor.is_floating_point() or tensor.dtype is torch.uint8)
    return kind and 2 <= tensor.dim() <= 5 and tensor.numel() > 0 and _has_places(tuple(tensor.shape))


def _has_places(shape: Size) -> bool:
    """Whether a shape may have some: more than a number for each sample, or for each channel of a picture."""
    large = sum(n > 1 for n in shape)
    is_one_signal = len(shape) == 2 or (len(shape) == 3 and shape[0] == 1)
    return large > 1 or (large == 1 and is_one_signal)


def _is_beyond_doubt(subject: Subject, tensor: Tensor) -> bool:
    """(N, C, H, W) of so few channels, in a model of two-dimensional convolutions: nothing needs to be tried."""
    if tensor.dim() != 4 or tensor.shape[1] not in CHANNELS or min(tensor.shape[2:]) < 5:
        return False
    spaces = {m: space_of(m) for m in modules_of([subject.module])}
    found = {(space, cast("int", m.in_channels)) for m, space in spaces.items() if space is not None}
    return not found or ({space for space, _ in found} == {2} and (2, tensor.shape[1]) in found)


def _axes(subject: Subject, tensor: Tensor, entrance: Entrance | None, image: ImageChoice) -> str:
    """How a tensor is laid out, by the convolution that gets it; without one by its shape; "" if it is no picture."""
    dims, shape = tensor.dim(), tuple(tensor.shape)
    if entrance is None:
        return _axes_by_shape(shape, named=image is not None)
    others, channels = dims - entrance.space, entrance.channels
    if others == 3:
        raise ExplanationError(
            f"{subject.name}: the model sees the frames of the video {shape_words(tensor)} one at a time, and has no "
            "map of all of them: give one frame as a video, or choose another picture with image="
        )
    if others == 2:
        places = [i for i in (1, dims - 1, *range(2, dims - 1)) if shape[i] == channels]
        place = places[0] if places else 1 if shape[1] in CHANNELS or shape[-1] not in CHANNELS else dims - 1
        return "N" + "".join("C" if i == place else "S" for i in range(1, dims))
    if others == 1:
        if shape[0] == channels and entrance.samples == 1:
            return "C" + "S" * entrance.space
        if shape[-1] == channels and entrance.samples == 1 and channels > 1:
            return "S" * entrance.space + "C"
        return "N" + "S" * entrance.space
    return "S" * entrance.space if others == 0 else ""


def _axes_by_shape(shape: Size, named: bool) -> str:
    """Where no convolution gets it."""
    if len(shape) > 3:
        is_last = shape[-1] in CHANNELS and shape[1] not in CHANNELS
        space = "S" * (len(shape) - 2)
        return f"N{space}C" if is_last else f"NC{space}"
    return {2: "NS", 3: "NSC"}[len(shape)] if named else ""


def _rank(tensor: Tensor, place: int, axes: str, seen: Entrances) -> tuple[bool, ...]:
    """Less is better: convolutions get it; it is no mask; the output depends on it; in its own size; it has colours."""
    entrance = seen.found.get(place)
    space = tuple(size for size, axis in zip(tensor.shape, axes, strict=True) if axis == "S")
    is_changed = entrance is not None and entrance.shape[-entrance.space :] != space
    channels = tensor.shape[axes.index("C")] if "C" in axes else 1
    reads = seen.reads is None or place in seen.reads
    return place not in seen.found, _is_mask(tensor), not reads, is_changed, channels not in (3, 4)


def _is_mask(tensor: Tensor) -> bool:
    """Whether it has two values only."""
    return bool(((tensor == tensor.min()) | (tensor == tensor.max())).all())


def _list_of_images(tensors: list[Tensor], paths: list[str], candidates: list[int]) -> list[int]:
    """The images (C, H, W) of a list, as detectors take them; [] if there is none."""
    found = [i for i in candidates if tensors[i].dim() == 3 and tensors[i].shape[0] in CHANNELS]
    patterns = [_pattern(paths[i]) for i in found if _pattern(paths[i]) != paths[i]]
    return [i for i in found if _pattern(paths[i]) == patterns[0]] if patterns else []


def _checked_list(subject: Subject, listed: list[int], paths: list[str], image: ImageChoice) -> Images:
    tensors = subject.require_inputs().tensors
    shapes = dict.fromkeys("x".join(map(str, tensors[i].shape)) for i in listed)
    if len(shapes) > 1:
        raise ExplanationError(
            f"{subject.name}: the images are of several sizes, {', '.join(shapes)}: their maps do not fit together. "
            "Give one at a time."
        )
    return Images(subject, tuple(listed), "CSS", _called(paths, listed[0], image))


def _called(paths: list[str], place: int, image: ImageChoice) -> str:
    return f"argument {image!r}" if isinstance(image, str) else f"input {place} ({paths[place]})"


def _taken(tensor: Tensor, axes: str, path: str) -> str:
    words = {"N": "samples", "C": "channels"}
    shape = "x".join(map(str, tensor.shape))
    read = ", ".join(words.get(axis, "places") for axis in axes)
    return f"{path} ({shape}) was read as ({read})"


def _another(paths: list[str], best: int, equals: list[int]) -> str:
    others = ", ".join(f"image={paths[i]!r}" for i in equals)
    return (
        f"the picture is {paths[best]}; there {'is another' if len(equals) == 1 else 'are others'}: {others}"
    )


def _no_picture(subject: Subject, image: ImageChoice, asked: list[int], paths: list[str]) -> NoPictureError:
    tensors = subject.require_inputs().tensors
    if image is not None:
        shown = ", ".join(f"{shape_words(tensors[i])} {dtype_name(tensors[i])}" for i in asked)
        return NoPictureError(
            f"{subject.name}: image={image!r} is no picture: it is {shown}; {_choices(paths)}"
        )
    return NoPictureError(
        f"{subject.name}: a heatmap needs an image input (N, C, H, W), images (C, H, W) of one size, a signal "
        f"(N, C, L) or a volume (N, C, D, H, W); the inputs are {subject.inputs}.\n"
        f"If one of them is one all the same, name it: image='...' ({_choices(paths)})."
    )


def _choices(paths: list[str]) -> str:
    return f"the inputs are called {', '.join(map(repr, paths))}" if paths else "there are no tensors"


def resized(maps: Tensor, size: Size) -> Tensor:
    """`maps` (N, C, *grid) at `size`, linearly (align_corners=False)."""
    mode = {1: "linear", 2: "bilinear", 3: "trilinear"}[len(size)]
    return F.interpolate(maps, size=size, mode=mode, align_corners=False)


def grown(maps: Tensor, size: Size, extent: tuple[float, ...] = ()) -> Tensor:
    """`maps` (N, *grid) at `size`, as `resized` does it: of each the share that the picture takes (`extent`)."""
    if not extent:
        return resized(maps[:, None], size)[:, 0]
    return torch.stack([_cropped(one, size, extent) for one in maps])


def _cropped(grid: Tensor, size: Size, share: tuple[float, ...]) -> Tensor:
    """The first `share` of a map at `size`: linear between the middles of its places, dimension by dimension."""
    for dim, (pixels, part) in enumerate(zip(size, share, strict=True)):
        places = grid.shape[dim]
        at = ((torch.arange(pixels, dtype=torch.float64) + 0.5) / pixels * part * places - 0.5).clamp(
            0, places - 1
        )
        low = at.floor().long()
        high, right = (low + 1).clamp_max(places - 1), (at - low).to(grid)
        first, last = grid.movedim(dim, -1)[..., low], grid.movedim(dim, -1)[..., high]
        grid = (first * (1 - right) + last * right).movedim(-1, dim)
    return grid
