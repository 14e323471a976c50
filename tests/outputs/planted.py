"""Small networks of ten kinds, and changes of them, each with the module that is to be named."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SELF = "(the model itself)"


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width)
        self.act = nn.ReLU()
        self.scale = 1.0

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.bn1(self.conv1(x))) * self.scale
        return self.act(x + self.bn2(self.conv2(y)))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, padding=1)
        self.layers = nn.Sequential(*(Block(16) for _ in range(4)))
        self.fc = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.layers(self.stem(x)).mean((2, 3)))


class Plain(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 64, 32), nn.ReLU(), nn.Linear(32, 10),
        )  # fmt: skip


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.middle = nn.Conv2d(16, 16, 3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear")
        self.up1, self.head = nn.Conv2d(24, 8, 3, padding=1), nn.Conv2d(8, 5, 1)
        self.norm = nn.GroupNorm(2, 8)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        a = F.relu(self.down1(x))
        b = F.relu(self.middle(F.relu(self.down2(F.max_pool2d(a, 2)))))
        y = self.norm(F.relu(self.up1(torch.cat([a, self.up(b)], 1))))
        return {"out": self.head(y)}


class Attention(nn.Module):
    def __init__(self, width: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.qkv, self.proj, self.heads = nn.Linear(width, 3 * width), nn.Linear(width, width), heads

    def forward(self, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(x.shape))


class Layer(nn.Module):
    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.norm1, self.attention, self.norm2 = nn.LayerNorm(width), Attention(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 32, 4, 4)
        self.position = nn.Parameter(torch.randn(1, 16, 32) * 0.02)
        self.layers = nn.Sequential(*(Layer() for _ in range(4)))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patch(x).flatten(2).transpose(1, 2) + self.position
        return self.head(self.norm(self.layers(x)).mean(1))


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(50, 32)
        self.layers = nn.ModuleList(Layer() for _ in range(3))
        self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 50, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x))


class Siamese(nn.Module):
    """Two modules that are called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(12, 32), nn.Tanh(), nn.Linear(32, 16))
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 3)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.head((self.norm(self.encoder(a)) - self.norm(self.encoder(b))).abs())


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.one = nn.Sequential(nn.Conv2d(8, 8, 1), nn.BatchNorm2d(8), nn.SiLU())
        self.three = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU())
        self.pool = nn.AvgPool2d(3, 1, 1)
        self.fc, self.box = nn.Linear(24, 10), nn.Linear(24, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        y = torch.cat([self.one(x), self.three(x), self.pool(x)], 1).mean((2, 3))
        return self.fc(y), self.box(y)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Linear(6, 16), nn.LSTM(16, 16, 2, batch_first=True)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.lstm(torch.tanh(self.embed(x)))[0][:, -1]))


class Mixer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {"norm": nn.LayerNorm(24), "tokens": nn.Linear(16, 16), "channels": nn.Linear(24, 24)}
            )
            for _ in range(3)
        )
        self.dropout, self.head = nn.Dropout(0.5), nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            y = block["norm"](x)
            x = x + F.gelu(block["tokens"](y.transpose(1, 2))).transpose(1, 2)
            x = x + F.gelu(block["channels"](x))
        return self.head(self.dropout(x).mean(1))


class Autoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU())
        self.decode = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 2, 2), nn.LeakyReLU(), nn.ConvTranspose2d(8, 3, 2, 2), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(F.normalize(self.encode(x), dim=1))


IMAGE, FEATURES = (4, 3, 16, 16), (4, 16, 24)
MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Tensor, ...]]]] = {
    "resnet": (ResNet, lambda: (torch.randn(IMAGE),)),
    "plain": (Plain, lambda: (torch.randn(IMAGE),)),
    "unet": (UNet, lambda: (torch.randn(IMAGE),)),
    "vit": (ViT, lambda: (torch.randn(IMAGE),)),
    "language": (Language, lambda: (torch.randint(0, 50, (4, 12)),)),
    "siamese": (Siamese, lambda: (torch.randn(4, 12), torch.randn(4, 12))),
    "branches": (Branches, lambda: (torch.randn(IMAGE),)),
    "recurrent": (Recurrent, lambda: (torch.randn(4, 9, 6),)),
    "mixer": (Mixer, lambda: (torch.randn(FEATURES),)),
    "autoencoder": (Autoencoder, lambda: (torch.randn(IMAGE),)),
}


def made(name: str) -> tuple[nn.Module, tuple[Tensor, ...]]:
    """A network with norms that have seen something, and its inputs."""
    torch.manual_seed(1)
    build, inputs = MODELS[name]
    model = build()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean, std=0.2)
            nn.init.uniform_(part.running_var, 0.5, 2.0)
    return model.eval(), inputs()


class Planted(NamedTuple):
    model: str
    change: str
    named: str
    plant: Callable[[nn.Module], None]


def weight(path: str, share: float = 0.01) -> Callable[[nn.Module], None]:
    def plant(model: nn.Module) -> None:
        with torch.no_grad():
            tensor = next(model.get_submodule(path).parameters())
            tensor.mul_(1 + share * torch.randn(tensor.shape))

    return plant


def one_weight(path: str) -> Callable[[nn.Module], None]:
    def plant(model: nn.Module) -> None:
        with torch.no_grad():
            next(model.get_submodule(path).parameters()).view(-1)[3] += 0.1

    return plant


def put(path: str, **values: object) -> Callable[[nn.Module], None]:
    return lambda model: vars(model.get_submodule(path)).update(values)


def swap(path: str, other: Callable[[], nn.Module]) -> Callable[[nn.Module], None]:
    return lambda model: model.set_submodule(path, other().eval())


def forward(path: str, function: Callable[..., object]) -> Callable[[nn.Module], None]:
    def plant(model: nn.Module) -> None:
        part = model.get_submodule(path)
        part.forward = types.MethodType(function, part)  # type: ignore[method-assign]

    return plant


def _scaled_add(self: Layer, x: Tensor) -> Tensor:
    x = x + self.attention(self.norm1(x)) * 1.05
    return x + self.mlp(self.norm2(x))


def _norm_after(self: Layer, x: Tensor) -> Tensor:
    x = self.norm1(x + self.attention(x))
    return self.norm2(x + self.mlp(x))


def _unet(
    pool: Callable[..., Tensor] = F.max_pool2d, act: Callable[..., Tensor] = F.relu
) -> Callable[..., object]:
    def run(self: UNet, x: Tensor) -> dict[str, Tensor]:
        a = F.relu(self.down1(x))
        b = act(self.middle(F.relu(self.down2(pool(a, 2)))))
        y = self.norm(F.relu(self.up1(torch.cat([a, self.up(b)], 1))))
        return {"out": self.head(y)}

    return run


def _swapped(self: Siamese, a: Tensor, b: Tensor) -> Tensor:
    return self.head((self.norm(self.encoder(a)) - self.norm(self.encoder(b))).square())


def _second_scaled(self: Siamese, a: Tensor, b: Tensor) -> Tensor:
    return self.head((self.norm(self.encoder(a)) - self.norm(self.encoder(1.1 * b))).abs())


def _other_cat(self: Branches, x: Tensor) -> tuple[Tensor, Tensor]:
    x = self.stem(x)
    y = torch.cat([self.three(x), self.one(x), self.pool(x)], 1).mean((2, 3))
    return self.fc(y), self.box(y)


def _last_but_one(self: Recurrent, x: Tensor) -> Tensor:
    return self.head(self.norm(self.lstm(torch.tanh(self.embed(x)))[0][:, -2]))


def _attention(scale: float) -> Callable[..., Tensor]:
    def run(self: Attention, x: Tensor) -> Tensor:
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        return self.proj(
            F.scaled_dot_product_attention(q, k, v, scale=scale).transpose(1, 2).reshape(x.shape)
        )

    return run


class Scale(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 1.1 * x


def insert(path: str, place: int) -> Callable[[nn.Module], None]:
    def plant(model: nn.Module) -> None:
        found = model.get_submodule(path)
        assert isinstance(found, nn.Sequential)
        found.insert(place, Scale())

    return plant


def remove(path: str, place: int) -> Callable[[nn.Module], None]:
    def plant(model: nn.Module) -> None:
        del model.get_submodule(path)[place]  # type: ignore[attr-defined]

    return plant


PLANTED = [
    Planted("resnet", "weights", "layers.1.conv2", weight("layers.1.conv2")),
    Planted("resnet", "one weight", "layers.0.conv1", one_weight("layers.0.conv1")),
    Planted("resnet", "stem", "stem", weight("stem")),
    Planted("resnet", "eps", "layers.2.bn1", put("layers.2.bn1", eps=1e-3)),
    Planted("resnet", "a little eps", "layers.2.bn2", put("layers.2.bn2", eps=5e-5)),
    Planted("resnet", "activation, called twice", "layers.1.act", swap("layers.1.act", nn.SiLU)),
    Planted("resnet", "scale between modules", "layers.3", put("layers.3", scale=1.02)),
    Planted(
        "resnet",
        "padding",
        "layers.2.conv1",
        put("layers.2.conv1", padding_mode="reflect", _reversed_padding_repeated_twice=[1] * 4),
    ),
    Planted("resnet", "head", "fc", weight("fc")),
    Planted("plain", "a layer more", "1", insert("", 1)),
    Planted("plain", "a layer more, later", "7", insert("", 7)),
    Planted("plain", "a layer less", SELF, remove("", 3)),
    Planted("plain", "activation", "3", swap("3", nn.GELU)),
    Planted("plain", "pooling", "4", swap("4", lambda: nn.AvgPool2d(2))),
    Planted("plain", "head", "8", weight("8")),
    Planted("unet", "interpolation", "up", put("up", mode="nearest")),
    Planted("unet", "aligned corners", "up", put("up", align_corners=True)),
    Planted("unet", "pooling in code", SELF, forward("", _unet(pool=F.avg_pool2d))),
    Planted("unet", "activation in code", SELF, forward("", _unet(act=F.gelu))),
    Planted("unet", "groups", "norm", put("norm", num_groups=4)),
    Planted("unet", "head", "head", weight("head")),
    Planted("vit", "position", SELF, lambda model: model.position.data.mul_(1.5)),
    Planted("vit", "patch", "patch", one_weight("patch")),
    Planted("vit", "scale of a branch in code", "layers.2", forward("layers.2", _scaled_add)),
    Planted("vit", "norm after", "layers.1", forward("layers.1", _norm_after)),
    Planted(
        "vit", "scale of attention", "layers.0.attention", forward("layers.0.attention", _attention(0.2))
    ),
    Planted("vit", "approximate gelu", "layers.3.mlp.1", put("layers.3.mlp.1", approximate="tanh")),
    Planted("vit", "eps", "layers.1.norm2", put("layers.1.norm2", eps=1e-3)),
    Planted("language", "one token", "embed", lambda model: model.embed.weight.data[7].mul_(1.1)),
    Planted(
        "language", "weights deep within", "layers.1.attention.qkv", weight("layers.1.attention.qkv", 1e-3)
    ),
    Planted("language", "head", "head", one_weight("head")),
    Planted("language", "norm", "norm", put("norm", eps=1e-2)),
    Planted("siamese", "called twice", "encoder.2", weight("encoder.2")),
    Planted("siamese", "activation, called twice", "encoder.1", swap("encoder.1", nn.Softsign)),
    Planted("siamese", "distance in code", SELF, forward("", _swapped)),
    Planted("siamese", "before the second call", SELF, forward("", _second_scaled)),
    Planted("branches", "second branch", "three.0", weight("three.0")),
    Planted("branches", "norm of a branch", "one.1", put("one.1", eps=1e-2)),
    Planted("branches", "padded zeros count", "pool", put("pool", count_include_pad=False)),
    Planted("branches", "order of parts", SELF, forward("", _other_cat)),
    Planted("branches", "one head of two", "box", weight("box")),
    Planted("recurrent", "recurrent weights", "lstm", weight("lstm")),
    Planted("recurrent", "another step", SELF, forward("", _last_but_one)),
    Planted("recurrent", "input", "embed", one_weight("embed")),
    Planted("mixer", "tokens", "blocks.1.tokens", weight("blocks.1.tokens", 1e-3)),
    Planted("mixer", "norm", "blocks.2.norm", put("blocks.2.norm", eps=1e-3)),
    Planted("mixer", "head", "head", weight("head")),
    Planted("autoencoder", "slope", "decode.1", put("decode.1", negative_slope=0.02)),
    Planted(
        "autoencoder",
        "padding",
        "encode.2",
        put("encode.2", padding_mode="circular", _reversed_padding_repeated_twice=[1] * 4),
    ),
    Planted("autoencoder", "decoder", "decode.2", one_weight("decode.2")),
]
