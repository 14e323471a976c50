"""Composite operators that are one operator: counted whole, whatever kernels a device has for them.

Some operators are made of others, and of which depends on device, phase and grad mode: attention is one fused kernel
here, two products and a softmax there. With gradients, or under `no_grad`, autograd takes them apart before a dispatch
mode sees them. So while a counter is at work these operators have a kernel of ours just before autograd's: it hands the
call to the counter, and what the operator is made of runs unseen. On other threads, and in a transform of torch.func,
whose tensors do not have the shapes that run, the kernel does what torch does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

import torch
from torch.library import _scoped_library

if TYPE_CHECKING:
    from .operators import Overload

Whole: TypeAlias = Callable[..., object]  # (overload, arguments, keywords) -> its result

COMPOSITES = (
    "linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d "
    "scaled_dot_product_attention lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell rnn_relu_cell "
    "batch_norm layer_norm group_norm instance_norm rms_norm max_pool1d max_pool2d max_pool3d"
)


@contextmanager
def composites_whole(counts: Callable[[], bool], run: Whole, devices: Iterable[str]) -> Iterator[None]:
    """In the block, composite operators of tensors on `devices` are `run`, while it `counts`."""
    at_work = [(counts, run)]
    keys = {f"Autograd{_KEYS.get(device, device.upper())}" for device in devices}
    with _scoped_library("aten", "IMPL") as library:
        for overload in _overloads():
            kernel = _kernel(overload, at_work)
            for key in keys:
                if key in _PLAIN or not torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), key):
                    library.impl(overload, kernel, key)
        try:
            yield
        finally:
            at_work.clear()  # torch keeps the last kernels: they must keep no model


_KEYS = {"meta": "Meta"}
_PLAIN = ("AutogradCPU", "AutogradMeta")  # others may have a kernel, and with it a gradient, of their own


def _kernel(overload: Overload, at_work: list[tuple[Callable[[], bool], Whole]]) -> Whole:
    def kernel(*args: object, **kwargs: object) -> object:
        for counts, run in at_work:
            if counts():
                return run(overload, args, kwargs)
        return overload.decompose(*args, **kwargs)

    return kernel


@functools.cache
def _overloads() -> tuple[Overload, ...]:
    packets = [getattr(torch.ops.aten, name) for name in COMPOSITES.split() if hasattr(torch.ops.aten, name)]
    overloads = (getattr(packet, name) for packet in packets for name in packet.overloads())
    return tuple(overload for overload in overloads if overload._can_decompose())
