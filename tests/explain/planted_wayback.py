"""What lies on the way back from the score: precision, checkpoints, writes in place, and what cuts the way.

`bare` of each is the same network written plainly: its maps are what is right.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from .planted import Fun, Net, drawn

X = drawn(2, 3, 32, 32)


class Three(nn.Module):
    """Three convolutions; `middle` runs the second block, `after` is what is done with a convolution's output."""

    def __init__(
        self, middle: Callable[..., Any] = lambda block, x: block(x), after: Callable[..., Any] = F.relu
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.tail, self.end, self.head = nn.Conv2d(8, 8, 3, padding=1), Fun(after), nn.Linear(8, 4)
        self.middle, self.after = middle, after

    def forward(self, x: Tensor) -> Tensor:
        x = self.middle(self.block, self.after(self.stem(x)))
        return self.head(self.end(self.tail(x)).mean((2, 3)))


class Twice(nn.Module):
    """A block that checkpoints a part of itself."""

    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.block, x, use_reentrant=False)


CHECKPOINTS = {
    "not reentrant": lambda block, x: checkpoint(block, x, use_reentrant=False),
    "reentrant": lambda block, x: checkpoint(block, x, use_reentrant=True),
    "sequence": lambda block, x: checkpoint_sequential(block, 2, x, use_reentrant=False),
    "sequence, reentrant": lambda block, x: checkpoint_sequential(block, 2, x, use_reentrant=True),
    "one in the other": lambda block, x: checkpoint(
        lambda y: checkpoint(block, y, use_reentrant=False), x, use_reentrant=False
    ),
    "a function": lambda block, x: checkpoint(lambda y: block(y) + 0, x, use_reentrant=False),
    "without the state of random numbers": lambda block, x: checkpoint(
        block, x, use_reentrant=True, preserve_rng_state=False
    ),
}
LAYERS = ("stem", "block.0", "block.1", "block", "tail")


def masked(x: Tensor) -> Tensor:
    return x.masked_fill_(x < 0, 0)


def written(x: Tensor) -> Tensor:
    x[:, :2] = x[:, :2] * 2
    return x


IN_PLACE: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]] = {  # and written plainly
    "relu_": (torch.relu_, torch.relu),
    "F.relu": (lambda x: F.relu(x, inplace=True), F.relu),
    "sigmoid_": (torch.sigmoid_, torch.sigmoid),
    "tanh_": (lambda x: x.tanh_(), torch.tanh),
    "add_": (lambda x: x.add_(1), lambda x: x + 1),
    "mul_": (lambda x: x.mul_(2), lambda x: x * 2),
    "exp_": (lambda x: x.exp_(), torch.exp),
    "masked_fill_": (masked, torch.relu),
    "index": (written, lambda x: torch.cat([x[:, :2] * 2, x[:, 2:]], 1)),
    "a view": (lambda x: (x[:, :4].sigmoid_(), x)[1], lambda x: torch.cat([x[:, :4].sigmoid(), x[:, 4:]], 1)),
    "+=": (lambda x: x.__iadd__(x.mean()), lambda x: x + x.mean()),
    "silu": (lambda x: F.silu(x, inplace=True), F.silu),
    "hardswish": (lambda x: F.hardswish(x, inplace=True), F.hardswish),
    "dropout": (lambda x: F.dropout(x, 0.5, False, inplace=True), lambda x: x),
}


class Boxes(nn.Module):
    """A detector's head: offsets and objectness, squashed in place (as YOLO's are)."""

    def __init__(self, inplace: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.raw, self.inplace = nn.Conv2d(8, 6, 1), inplace

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.raw(self.body(x))
        if self.inplace:
            y[:, :2].sigmoid_()
            y[:, 4:].sigmoid_()
        else:
            y = torch.cat([y[:, :2].sigmoid(), y[:, 2:4], y[:, 4:].sigmoid()], 1)
        return {"boxes": y[:, :4], "scores": y[:, 4:].amax((2, 3))}


def objectness(output: dict[str, Tensor]) -> Tensor:
    return output["scores"][:, 0]


@contextmanager
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


class Doubled(torch.autograd.Function):
    """Nobody wrote its way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2


def under(mode: Callable[[], Any]) -> Callable[[Tensor], Tensor]:
    def cut(x: Tensor) -> Tensor:
        with mode():
            return x * 2 + 1

    return cut


class Int8(nn.Module):
    """A linear layer in int8 arithmetic, as deployed ones are."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        steps = (x * 16).round().clamp(-128, 127).to(torch.int8)
        return self.linear(steps.float() / 16)


def dynamic() -> nn.Module:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(
            nn.Sequential(nn.Linear(8, 8)), {nn.Linear}, torch.qint8
        )


class Cut(NamedTuple):
    """`part` stands behind the pooling; one of `words` names the cause.

    `bare`: what it computes, where leaving the cut out changes no value: then a map with a note is right too.
    """

    name: str
    part: Callable[[], nn.Module]
    words: tuple[str, ...]
    bare: Callable[[Tensor], Tensor] | None = None

    def __repr__(self) -> str:
        return self.name

    def build(self) -> nn.Module:
        return Net(
            lambda net, x: net.head(net.cut(net.features(x).mean((2, 3)))),
            features=nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()),
            cut=self.part(),
            head=nn.Linear(8, 4),
        )


CUTS = [
    Cut("detach", lambda: Fun(lambda x: x.detach() * 2), ("detach",)),
    Cut("detach_", lambda: Fun(lambda x: (x * 2).detach_()), ("detach",)),
    Cut("data", lambda: Fun(lambda x: x.data * 2), ("data", "detach")),
    Cut("no_grad", lambda: Fun(under(torch.no_grad)), ("no_grad",), under(contextlib.nullcontext)),
    Cut("no_grad, a decorator", lambda: Fun(torch.no_grad()(lambda x: x * 2)), ("no_grad",), lambda x: x * 2),
    Cut(
        "set_grad_enabled",
        lambda: Fun(under(lambda: torch.set_grad_enabled(False))),
        ("no_grad", "grad_enabled", "gradients off", "switched off"),
        under(contextlib.nullcontext),
    ),
    Cut("inference_mode", lambda: Fun(under(torch.inference_mode)), ("inference_mode",)),
    Cut(
        "inference_mode, a decorator",
        lambda: Fun(torch.inference_mode()(lambda x: x * 2)),
        ("inference_mode",),
    ),
    Cut(
        "inference_mode, made normal again",
        lambda: Fun(lambda x: under(torch.inference_mode)(x).clone()),
        ("inference_mode",),
    ),
    Cut("numpy", lambda: Fun(lambda x: torch.from_numpy(x.detach().numpy() * 2)), ("numpy", "detach")),
    Cut("numpy, not detached", lambda: Fun(lambda x: torch.from_numpy(x.numpy() * 2)), ("numpy",)),
    Cut("list", lambda: Fun(lambda x: torch.tensor(x.tolist())), ("tolist", "list", "cut")),
    Cut("copied by torch.tensor", lambda: Fun(lambda x: torch.tensor(x)), ("torch.tensor", "cut", "tensor(")),
    Cut("int8", Int8, ("int8",)),
    Cut("int64 and back", lambda: Fun(lambda x: (x * 100).long().float()), ("int64", "long")),
    Cut("quantised", dynamic, ("quanti", "int8")),
    Cut("no way back", lambda: Fun(lambda x: Doubled.apply(x)), ("Doubled", "backward")),
]


class Pyramid(nn.Module):
    """A backbone that returns a dictionary of maps."""

    def __init__(self, kind: Callable[..., Any] = collections.OrderedDict) -> None:
        super().__init__()
        self.one, self.two, self.kind = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 8, 3, 2, 1), kind

    def forward(self, x: Tensor) -> Any:
        first = self.one(x).relu()
        return self.kind([("0", first), ("pool", self.two(first).relu())])


class Boxed:
    """An object that holds maps."""

    def __init__(self, items: list[tuple[str, Tensor]]) -> None:
        self.low, self.high = items[0][1], items[1][1]

    def __getitem__(self, name: str) -> Tensor:
        return {"0": self.low, "pool": self.high}[name]


def pyramid(kind: Callable[..., Any] = collections.OrderedDict) -> Callable[[], Net]:
    return lambda: Net(
        lambda self, x: (lambda maps: self.head(maps["0"].mean((2, 3)) + maps["pool"].mean((2, 3))))(
            self.backbone(x)
        ),
        backbone=Pyramid(kind),
        head=nn.Linear(8, 4),
    )


def bytes_inside() -> Net:
    """Takes bytes, and converts them itself."""
    return Net(
        lambda self, x: self.net((x.float() / 255 - 0.5) / 0.2),
        net=Three(),
    )


BYTES = torch.randint(0, 256, (2, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


class Scripted(nn.Module):
    """A block of TorchScript between two layers."""

    def __init__(self, script: bool) -> None:
        super().__init__()
        block = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.stem, self.head = nn.Conv2d(3, 8, 3, 2, 1), nn.Linear(8, 4)
        self.block = torch.jit.script(block) if script else block
        self.tail = nn.Conv2d(8, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.tail(self.block(self.stem(x).relu())).relu().mean((2, 3)))
