"""Live-tensor accounting under fake tensors: no computation, no memory, every storage counted while it lives.

What a kernel allocates inside itself (oneDNN reorders the weights of a convolution) is no tensor, and not counted.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ..calls import module_calls
from ..errors import MeasurementError
from ..observe import observe
from ..subject import Subject, locate_failure
from ..units import BYTES


@dataclass(frozen=True)
class PeakMemory:
    """Bytes at the moment of the peak; `at` is the module that was running. `parameters` holds buffers too."""

    activations: int
    parameters: int
    inputs: int
    gradients: int
    at: str

    @property
    def total(self) -> int:
        """All of them."""
        return self.activations + self.parameters + self.inputs + self.gradients

    def __str__(self) -> str:
        parts = ", ".join(f"{k} {BYTES.format(v)}" for k, v in asdict(self).items() if k != "at")
        return f"peak memory {BYTES.format(self.total)} in {self.at or 'the model itself'} ({parts})"

    def to_dict(self) -> dict[str, Any]:
        """For the record."""
        return {**asdict(self), "total": self.total}


class _Live(TorchDispatchMode):
    """Adds each new storage, takes off each that dies."""

    def __init__(self, names: dict[Any, str], known: Iterable[Tensor]) -> None:
        super().__init__()
        self.names, self.running = names, [""]
        self.seen: set[int] = set()
        self.live = self.peak = 0
        self.at = ""
        self.kept = [t.untyped_storage() for t in known]
        self.seen.update(s._cdata for s in self.kept)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, Tensor):
                self._add(leaf.untyped_storage())
        return out

    def _add(self, storage: Any) -> None:
        key = storage._cdata
        if key in self.seen:
            return
        self.seen.add(key)
        size = storage.nbytes()
        self.live += size
        weakref.finalize(storage, self._free, key, size)
        if self.live > self.peak:
            self.peak, self.at = self.live, self.running[-1]

    def _free(self, key: int, size: int) -> None:
        self.seen.discard(key)
        self.live -= size

    def enter(self, module: Any, args: Any) -> None:
        self.running.append(self.names.get(module, self.running[-1]))

    def leave(self, module: Any, args: Any, output: Any) -> None:
        self.running.pop()


def peak_memory(subject: Subject) -> PeakMemory:
    """The peak of one forward call in eval and inference mode. Raises MeasurementError where shapes need data."""
    given, module = subject.require_inputs(), subject.module
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    tensors: dict[str, Tensor] = {
        n: fake.from_tensor(t.detach()) for n, t in [*module.named_parameters(), *module.named_buffers()]
    }
    inputs = given.map(lambda leaf: fake.from_tensor(leaf.detach()) if isinstance(leaf, Tensor) else leaf)
    known = [*tensors.values(), *inputs.tensors]
    live = _Live({m: n for n, m in module.named_modules()}, known)
    followed = module_calls(live.enter, live.leave)
    try:
        with (
            observe(module, guard=False),
            torch.no_grad(),
            locate_failure(subject, given),
            followed,
            fake,
            live,
        ):
            torch.backends.mha.set_fastpath_enabled(False)
            functional_call(module, tensors, inputs.args, dict(inputs.kwargs))
    except torch._subclasses.fake_tensor.DataDependentOutputException as error:
        raise MeasurementError(
            f"{subject.name}: its shapes depend on data, which fake tensors lack"
        ) from error
    size = sum(
        t.numel() * t.element_size()
        for t in {id(t): t for t in [*module.parameters(), *module.buffers()]}.values()
    )
    return PeakMemory(live.peak, size, sum(t.untyped_storage().nbytes() for t in given.tensors), 0, live.at)
