"""Run a model and leave no trace: one context manager that saves everything and puts it back.

What a forward, a hook or a failed model can change is saved by reference, which costs next to nothing, and the
large tensors are protected lazily: a parameter is copied only when something is about to write to it (see guard).
Small buffers are copied: some operators write to them without saying so (aten::native_batch_norm).
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..errors import SubjectError
from .guard import CopyOnWrite
from .parts import modules_of
from .shapes import sizes
from .state.containers import Dicts, put_dict
from .state.held import Held
from .state.process import Process
from .undoing import undoing

T = TypeVar("T", bound=Tensor)
SMALL = 2**20  # bytes, up to which a tensor is copied; larger ones are when they are written to
TINY = 2**16  # bytes, up to which it is copied and compared together with others
ONE_AT_A_TIME = threading.RLock()  # two threads that save and restore one model would mix up their states


@contextmanager
def observe(
    *watched: object, train: bool = False, frozen: bool = False, guard: bool = True, replaced: bool = False
) -> Iterator[Observed]:
    """Put modules into eval (or train) mode for the block; afterwards nothing of section 4 of the contract differs.

    `watched`: modules, and what they are called with. Restored, whatever the block raises: training flags, parameters,
    buffers, `.grad`, `requires_grad` and hooks of every module; whatever else it, its code and its inputs keep
    (`Held`); RNG state, modes and settings of torch, numpy and python.
    `frozen`: in the block no parameter asks for a gradient. Train mode leaves the caller's inference mode, in which
    there are no gradients. `guard=False` saves the watch over large tensors, for a block that never touches them; the
    block gets it as a context manager, for a part that does. `replaced`: the block puts others in the place of
    parameters and buffers, whose values then need no copy. What torch.export made keeps the mode it was exported in.
    Raises SubjectError for parameters that are not initialised yet (lazy modules).
    """
    modules = [root for root in watched if isinstance(root, nn.Module)]
    with ONE_AT_A_TIME, torch.inference_mode(False) if train else nullcontext():
        parts = modules_of(modules)
        process, held = Process(), Held(parts, [root for root in watched if not isinstance(root, nn.Module)])
        parameters, buffers = _tensors(parts)
        if any(map(is_lazy, (*parameters.values(), *buffers.values()))):
            for module in modules:
                refuse_lazy(module)
        if replaced and not any(map(_merges, parts)):
            parameters, buffers = {}, {}  # nothing there can touch them
        hidden = _tensors(held.modules)
        known = parameters.keys() | buffers.keys()
        found = _by_identity([*held.tensors, *hidden[0].values(), *hidden[1].values()])
        others = [tensor for key, tensor in found.items() if key not in known]
        tensors = (
            _Tensors([*parameters.values(), *buffers.values()], others)
            if replaced
            else _Tensors([*parameters.values()], [*buffers.values(), *others])
        )
        copies = CopyOnWrite(tensors.guarded, scripted=is_scripted(parts))

        def restore() -> None:
            with ExitStack() as stack:  # all of them, whatever one raises
                stack.callback(tensors.restore, copies.copies)
                stack.callback(held.restore)
                stack.callback(process.restore)

        with undoing(restore):
            if any(_differs(part, train) for part in parts):
                with copies:  # a model's own train() may do more, such as merge weights
                    for module in modules:
                        _set_mode(module, train)
            if frozen:
                for parameter in (*parameters.values(), *hidden[0].values()):
                    # those of inference mode cannot, nor do they make a graph
                    if parameter.requires_grad and not parameter.is_inference():
                        parameter.requires_grad_(False)
            with copies if (tensors.writable if replaced else guard) else nullcontext():
                yield Observed(copies, held)


class Observed:
    """What a block that is observed can ask: itself a context manager, the watch over large tensors.

    `held`: what is kept beside parameters and buffers; `told`: what of it cannot be put back, each in a few words.
    """

    def __init__(self, copies: CopyOnWrite, held: Held) -> None:
        self._copies, self.held = copies, held

    @property
    def copies(self) -> list[tuple[Tensor, Tensor]]:
        """Large tensors that were written to, and what they held."""
        return self._copies.copies

    @property
    def told(self) -> tuple[str, ...]:
        """What cannot be put back."""
        return self.held.told

    def __enter__(self) -> Observed:
        self._copies.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._copies.__exit__(*error)


def is_scripted(parts: Iterable[nn.Module]) -> bool:
    """Whether a part is TorchScript."""
    return any(issubclass(cls, torch.jit.ScriptModule) for cls in {*map(type, parts)})


def _differs(part: nn.Module, train: bool) -> bool:
    """Whether it is in the other mode; what torch.jit.freeze made has none."""
    return getattr(part, "training", train) is not train


def _merges(part: nn.Module) -> bool:
    """Whether its `train()` may do more than set flags."""
    return type(part).train is not nn.Module.train


def _set_mode(module: nn.Module, train: bool) -> None:
    """Into train or eval mode. torch.export's modules refuse that: theirs is part of the graph."""
    try:
        module.train(train)
    except NotImplementedError:
        module.training = train
        for child in module.children():
            _set_mode(child, train)


def refuse_lazy(module: nn.Module) -> None:
    """Raise SubjectError if a parameter has no shape yet."""
    for kind, named in (("parameter", module.named_parameters()), ("buffer", module.named_buffers())):
        for name in (name for name, tensor in named if is_lazy(tensor)):
            raise SubjectError(
                f"{kind} {name!r} is not initialised yet (a lazy module).\n"
                "Call the model once, before the check, so that its shapes are known."
            )


def _tensors(parts: list[nn.Module]) -> tuple[dict[int, nn.Parameter], dict[int, Tensor]]:
    """Parameters and buffers, in order; tied ones once."""
    parameters = [p for part in parts for p in part._parameters.values() if p is not None]
    buffers = [b for part in parts for b in part._buffers.values() if b is not None]
    return _by_identity(parameters), _by_identity(buffers)


def _by_identity(tensors: list[T]) -> dict[int, T]:
    """Each once, in order. As keys themselves tensors are slow: to hash one is a call of Python."""
    return dict(zip(map(id, tensors), tensors, strict=True))


class _Tensors:
    """Storage, gradient, requires_grad and attributes of tensors, and of their gradients; of those that may be
    `written` to, the values of small ones.

    `writable`: whether there are large ones among these, which a watch has to copy.
    """

    def __init__(self, read: Sequence[Tensor], written: list[Tensor]) -> None:
        gradients = [grad for grad in _gradients([*read, *written]) if grad is not None]
        read = [*read, *gradients]
        self.tensors = [*read, *written]
        self.data = [t.data for t in self.tensors]
        self.requires_grad = [t.requires_grad for t in self.tensors]
        self.gradients = _gradients(self.tensors)
        self.attributes = Dicts([*map(vars, self.tensors)])
        small, large = _by_size(self.data[len(read) :])
        self.guarded, self.writable = [*self.data[: len(read)], *large], bool(large)
        self.values = _Values(small)

    def restore(self, copies: list[tuple[Tensor, Tensor]]) -> None:
        with torch.no_grad():
            if not _same_memories(self.tensors, self.data):
                for tensor, data in zip(self.tensors, self.data, strict=True):
                    if not _same_memory(tensor, data):
                        tensor.data = data
            for tensor, now, grad in zip(self.tensors, _gradients(self.tensors), self.gradients, strict=True):
                if now is not grad:
                    tensor.grad = grad
            for tensor, requires_grad in zip(self.tensors, self.requires_grad, strict=True):
                if tensor.requires_grad != requires_grad:
                    if not tensor.is_leaf:  # something that needs a gradient was written to it
                        tensor.detach_()
                    tensor.requires_grad_(requires_grad)
            for attributes, before in self.attributes.changed():
                put_dict(attributes, before)
            self.values.restore()
            for data, value in copies:
                data.copy_(value)


def _by_size(tensors: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Small ones, and large."""
    small: list[Tensor] = []
    large: list[Tensor] = []
    for tensor in tensors:
        is_small = tensor.layout is not torch.strided or tensor.nbytes <= SMALL
        (small if is_small else large).append(tensor)
    return small, large


def _gradients(tensors: list[Tensor]) -> list[Tensor | None]:
    """A buffer that was computed from a parameter has none, and warns when it is asked."""
    return [tensor.grad if tensor.is_leaf or tensor.retains_grad else None for tensor in tensors]


class _Values:
    """Copies of tensors: small ones of one kind in one piece, since a model has hundreds of buffers."""

    def __init__(self, tensors: list[Tensor]) -> None:
        kinds: dict[tuple[torch.dtype, torch.device, torch.layout, bool], list[Tensor]] = {}
        self.single: list[tuple[Tensor, Tensor]] = []
        self.joined: list[tuple[list[Tensor], Tensor]] = []
        for tensor in tensors:
            kind = tensor.dtype, tensor.device, tensor.layout, tensor.is_nested
            kinds.setdefault(kind, []).append(tensor)
        for (_, device, layout, is_nested), alike in kinds.items():
            if device.type == "meta":
                continue
            if layout is torch.strided and not (is_nested or alike[0].is_quantized):
                self.joined += [(part, _copied(part)) for part in _in_parts(alike)]
            else:
                self.single += [(tensor, tensor.clone()) for tensor in alike]

    def restore(self) -> None:
        for tensor, value in self.single:
            tensor.copy_(value)
        for tensors, values in self.joined:
            if not _same_bits(_joined(tensors), values):
                parts = values.split_with_sizes([t.numel() for t in tensors])
                for tensor, part in zip(tensors, parts, strict=True):
                    if not _same_bits(tensor.reshape(-1), part):
                        tensor.copy_(part.view(tensor.shape))


def _in_parts(tensors: list[Tensor]) -> list[list[Tensor]]:
    """What is joined: the tiny ones; others alone, since to join them takes longer than to look at them."""
    tiny = [tensor for tensor in tensors if tensor.nbytes <= TINY]
    alone = [[tensor] for tensor in tensors if tensor.nbytes > TINY]
    return [tiny, *alone] if tiny else alone


def _joined(tensors: list[Tensor]) -> Tensor:
    """All of them, flat, one after the other; a single one is not copied."""
    if len(tensors) == 1:
        return tensors[0].reshape(-1)
    if max(map(Tensor.dim, tensors)) <= 1:
        return torch.hstack(tensors)
    return torch.cat([tensor.reshape(-1) for tensor in tensors])


def _copied(tensors: list[Tensor]) -> Tensor:
    flat = _joined(tensors)
    return flat if len(tensors) > 1 else flat.clone()


_WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


def _same_bits(a: Tensor, b: Tensor) -> bool:
    """Also where they are NaN, and with the sign of zero. Flat ones, in words as long as fit: that is fastest."""
    a, b = a.contiguous(), b.contiguous()
    starts = [flat.storage_offset() * flat.element_size() for flat in (a, b)]
    words = _WORDS[math.gcd(8, a.nbytes, *starts)]
    return torch.equal(a.view(words), b.view(words))


def _same_memories(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether all that correspond are at one place, told in one go; where that cannot be told of some, False."""
    try:
        alike = all(map(Tensor.is_set_to, one, other))
    except (RuntimeError, NotImplementedError):
        return False
    return alike and [tensor.dtype for tensor in one] == [tensor.dtype for tensor in other]


def _same_memory(a: Tensor, b: Tensor) -> bool:
    try:
        return a.dtype is b.dtype and a.is_set_to(b)
    except (RuntimeError, NotImplementedError):  # meta, sparse, quantized, or moved to another device
        alike = a.dtype is b.dtype and a.device == b.device and a.layout is b.layout
        return alike and sizes(a) == sizes(b)
