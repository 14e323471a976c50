"""Models with one graph break each, of all kinds; the line that breaks ends in `# here`."""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
import os
import random
import threading
import time
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..features import DYNAMO_SAYS_ALL

LOG = logging.getLogger(__name__)
COUNT = [0]
HERE = "# here"


class Model(nn.Module):
    """A linear layer, and what a kind makes of its output."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)


def line_of(kind: Callable[..., object]) -> int:
    """Where it breaks."""
    lines, first = inspect.getsourcelines(kind)
    return first + next(i for i, line in enumerate(lines) if HERE in line)


def model_of(kind: Callable[..., object]) -> nn.Module:
    """A model of it."""
    return type(kind.__name__, (Model,), {"forward": kind})()  # type: ignore[no-any-return]


def item(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    total = x.sum().item()  # here
    return x * total


def prints(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    print("in between")  # here
    return x + 1


def first_line(self: Any, x: Tensor) -> Tensor:
    print("first")  # here
    return self.fc(x)


def last_line(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    print("last")  # here
    return x


def branch(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    if x.sum() > 0:  # here
        x = x + 1
    return x * 2


def tolist(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    values = x.sum(1).tolist()  # here
    return x * values[0]


def logs(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    LOG.warning("now %s", 1)  # here
    return x + 1


def warns(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    warnings.warn("once", stacklevel=1)  # here
    return x + 1


def context(self: Any, x: Tensor) -> Tensor:
    with torch.no_grad():
        x = self.fc(x)
        print("within")  # here
        x = x + 1
    return x + 2


def nonzero(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    places = torch.nonzero(x > 0)  # here
    return places + 1


def mask(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x[x > 0] + 1  # here


@torch.compiler.disable
def disabled_function(x: Tensor) -> Tensor:
    return x + 1


def disabled(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    x = disabled_function(x)  # here
    return x + 1


@torch.compiler.disable(recursive=False)
def left_out(x: Tensor) -> Tensor:
    return x.sin() + 1


def not_recursively(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    x = left_out(x)  # here
    return self.fc(x)  # type: ignore[no-any-return]


@torch.no_grad()
def decorated(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    print("within")  # here
    return x + 1


def comprehension(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return torch.stack([row * row.sum().item() for row in x])  # here


def by_a_number(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x + 1 if random.random() < 2 else x  # here


def copies(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x + np.interp(x.detach().numpy(), [0, 1], [0, 2]).mean()  # here


def several_lines(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return torch.add(
        x,
        float(  # here
            x.max(),
        ),
    )


def explicit(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    torch._dynamo.graph_break()  # here
    return x + 1


def numpy_random(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x + float(np.random.rand())  # here


def environment(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    os.environ["MODELCHECK_TEST"] = "1"  # here
    return x + 1


def c_function(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x + zlib.crc32(b"abc") % 2  # here


def clock(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    time.sleep(0)  # here
    return x + 1


def deep_copy(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    layer = copy.deepcopy(self.fc)  # here
    return layer(x)  # type: ignore[no-any-return]


def gradient(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    with torch.enable_grad():
        y = x.detach().requires_grad_()  # here
        (slope,) = torch.autograd.grad((y * y).sum(), y)
    return slope


def twice(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x * x.sum().item() + x.mean().item()  # here


BREAKS: tuple[Callable[..., Tensor], ...] = (
    *(item, prints, first_line, last_line, branch, tolist, logs, warns, context, nonzero, mask, disabled),
    *(explicit, numpy_random, environment, c_function, clock, deep_copy),
    *(not_recursively, decorated, comprehension, by_a_number, copies, several_lines),
)


def in_try(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    try:
        print("tried")  # here
    finally:
        x = x + 1
    return x


def in_loop(self: Any, x: Tensor) -> Tensor:
    for _ in range(3):
        x = self.fc(x)
        print("again")  # here
    return x


class Plain:
    """A context manager that dynamo does not know."""

    def __enter__(self) -> None:
        COUNT[0] += 0

    def __exit__(self, *error: object) -> None:
        return None


def in_context(self: Any, x: Tensor) -> Tensor:
    with Plain():
        x = self.fc(x)
        print("within")  # here
        x = x + 1
    return x  # noqa: RET504


def identity(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    return x + (id(x) % 2)  # here


def opens(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    with Path(os.devnull).open() as file:  # here
        file.read()
    return x + 1


def lock(self: Any, x: Tensor) -> Tensor:
    x = self.fc(x)
    with threading.Lock():  # here
        x = x + 1
    return x  # noqa: RET504


def suppresses(self: Any, x: Tensor) -> Tensor:
    with contextlib.suppress(ValueError):
        x = self.fc(x)
        print("suppressed")  # here
    return x


def generator(self: Any, x: Tensor) -> Tensor:
    def numbers() -> Iterator[int]:
        for n in range(3):
            print(n)  # here
            yield n

    for n in numbers():
        x = self.fc(x) + n
    return x


SKIPPED: tuple[Callable[..., Tensor], ...] = (in_try, in_loop, in_context, opens, lock, generator)
if DYNAMO_SAYS_ALL:
    SKIPPED += (identity, suppresses)
else:  # dynamo of torch 2.6 goes on after the first, and breaks at `with suppress(...)` itself
    BREAKS += (identity,)


def with_numpy(self: Any, x: Tensor) -> Tensor:
    return torch.from_numpy(self.fc(x).detach().numpy() + 1)


def catches(self: Any, x: Tensor) -> Tensor:
    try:
        raise ValueError
    except ValueError:
        x = self.fc(x)
    return x


def by_shape(self: Any, x: Tensor) -> Tensor:
    return self.fc(x) if x.shape[0] > 1 else x + 1


def unbroken(self: Any, x: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        return self.fc(x)  # type: ignore[no-any-return]
    print("eager")
    return self.fc(x)  # type: ignore[no-any-return]


WHOLE = (with_numpy, catches, by_shape, unbroken)


def mode(self: Any, x: Tensor) -> Tensor:
    y = self.fc(x) + (1 if self.name == "a" else 2)
    self.name = "b"
    return y  # type: ignore[no-any-return]


def counter(self: Any, x: Tensor) -> Tensor:
    self.calls += 1
    return self.fc(x) * self.calls  # type: ignore[no-any-return]


def listed(self: Any, x: Tensor) -> Tensor:
    self.seen.append(1)
    return self.fc(x) * len(self.seen)  # type: ignore[no-any-return]


def cached(self: Any, x: Tensor) -> Tensor:
    y = self.fc(x)
    if self.last is not None:
        y = y + self.last
    self.last = y.detach()
    return y  # type: ignore[no-any-return]


def retyped(self: Any, x: Tensor) -> Tensor:
    y = self.fc(x) + self.scale.sum()
    self.scale = self.scale.double()
    return y  # type: ignore[no-any-return]


class Config:
    """That a model is given; `step` of the class is what all share."""

    step = 0


def configured(self: Any, x: Tensor) -> Tensor:
    self.config.factor += 1
    return self.fc(x) * self.config.factor  # type: ignore[no-any-return]


def of_the_class(self: Any, x: Tensor) -> Tensor:
    Config.step += 1
    return self.fc(x) * Config.step  # type: ignore[no-any-return]


def function(self: Any, x: Tensor) -> Tensor:
    y = self.act(self.fc(x))
    self.act = torch.nn.functional.gelu
    return y  # type: ignore[no-any-return]


def layers(self: Any, x: Tensor) -> Tensor:
    for layer in self.layers:
        x = layer(x)
    if len(self.layers) < 2:
        self.layers.append(self.fc)
    return x


def flips(self: Any, x: Tensor) -> Tensor:
    y = self.drop(self.fc(x))
    self.drop.train(not self.drop.training)
    return y  # type: ignore[no-any-return]


def turned(self: Any, x: Tensor) -> Tensor:
    y = self.fc(x) @ self.square
    self.square = self.square.t()
    return y  # type: ignore[no-any-return]


def default(self: Any, x: Tensor) -> Tensor:
    y = self.fc(x)
    torch.set_grad_enabled(not torch.is_grad_enabled())
    return y  # type: ignore[no-any-return]


GLOBAL = 1


def global_(self: Any, x: Tensor) -> Tensor:
    global GLOBAL
    GLOBAL += 1
    return self.fc(x) * GLOBAL  # type: ignore[no-any-return]


class Factor:
    """Of a model's own."""

    def __init__(self) -> None:
        self.factor = 1


class Stateful(Model):
    """Of which each kind changes something in its first call."""

    def __init__(self) -> None:
        super().__init__()
        self.name, self.calls, self.last = "a", 0, None
        self.seen: list[int] = []
        self.config, self.act, self.drop = Factor(), torch.nn.functional.relu, nn.Dropout(0.5)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
        self.register_buffer("scale", torch.ones(2))
        self.register_buffer("square", torch.zeros(4, 4), persistent=False)


RECOMPILES = (  # kind, what the guard names, what to change
    (mode, "self.name", "the attribute name"),
    (counter, "self.calls", "the attribute calls"),
    (listed, "self.seen", "the attribute seen"),
    (cached, "self.last", "the attribute last"),
    (retyped, "dtype mismatch", "one dtype"),
    (global_, "GLOBAL", "the global GLOBAL"),
    (configured, "self.config.factor", "the attribute factor"),
    (of_the_class, "Config.step == 0", "the global Config"),
    (function, "self.act", "the attribute act"),
    (layers, "hasattr(self.layers, '1')" if DYNAMO_SAYS_ALL else "self.layers", "the attribute layers"),
    (flips, "self.drop.training", "train() or eval()"),
    (turned, "stride mismatch", "one memory layout"),
    (default, "grad_mode", "torch's modes"),
)
