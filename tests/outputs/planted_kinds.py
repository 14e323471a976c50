"""More networks and changes: tied and parametrised weights, recurrence, masks, casts, lists, whole numbers."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from .neutral import Neutral
from .planted import MODELS, SELF, Planted, forward, one_weight, put, swap, weight


class Tied(nn.Module):
    """A language model whose head is its embedding, with a causal mask and an attention of torch's."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(30, 16), nn.Linear(16, 30, bias=False)
        self.head.weight = self.embed.weight
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True) for _ in range(2)
        )

    def forward(self, tokens: Tensor) -> dict[str, Any]:
        mask = torch.full((tokens.shape[1],) * 2, -torch.inf).triu(1)
        x, states = self.embed(tokens), []
        for layer in self.layers:
            x = layer(x, src_mask=mask)
            states.append(x)
        return {"logits": self.head(x), "states": states}


class Normed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = weight_norm(nn.Linear(8, 16)), weight_norm(nn.Linear(16, 16))
        self.norm, self.head = nn.BatchNorm1d(16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(F.relu(self.two(F.relu(self.one(x))))))


class Cells(nn.Module):
    """A cell that is called at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.GRUCell(6, 12), nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        state = x.new_zeros(x.shape[0], 12)
        for step in x.unbind(1):
            state = self.cell(step, state)
        return self.head(state).softmax(-1)


class Masked(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8)
        self.norm, self.out = nn.LayerNorm(8), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        scores = self.q(x) @ self.k(x).transpose(1, 2) / 8**0.5
        scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf)
        return self.out(self.norm(x + scores.softmax(-1) @ self.v(x)))


class Stages(nn.Module):
    """Gives a pyramid, and from which stage each example takes its class."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(size, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
            for size in (3, 8, 8)
        )
        self.gate = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> tuple[list[Tensor], Tensor]:
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x * 1.0)
        return found, self.gate(x.mean((2, 3))).argmax(-1)


MODELS.update(
    tied=(Tied, lambda: (torch.randint(0, 30, (2, 7)),)),
    normed=(Normed, lambda: (torch.randn(4, 8),)),
    cells=(Cells, lambda: (torch.randn(3, 5, 6),)),
    masked=(Masked, lambda: (torch.randn(2, 6, 8),)),
    stages=(Stages, lambda: (torch.randn(2, 3, 8, 8),)),
)


def _untie(model: Tied) -> None:
    model.head.weight = nn.Parameter(model.embed.weight.detach() * 1.01)


def _no_mask(self: Masked, x: Tensor) -> Tensor:
    scores = self.q(x) @ self.k(x).transpose(1, 2) / 8**0.5
    return self.out(self.norm(x + scores.softmax(-1) @ self.v(x)))


def _other_axis(self: Masked, x: Tensor) -> Tensor:
    scores = self.q(x) @ self.k(x).transpose(1, 2) / 8**0.5
    scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -1e9)
    return self.out(self.norm(x + scores.softmax(1) @ self.v(x)))


def _scaled(self: Masked, x: Tensor) -> Tensor:
    scores = self.q(x) @ self.k(x * 1.01).transpose(1, 2) / 8**0.5
    scores = scores.masked_fill(torch.ones_like(scores).triu(1).bool(), -torch.inf)
    return self.out(self.norm(x + scores.softmax(-1) @ self.v(x)))


def _half(self: nn.Module, x: Tensor) -> Tensor:
    return F.linear(x.bfloat16(), self.weight.bfloat16(), self.bias.bfloat16()).to(x)  # type: ignore[operator]


def _softmax_first(self: Cells, x: Tensor) -> Tensor:
    state = x.new_zeros(x.shape[0], 12)
    for step in x.unbind(1):
        state = self.cell(step, state)
    return self.head(state).softmax(0)


def _reversed(self: Cells, x: Tensor) -> Tensor:
    return Cells.forward(self, x.flip(1))


def _last_state(self: Cells, x: Tensor) -> Tensor:
    state = x.new_zeros(x.shape[0], 12)
    for number, step in enumerate(x.unbind(1)):
        state = self.cell(step, state * (1.05 if number == 4 else 1.0))
    return self.head(state).softmax(-1)


def _no_mask_in_layers(self: Tied, tokens: Tensor) -> dict[str, Any]:
    x, states = self.embed(tokens), []
    for layer in self.layers:
        x = layer(x)
        states.append(x)
    return {"logits": self.head(x), "states": states}


def _swapped_layers(model: Tied) -> None:
    model.layers = nn.ModuleList([model.layers[1], model.layers[0]])


def _renamed_and_changed(model: Normed) -> None:
    model.__class__ = Renamed
    model.final = copy.deepcopy(model.head)
    del model.head
    weight("final")(model)


class Renamed(Normed):
    def forward(self, x: Tensor) -> Tensor:
        return self.final(self.norm(F.relu(self.two(F.relu(self.one(x))))))


class Longer(Normed):
    def __init__(self) -> None:
        super().__init__()
        self.extra = nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.extra(F.relu(self.two(F.relu(self.one(x)))))))


def _longer(model: Normed) -> None:
    torch.manual_seed(0)
    model.__class__ = Longer
    model.extra = nn.Linear(16, 16)


def _magnitude(model: Normed) -> None:
    with torch.no_grad():
        model.two.parametrizations.weight.original0.mul_(1.02)


def _buffer(path: str, name: str) -> Any:
    def plant(model: nn.Module) -> None:
        getattr(model.get_submodule(path), name).add_(0.05)

    return plant


def _clipped(self: nn.Module, x: Tensor) -> Tensor:
    return x.clamp_(0, 0.3)


def _stage_order(self: Stages, x: Tensor) -> Any:
    found, classes = Stages.forward(self, x)
    return found[::-1], classes


def _in_train(path: str) -> Any:
    """A norm that uses the batch's own statistics whatever the mode."""

    def run(self: Any, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, self.weight, self.bias, True, 0.0, self.eps)

    return forward(path, run)


PLANTED_KINDS = [
    Planted("tied", "no longer tied", "head", _untie),
    Planted("tied", "tied weights", "embed", weight("embed", 1e-3)),
    Planted("tied", "no mask", "layers.0", forward("", _no_mask_in_layers)),
    Planted("tied", "the norm first", "layers.1", put("layers.1", norm_first=True)),
    Planted("tied", "weights of torch's attention", "layers.1.self_attn", weight("layers.1.self_attn")),
    Planted("tied", "layers in another order", "layers.0.self_attn", _swapped_layers),
    Planted("normed", "magnitude of a parametrised weight", "two", _magnitude),
    Planted("normed", "running mean", "norm", _buffer("norm", "running_mean")),
    Planted("normed", "statistics of the batch", "norm", _in_train("norm")),
    Planted("normed", "cast within", "head", forward("head", _half)),
    Planted("normed", "renamed and changed", "final", _renamed_and_changed),
    Planted("normed", "a layer more", "extra", _longer),
    Planted("cells", "recurrent weights", "cell", one_weight("cell")),
    Planted("cells", "softmax over the batch", SELF, forward("", _softmax_first)),
    Planted("cells", "steps backwards", SELF, forward("", _reversed)),
    Planted("cells", "the state before the last step", SELF, forward("", _last_state)),
    Planted("masked", "no mask", SELF, forward("", _no_mask)),
    Planted("masked", "softmax over queries", SELF, forward("", _other_axis)),
    Planted("masked", "a scale before the keys", SELF, forward("", _scaled)),
    Planted("masked", "bias alone", "v", lambda model: model.v.bias.data[:3].add_(0.01)),
    Planted("stages", "clipped in place", "stages.1.2", forward("stages.1.2", _clipped)),
    Planted("stages", "running variance", "stages.2.1", _buffer("stages.2.1", "running_var")),
    Planted("stages", "outputs in another order", SELF, forward("", _stage_order)),
    Planted("stages", "an activation", "stages.0.2", swap("stages.0.2", lambda: nn.LeakyReLU(0.1, True))),
]


def _bool_mask(self: Tied, tokens: Tensor) -> dict[str, Any]:
    mask = torch.ones((tokens.shape[1],) * 2, dtype=torch.bool).triu(1)
    x, states = self.embed(tokens), []
    for layer in self.layers:
        x = layer(x, src_mask=mask)
        states.append(x)
    return {"logits": F.linear(x, self.embed.weight), "states": tuple(states)}


def _copied_head(model: Tied) -> None:
    model.head.weight = nn.Parameter(model.embed.weight.detach().clone())


class Baked(nn.Module):
    """With the weights that the parametrised ones stand for."""

    forward = Normed.forward

    def __init__(self, old: Normed) -> None:
        super().__init__()
        self.one, self.two, self.norm, self.head = nn.Linear(8, 16), nn.Linear(16, 16), old.norm, old.head
        for own, layer in ((self.one, old.one), (self.two, old.two)):
            own.load_state_dict({"weight": layer.weight.detach(), "bias": layer.bias.detach()})


def _flags(model: nn.Module) -> None:
    for part in model.modules():
        if isinstance(part, nn.ReLU):
            part.inplace = not part.inplace


class Whole(nn.Module):
    """The cell as torch's own recurrent layer."""

    def __init__(self, old: Cells) -> None:
        super().__init__()
        self.rnn, self.head = nn.GRU(6, 12, batch_first=True), old.head
        self.rnn.load_state_dict({f"{name}_l0": tensor for name, tensor in old.cell.state_dict().items()})

    def forward(self, x: Tensor) -> Tensor:
        scores = self.head(self.rnn(x)[1][0])
        scores = (scores - scores.amax(-1, keepdim=True)).exp()
        return scores / scores.sum(-1, keepdim=True)


def _fused(self: Masked, x: Tensor) -> Tensor:
    y = F.scaled_dot_product_attention(self.q(x), self.k(x), self.v(x), is_causal=True, scale=8**-0.5)
    return self.out(self.norm(y + x))


def _finite_mask(self: Masked, x: Tensor) -> Tensor:
    scores = torch.einsum("bqd,bkd->bqk", self.q(x) / 8**0.5, self.k(x))
    scores = scores.masked_fill(torch.ones(6, 6).triu(1).bool(), torch.finfo(x.dtype).min)
    return self.out(self.norm(torch.baddbmm(x, scores.softmax(-1), self.v(x))))


class Named(nn.Module):
    """The stages in a dict, each wrapped once more; of another base class."""

    def __init__(self, old: Stages) -> None:
        super().__init__()
        self.body = nn.ModuleDict(
            {f"s{number}": nn.Sequential(stage) for number, stage in enumerate(old.stages)}
        )
        self.head = old.gate

    def forward(self, x: Tensor) -> list[Any]:
        found = []
        for stage in self.body.values():
            x = stage(x)
            found.append(x.clone())
        return [tuple(found), self.head(x.flatten(2).mean(-1)).max(-1).indices]


def _norm_in_words(self: Any, x: Tensor) -> Tensor:
    scale = self.weight * (self.running_var + self.eps).rsqrt()
    return x * scale + (self.bias - self.running_mean * scale)


NEUTRAL_KINDS = [
    Neutral("tied", "a mask of truth values, the embedding as head", forward("", _bool_mask)),
    Neutral("tied", "a copy of the tied weights", _copied_head),
    Neutral("normed", "parametrised weights baked", Baked),
    Neutral("normed", "a norm written out", forward("norm", _norm_in_words)),
    Neutral("cells", "torch's recurrent layer", Whole),
    Neutral("masked", "fused attention", forward("", _fused)),
    Neutral("masked", "a mask that is finite", forward("", _finite_mask)),
    Neutral("stages", "nothing in place", _flags),
    Neutral("stages", "other names, deeper", Named),
    Neutral("stages", "channels last", lambda m: m.to(memory_format=torch.channels_last)),
]
