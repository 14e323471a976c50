"""Where the host waits for the device: operators that torch.profiler counts, and what runs no operator on a CPU.

`.cpu()`, `.numpy()` and `.tolist()` of a tensor that is on the CPU do nothing there; a function mode sees them.
"""

# mypy: allow-untyped-calls

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

HOST_SYNCS = frozenset(  # what must know a value on the host before it can go on
    (
        "aten::_local_scalar_dense",
        "aten::nonzero",
        "aten::masked_select",
        "aten::equal",
        "aten::bincount",
        "aten::_unique",
        "aten::_unique2",
        "aten::unique_dim",
        "aten::unique_consecutive",
        "torchvision::nms",
    )
)
MASKED = ("aten::index", "aten::index_put", "aten::index_put_")
READS = {  # what copies to the host, and shows as no operator of HOST_SYNCS
    Tensor.cpu: "Tensor.cpu",
    Tensor.numpy: "Tensor.numpy",
    Tensor.tolist: "Tensor.tolist",
    Tensor.__array__: "Tensor.__array__",
}
HOMES = (
    str(Path(torch.__file__).parent),
    str(Path(__file__).parents[2]),
)  # of frames that are not the user's
Place = tuple[str, str, str]  # what, in which module, on which line


@dataclass
class Reads:
    """READS and HOST_SYNCS of a call: what, in which module and on which line, and how often. It knows no model: who
    keeps it keeps none.
    """

    found: Counter[Place] = field(default_factory=Counter)

    @property
    def counts(self) -> dict[str, int]:
        """The calls of READS."""
        calls: Counter[str] = Counter()
        for (what, _, _), count in self.found.items():
            if what.startswith("Tensor."):
                calls[what] += count
        return dict(calls)

    @property
    def modules(self) -> Counter[str]:
        """The same by module."""
        calls: Counter[str] = Counter()
        for (what, module, _), count in self.found.items():
            if what.startswith("Tensor."):
                calls[module] += count
        return calls

    @property
    def places(self) -> tuple[str, ...]:
        """`Tensor.cpu in 'head', net.py:12`, the most frequent first."""
        return tuple(
            f"{what} in {repr(module) if module else 'the model itself'}{f', {line}' if line else ''}"
            + (f", {count} times" if count > 1 else "")
            for (what, module, line), count in self.found.most_common()
        )


class HostReads(TorchFunctionMode):
    """Counts READS of tensors on `device`, the model's, into `seen`."""

    def __init__(self, root: nn.Module, device: torch.device) -> None:
        super().__init__()
        self.names = {module: name for name, module in root.named_modules()}
        self.device = device
        self.seen = Reads()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        read = READS.get(func) or ("Tensor.to" if func is Tensor.to and _to_host(args, kwargs) else "")
        if read and isinstance(args[0], Tensor) and args[0].device == self.device:
            self.seen.found[(read, *_place(sys._getframe(1), self.names))] += 1
        return func(*args, **(kwargs or {}))


class HostSyncs(TorchDispatchMode):
    """Finds the places of HOST_SYNCS, for the message; the count is torch.profiler's."""

    supports_higher_order_operators = True

    def __init__(self, reads: HostReads) -> None:
        super().__init__()
        self.reads = reads

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().partition(".")[0]
        if name in HOST_SYNCS or (name in MASKED and _has_mask(args)):
            self.reads.seen.found[(name, *_place(sys._getframe(1), self.reads.names))] += 1
        return func(*args, **(kwargs or {}))


def _has_mask(args: tuple[Any, ...]) -> bool:
    """Whether one of the indices is boolean: then their number is asked for."""
    return any(isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8) for index in args[1])


def _to_host(args: tuple[Any, ...], kwargs: Mapping[str, Any] | None) -> bool:
    """Whether `.to` names the CPU: "cpu". A device may be that of another tensor, which is on the CPU by chance."""
    return any(isinstance(given, str) and given == "cpu" for given in (*args[1:], *(kwargs or {}).values()))


def _place(frame: FrameType | None, names: Mapping[nn.Module, str]) -> tuple[str, str]:
    """The innermost module of the model among these frames, and the innermost line that is not torch's or ours."""
    line = ""
    while frame is not None:
        file = frame.f_code.co_filename
        if not line and not file.startswith(HOMES):
            line = f"{Path(file).name}:{frame.f_lineno}"
        owner = frame.f_locals.get("self")
        if isinstance(owner, nn.Module) and owner in names:
            return names[owner], line
        frame = frame.f_back
    return "", line
