"""Padding: a detector resizes its pictures and pads them to one batch; which share of it does each picture take?"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.modules.module import register_module_forward_hook

from .images import Images
from .layouts import Size


@dataclass
class Padded:
    """`sizes` of the pictures within a batch of the size `whole`; none while no padded batch was met."""

    whole: Size = ()
    sizes: list[Size] = field(default_factory=list)

    def extent(self, samples: int) -> tuple[tuple[float, ...], ...]:
        """Per sample the share of the batch that its picture takes, from the first corner on; () if all take all."""
        shares = tuple(tuple(n / of for n, of in zip(size, self.whole, strict=True)) for size in self.sizes)
        is_whole = all(share == 1 for sample in shares for share in sample)
        return () if is_whole or len(shares) != samples else shares


@contextmanager
def padding(images: Images) -> Iterator[Padded]:
    """In the block the first padded batch is noted that one of the model's modules gets or gives."""
    thread, padded = threading.get_ident(), Padded()

    def note(module: object, args: tuple[object, ...], output: object) -> None:
        if padded.sizes or threading.get_ident() != thread:
            return
        for value in (*args, *(output if isinstance(output, (tuple, list)) else (output,))):
            if not isinstance(value, Tensor):
                _read(value, len(images.size), padded)

    handle = register_module_forward_hook(note)
    try:
        yield padded
    finally:
        handle.remove()


def _read(value: object, dims: int, padded: Padded) -> None:
    """Of an ImageList (torchvision, detectron2) its sizes, of a NestedTensor (DETR) those that its mask leaves."""
    batch = getattr(value, "tensors", getattr(value, "tensor", None))
    if not isinstance(batch, Tensor) or batch.dim() != dims + 2:
        return
    sizes, mask = getattr(value, "image_sizes", None), getattr(value, "mask", None)
    if isinstance(mask, Tensor) and mask.dim() == dims + 1:
        sizes = [tuple(int(i.max()) + 1 for i in (~one.bool()).nonzero().unbind(1)) for one in mask]
    if sizes is not None and len(sizes) == len(batch) and all(len(size) == dims for size in sizes):
        padded.whole = tuple(batch.shape[2:])
        padded.sizes = [tuple(int(n) for n in size) for size in sizes]
