"""Outputs of models: what in them the logits are, and what probability a class has by the model's own account."""

from __future__ import annotations

import collections
import dataclasses
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .planted import Net, classifier, convolutions, drawn

X = drawn(2, 3, 32, 32)


class Answered(NamedTuple):
    """`wrap` makes the output of the logits (N, classes) times `scale`; `probability` is what it says of all classes.

    `said`: the word that the result carries. `how`: given as `probability=`.
    """

    name: str
    wrap: Callable[[Tensor], Any]
    probability: Callable[[Tensor], Tensor]
    said: str
    classes: int = 4
    how: Any = None
    module: Callable[[], nn.Module] | None = None  # in place of `wrap`, at the model's end

    def __repr__(self) -> str:
        return self.name

    @property
    def options(self) -> dict[str, Any]:
        return {} if self.how is None else {"probability": self.how}

    def build(self) -> nn.Module:
        if self.module is None:
            return classifier(lambda y: self.wrap(y * 30), self.classes)
        return Net(
            lambda net, x: net.end(net.head(net.features(x).mean((2, 3))) * 30),
            features=convolutions(),
            head=nn.Linear(8, self.classes),
            end=self.module(),
        )


def soft(y: Tensor) -> Tensor:
    return y.softmax(1)


def doubled(p: Tensor) -> Tensor:
    """(1 - p, p)."""
    return torch.cat([1 - p, p], 1)


def of_name(name: str) -> Callable[[Any], Tensor]:
    return lambda out: out[name]


PROBABILITIES = [
    Answered("logits", lambda y: y, soft, "softmax"),
    Answered("two logits", lambda y: y, soft, "softmax", 2),
    Answered("one logit", lambda y: y, torch.sigmoid, "sigmoid", 1),
    Answered("one logit in a dict", lambda y: {"logits": y}, torch.sigmoid, "sigmoid", 1),
    Answered("one probability", torch.sigmoid, torch.sigmoid, "given", 1),
    Answered("one probability, a module", lambda y: y, torch.sigmoid, "given", 1, module=nn.Sigmoid),
    Answered("softmax, a function", soft, soft, "given"),
    Answered("softmax, a module", lambda y: y, soft, "given", module=lambda: nn.Softmax(1)),
    Answered("softmax, in a block", lambda y: y, soft, "given", module=lambda: nn.Sequential(nn.Softmax(-1))),
    Answered("softmax of two classes", soft, soft, "given", 2),
    Answered("softmax, one class has it all", lambda y: soft(y * 1e4), lambda y: soft(y * 1e4), "given"),
    Answered("probabilities in a dict", lambda y: {"probs": soft(y)}, soft, "given"),
    Answered("probabilities beside logits", lambda y: {"logits": y, "probs": soft(y)}, soft, "softmax"),
    Answered(
        "complement and probability",
        lambda y: doubled(y.sigmoid()),
        lambda y: doubled(y.sigmoid()),
        "given",
        1,
    ),
    Answered("log_softmax, a function", lambda y: F.log_softmax(y, 1), soft, "softmax"),
    Answered("log_softmax, a module", lambda y: y, soft, "softmax", module=lambda: nn.LogSoftmax(1)),
    Answered("sigmoid of several classes, a function", torch.sigmoid, torch.sigmoid, "given"),
    Answered("sigmoid of several classes, a module", lambda y: y, torch.sigmoid, "given", module=nn.Sigmoid),
    Answered("several classes, told: sigmoid", lambda y: y, torch.sigmoid, "sigmoid", how="sigmoid"),
    Answered("given, told", lambda y: y.sigmoid() / 2, lambda y: y.sigmoid() / 2, "given", how="given"),
    Answered("softmax of probabilities, told", soft, lambda y: soft(soft(y)), "softmax", how="softmax"),
    Answered(
        "a callable",
        lambda y: {"a": y, "b": y * 2},
        lambda y: soft(y * 2),
        "",
        how=lambda out: out["b"].softmax(1),
    ),
    Answered(
        "a callable for one probability",
        lambda y: (y, y),
        torch.sigmoid,
        "",
        1,
        how=lambda out: out[1].sigmoid(),
    ),
    Answered(
        "negative log probabilities, a callable",
        lambda y: -F.log_softmax(y, 1),
        soft,
        "",
        how=lambda out: (-out).exp(),
    ),
]


@dataclasses.dataclass
class Out:
    features: Any
    logits: Any = None


@dataclasses.dataclass
class Scored:
    loss: Any
    scores: Any


Pair = collections.namedtuple("Pair", "features logits")
Halves = collections.namedtuple("Halves", "out aux")


class ModelOutput(collections.OrderedDict):
    """As transformers': a dictionary whose keys are attributes too, and whose items are also found by number."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)


@dataclasses.dataclass
class Registered(ModelOutput):
    """As transformers' are declared."""

    loss: Any = None
    logits: Any = None
    hidden_states: Any = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            if getattr(self, field.name) is not None:
                super().__setitem__(field.name, self.__dict__[field.name])


class Listed(types.SimpleNamespace):
    """An object of the user's."""


LOSS = torch.tensor(0.3)
Wrapped = Callable[
    [Tensor, Tensor, Tensor], Any
]  # of the features' map (N, 8, h, w), their mean (N, 8), the logits
LOGITS: dict[str, Wrapped] = {  # in each the logits can be told from the rest
    "tensor": lambda m, f, y: y,
    "tuple of one": lambda m, f, y: (y,),
    "list of one": lambda m, f, y: [y],
    "with None": lambda m, f, y: (y, None),
    "logits, map": lambda m, f, y: (y, m),
    "map, logits": lambda m, f, y: (m, y),
    "loss, logits": lambda m, f, y: (LOSS, y),
    "loss for each sample, logits": lambda m, f, y: (f.mean(1), y),
    "logits, loss": lambda m, f, y: (y, LOSS),
    "loss, logits, states": lambda m, f, y: (LOSS, y, (m, m)),
    "dict of logits": lambda m, f, y: {"logits": y},
    "dict, features first": lambda m, f, y: {"features": f, "logits": y},
    "dict, out": lambda m, f, y: {"features": f, "out": y},
    "dict, scores": lambda m, f, y: {"embedding": f, "scores": y},
    "dict, loss and an own name": lambda m, f, y: {"loss": LOSS, "classes": y},
    "ordered dict": lambda m, f, y: collections.OrderedDict(pooled=f, logits=y),
    "dict in a dict": lambda m, f, y: {"head": {"logits": y}, "body": {"features": f}},
    "tuple in a tuple": lambda m, f, y: ((m, (y,)), None),
    "dict in a tuple": lambda m, f, y: (LOSS, {"logits": y, "features": f}),
    "object": lambda m, f, y: types.SimpleNamespace(features=f, logits=y),
    "object of a class": lambda m, f, y: Listed(hidden=f, scores=y),
    "dataclass": lambda m, f, y: Out(f, y),
    "dataclass, scores": lambda m, f, y: Scored(LOSS, y),
    "dataclass, logits None": lambda m, f, y: Out(y),
    "named tuple": lambda m, f, y: Pair(f, y),
    "named tuple, out": lambda m, f, y: Halves(y, f),
    "ModelOutput": lambda m, f, y: ModelOutput(loss=LOSS, logits=y, hidden_states=(m, m)),
    "ModelOutput, embeddings first": lambda m, f, y: ModelOutput(pooler_output=f, logits=y),
    "ModelOutput, a dataclass": lambda m, f, y: Registered(loss=LOSS, logits=y, hidden_states=(m, m)),
    "integer classes beside": lambda m, f, y: {"label": y.argmax(1, keepdim=True), "prediction": y},
}

SEVERAL: dict[str, tuple[Wrapped, tuple[str, ...]]] = {  # what the message must hold: keys and shapes
    "tuple": (lambda m, f, y: (f, y), ("2x8", "2x4")),
    "dict of own names": (lambda m, f, y: {"coarse": y[:, :2], "fine": y}, ("coarse", "2x2", "fine", "2x4")),
    "two tasks": (lambda m, f, y: {"age": y, "sex": y[:, :2], "loss": LOSS}, ("age", "sex", "2x4", "2x2")),
    "list of heads": (lambda m, f, y: [y, f, y], ("2x4", "2x8")),
    "dataclass of own names": (lambda m, f, y: Listed(coarse=y[:, :2], fine=y), ("coarse", "fine")),
    "named tuple of own names": (
        lambda m, f, y: collections.namedtuple("Heads", "coarse fine")(y[:, :2], y),
        ("coarse", "fine"),
    ),
    "nested": (lambda m, f, y: {"heads": {"coarse": y[:, :2], "fine": y}}, ("coarse", "fine")),
}

NONE: dict[str, tuple[Wrapped, tuple[str, ...]]] = {
    "a scalar": (lambda m, f, y: y.sum(), ()),
    "a loss alone": (lambda m, f, y: {"loss": y.mean()}, ("loss",)),
    "nothing": (lambda m, f, y: None, ()),
    "a map": (lambda m, f, y: m, ("2x8x8x8",)),
    "class numbers": (lambda m, f, y: y.argmax(1), ()),
    "text": (lambda m, f, y: ["cat", "dog"], ()),
}


class Boxed(nn.Module):
    """A classifier whose forward returns `wrap(map, mean, logits)`."""

    def __init__(self, wrap: Wrapped, classes: int = 4) -> None:
        super().__init__()
        self.features, self.head, self.wrap = convolutions(), nn.Linear(8, classes), wrap

    def forward(self, x: Tensor) -> Any:
        found = self.features(x)
        mean = found.mean((2, 3))
        return self.wrap(found, mean, self.head(mean))
