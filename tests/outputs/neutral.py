"""The same networks written in another way: nothing of them is apart by more than rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .planted import (
    Attention,
    Autoencoder,
    Branches,
    Language,
    Layer,
    Mixer,
    ResNet,
    Siamese,
    UNet,
    forward,
    put,
    swap,
)


class Neutral(NamedTuple):
    model: str
    change: str
    rewrite: Callable[[nn.Module], object]


def _all(kind: type, function: Callable[..., object]) -> Callable[[nn.Module], None]:
    def rewrite(model: nn.Module) -> None:
        for path, part in model.named_modules():
            if isinstance(part, kind):
                forward(path, function)(model)

    return rewrite


def _unfused(self: Attention, x: Tensor) -> Tensor:
    batch, length, _ = x.shape
    q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
    weights = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1)
    return self.proj((weights @ v).transpose(1, 2).reshape(x.shape))


def _scaled_before(self: Attention, x: Tensor) -> Tensor:
    batch, length, _ = x.shape
    q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
    weights = (q * q.shape[-1] ** -0.5 @ k.transpose(-1, -2)).softmax(-1)
    return self.proj(torch.einsum("bhij,bhjd->bihd", weights, v).reshape(x.shape))


def _in_three(self: Attention, x: Tensor) -> Tensor:
    parts = zip(self.qkv.weight.chunk(3), self.qkv.bias.chunk(3), strict=True)
    q, k, v = (F.linear(x, *part).unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
    return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape))


class Pointwise(nn.Module):
    """A linear layer as a 1x1 convolution."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, x.shape[-1], 1, 1)
        return F.conv2d(flat, self.weight[..., None, None], self.bias).reshape(*x.shape[:-1], -1)


def _pointwise(model: nn.Module) -> None:
    for path, part in list(model.named_modules()):
        if isinstance(part, nn.Linear):
            model.set_submodule(path, Pointwise(part))


def _channels_last(model: nn.Module) -> None:
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _merged(model: nn.Module) -> None:
    """Norms are merged into their convolutions."""
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    for block in model.layers:  # type: ignore[union-attr]
        block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
        block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()


class Renamed(nn.Module):
    def __init__(self, old: ResNet) -> None:
        super().__init__()
        self.first, self.body, self.head = old.stem, old.layers, old.fc

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.adaptive_avg_pool2d(self.body(self.first(x)), 1).flatten(1))


class Wrapped(nn.Module):
    def __init__(self, old: nn.Module) -> None:
        super().__init__()
        self.model = old

    def forward(self, *args: Tensor) -> object:
        return self.model(*args)


def _norm_by_hand(self: nn.LayerNorm, x: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred * (centred.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight + self.bias


def _stacked(self: Siamese, a: Tensor, b: Tensor) -> Tensor:
    one, other = self.norm(self.encoder(torch.cat([a, b]))).chunk(2)
    return self.head((one - other).abs())


def _sums(self: Branches, x: Tensor) -> tuple[Tensor, Tensor]:
    x = self.stem(x)
    parts = [part(x).flatten(2).sum(-1) / x[0, 0].numel() for part in (self.one, self.three, self.pool)]
    return self.fc(torch.cat(parts, 1)), self.box(torch.cat(parts, 1))


def _added_the_other_way(self: Layer, x: Tensor) -> Tensor:
    x = self.attention(self.norm1(x)) + x
    return torch.add(self.mlp(self.norm2(x)), x)


def _einsum(self: Mixer, x: Tensor) -> Tensor:
    for block in self.blocks:
        tokens = block["tokens"]
        y = torch.einsum("btc,st->bsc", block["norm"](x), tokens.weight) + tokens.bias[:, None]
        x = x + F.gelu(y)
        x = x + F.gelu(block["channels"](x))
    return self.head(self.dropout(x).mean(1))


def _unet(self: UNet, x: Tensor) -> dict[str, Tensor]:
    a = self.down1(x).clamp(min=0)
    b = self.middle(self.down2(nn.MaxPool2d(2)(a)).relu()).relu()
    y = torch.concat([a, F.interpolate(b, a.shape[-2:], mode="bilinear")], dim=1)
    return {"out": self.head(self.norm(self.up1(y).relu_()))}


def _normalised(self: Autoencoder, x: Tensor) -> Tensor:
    y = self.encode(x)
    return self.decode(y / y.square().sum(1, keepdim=True).sqrt().clamp(min=1e-12))


def _embedded(self: Language, tokens: Tensor) -> Tensor:
    x = F.one_hot(tokens, 50).float() @ self.embed.weight
    for layer in self.layers:
        x = layer(x)
    return F.linear(self.norm(x), self.head.weight)


NEUTRAL = [
    Neutral("resnet", "channels last", _channels_last),
    Neutral("unet", "channels last", _channels_last),
    Neutral("branches", "channels last", _channels_last),
    Neutral("autoencoder", "channels last", _channels_last),
    Neutral("vit", "attention written out", _all(Attention, _unfused)),
    Neutral("language", "attention written out", _all(Attention, _unfused)),
    Neutral("vit", "attention by einsum, scaled before", _all(Attention, _scaled_before)),
    Neutral("language", "projections apart", _all(Attention, _in_three)),
    Neutral("vit", "linear as a convolution", _pointwise),
    Neutral("mixer", "linear as a convolution", _pointwise),
    Neutral("plain", "linear as a convolution", _pointwise),
    Neutral("language", "norms written out", _all(nn.LayerNorm, _norm_by_hand)),
    Neutral("vit", "norms written out", _all(nn.LayerNorm, _norm_by_hand)),
    Neutral("resnet", "norms merged into convolutions", _merged),
    Neutral("resnet", "other names", Renamed),
    Neutral("vit", "wrapped", Wrapped),
    Neutral("siamese", "both at once", forward("", _stacked)),
    Neutral("branches", "means as sums", forward("", _sums)),
    Neutral("vit", "the other order of an addition", _all(Layer, _added_the_other_way)),
    Neutral("mixer", "einsum", forward("", _einsum)),
    Neutral("unet", "methods for functions", forward("", _unet)),
    Neutral("autoencoder", "a norm written out", forward("", _normalised)),
    Neutral("language", "a lookup as a product", forward("", _embedded)),
    Neutral("plain", "activations in place", put("1", inplace=True)),
    Neutral("mixer", "no dropout", swap("dropout", nn.Identity)),
    Neutral("resnet", "nothing", lambda model: None),
]
