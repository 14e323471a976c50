"""Which tensors are alive: every storage that an operator makes, from then until it dies, as a list of events.

What a kernel allocates inside itself (oneDNN copies the weights of a convolution into its own order) is no tensor, and
not counted here; `allocator.py` asks the allocator itself.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ...model.calls import Running

ACTIVATION, PARAMETER, INPUT = "activations", "parameters", "inputs"
GRADIENT, STATE = "gradients", "optimizer_state"
FORWARD, BACKWARD, STEP = "forward", "backward", "optimizer step"
UNSIZED = (
    "aten::mkldnn_rnn_layer",
    "aten::_cudnn_rnn",
)  # what they save for the backward, only their kernels know

DEVICE = torch.ops.prim.device.default


class UnknownSize(Exception):
    """Fake tensors cannot tell."""


class Event(NamedTuple):
    """`size` bytes of a kind came (or went, negative) in `module`, after so many operators of the phase `during`."""

    size: int
    kind: str
    module: str
    during: str
    operators: int


@dataclass
class _Storage:
    """One that is alive; `ref` tells when it no longer is."""

    ref: weakref.ref[torch.UntypedStorage]
    size: int
    kind: str
    module: str


class LiveTensors(TorchDispatchMode):
    """Logs each storage that comes and goes into `events`; whose it is, `modules` (to be followed) tell.

    `begin` says which part of the phase is next. With `fake`, UnknownSize is raised for an operator of UNSIZED that is
    to be differentiated. `before_operator` is called before each.
    """

    supports_higher_order_operators = True

    def __init__(self, root: nn.Module, *, fake: bool) -> None:
        super().__init__()
        self.fake = fake
        self.modules = Running(root)
        self.events: list[Event] = []
        self.parts: list[tuple[str, int]] = []  # of the phase, each with the operator it begins at
        self.operators = 0
        self.working = 0  # those of them that made or wrote to memory
        self.during = FORWARD
        self.before_operator: Callable[[], object] = lambda: None
        self._storages: dict[int, _Storage] = {}

    def begin(self, part: str) -> None:
        """The next part of the phase."""
        self.during = part
        self.parts.append((part, self.operators))

    def tell(self, owned: Iterable[tuple[str, Tensor]], kind: str) -> None:
        """Say of what kind tensors are, and whose (a module's); those unknown so far begin to live now."""
        for module, tensor in owned:
            storage = self._storages.get(_key(tensor))
            if storage is None:
                self._begin(tensor, kind, module)
            elif storage.kind != kind:
                self._log(-storage.size, storage)
                storage.kind, storage.module = kind, module
                self._log(storage.size, storage)

    def restart(self) -> None:
        """Forget the past: `events` begins with what is alive now."""
        self.events, self.parts, self.operators, self.during = [], [], 0, FORWARD
        for storage in self._storages.values():
            self._log(storage.size, storage)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is DEVICE:
            return func(*args)
        self.before_operator()
        if self.fake and self.during == STEP and func is torch.ops.aten._local_scalar_dense.default:
            return 1.0  # an optimiser asks for the number of its step, which a fake tensor does not know
        if self.fake and torch.is_grad_enabled() and func.name().partition(".")[0] in UNSIZED:
            raise UnknownSize(
                f"what {func.name()} keeps for the backward has a size that only its kernel knows"
            )
        out = func(*args, **(kwargs or {}))
        self.operators += 1
        known = len(self._storages)
        module, _ = self.modules.owner()
        for leaf in [out] if isinstance(out, Tensor) else tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._see(leaf, module)
        schema = getattr(func, "_schema", None)  # those of higher order have none
        made = len(self._storages) > known and not _is_view(out, (args, kwargs))
        self.working += schema is None or schema.is_mutable or made
        return out

    def _see(self, tensor: Tensor, module: str) -> None:
        storage = self._storages.get(_key(tensor))
        if storage is None:
            self._begin(tensor, ACTIVATION, module)
        elif (size := tensor.untyped_storage().nbytes()) != storage.size:  # it was resized
            self._log(size - storage.size, storage)
            storage.size = size

    def _begin(self, tensor: Tensor, kind: str, module: str) -> None:
        key = _key(tensor)
        if key:
            storage = tensor.untyped_storage()
            ref = weakref.ref(storage, lambda _: self._end(key))
            self._storages[key] = born = _Storage(ref, storage.nbytes(), kind, module)
            self._log(born.size, born)

    def _end(self, key: int) -> None:
        storage = self._storages.pop(key)
        self._log(-storage.size, storage)

    def _log(self, size: int, storage: _Storage) -> None:
        if size:
            self.events.append(Event(size, storage.kind, storage.module, self.during, self.operators))


def asks_for_a_device(frame: FrameType | None) -> bool:
    """Whether this is where a fake tensor is asked for its device: what raises there ends the process.

    torch's C++ asks for it (TensorOptions), in functions that are `noexcept`.
    """
    while frame is not None:
        for value in frame.f_locals.values():
            if value is DEVICE or (isinstance(value, tuple) and any(one is DEVICE for one in value)):
                return True
        frame = frame.f_back
    return False


def _is_view(out: object, given: object) -> bool:
    """Whether a result shares the memory of what was given: of a tensor made elsewhere, the first that is seen."""
    return isinstance(out, Tensor) and _key(out) in [
        _key(t) for t in tree_leaves(given) if isinstance(t, Tensor)
    ]


def _key(tensor: Tensor) -> int:
    """Identity of the storage; 0 where there is none (sparse tensors, other wrappers)."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (RuntimeError, NotImplementedError):
        return 0
