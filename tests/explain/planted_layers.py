"""Models whose default layer was once another than a person would choose, and layers that are read in a wrong way.

`layers`: where a person would look; one of them must be taken. The convention for vision transformers is the norm
before the last attention (grad-cam's documentation: `model.blocks[-1].norm1`), for networks of convolutions the end of
the last stage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .planted import Fun, Net, convolutions, drawn, last_first, tokens


class Layered(NamedTuple):
    """`grid` is the map's; `form` makes (N, C, *grid) of the layer's output, where that is fixed by the kind."""

    name: str
    build: Callable[[], nn.Module]
    inputs: Any
    layers: tuple[str, ...]
    grid: tuple[int, ...]
    form: Callable[[Tensor], Tensor] = lambda a: a
    target: Any = 1

    def __repr__(self) -> str:
        return self.name


class Block(nn.Module):
    """An attention block; `keep` hands the attention matrix to a module, as models do to look at it."""

    def __init__(self, width: int, heads: int = 2, keep: bool = False) -> None:
        super().__init__()
        self.norm1, self.qkv, self.proj = (
            nn.LayerNorm(width),
            nn.Linear(width, 3 * width),
            nn.Linear(width, width),
        )
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.heads = heads
        self.softmax, self.drop = (
            (nn.Softmax(-1), nn.Dropout(0.1)) if keep else (Fun(lambda a: a.softmax(-1)), None)
        )
        if not keep:
            del self.softmax, self.drop
        self.keep = keep

    def attend(self, t: Tensor) -> Tensor:
        n, length, width = t.shape
        q, k, v = self.qkv(t).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        a = q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5
        a = self.drop(self.softmax(a)) if self.keep else a.softmax(-1)
        return self.proj((a @ v).transpose(1, 2).flatten(2))

    def forward(self, t: Tensor) -> Tensor:
        t = t + self.attend(self.norm1(t))
        return t + self.mlp(self.norm2(t))


class Vision(nn.Module):
    """A vision transformer: patches of 8, `extra` learnt tokens in front; the head reads the first one, or the mean."""

    def __init__(self, places: int = 16, extra: int = 1, keep: bool = False, head: bool = True) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 8, 8)
        self.extra = nn.Parameter(torch.randn(1, extra, 16)) if extra else None
        self.positions = nn.Parameter(torch.randn(1, places + extra, 16) * 0.1)
        self.blocks = nn.ModuleList([Block(16, keep=keep), Block(16, keep=keep)])
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 4) if head else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        t = self.patch(x).flatten(2).transpose(1, 2)
        if self.extra is not None:
            t = torch.cat([self.extra.expand(len(t), -1, -1), t], 1)
        t = t + self.positions
        for block in self.blocks:
            t = block(t)
        t = self.norm(t)
        return self.head(t[:, 0] if self.extra is not None else t.mean(1))


class Behind(Vision):
    """As a detector's transformer: a class token in front, `behind` learnt tokens behind the patches are read."""

    def __init__(self, behind: int) -> None:
        super().__init__(16, 1)
        self.behind = nn.Parameter(torch.randn(1, behind, 16))

    def forward(self, x: Tensor) -> Tensor:
        t = self.patch(x).flatten(2).transpose(1, 2)
        n = len(t)
        t = torch.cat([self.extra.expand(n, -1, -1), t, self.behind.expand(n, -1, -1)], 1)
        for block in self.blocks:
            t = block(t)
        return self.head(self.norm(t)[:, 17:].mean(1))


class Queries(nn.Module):
    """As a detector's decoder: `count` learnt queries ask the places of an encoder by attention."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.features = convolutions(3, 16)
        self.queries = nn.Parameter(torch.randn(1, count, 16))
        self.ask, self.norm, self.head = (
            nn.MultiheadAttention(16, 2, batch_first=True),
            nn.LayerNorm(16),
            nn.Linear(16, 4),
        )

    def forward(self, x: Tensor) -> Tensor:
        places = self.features(x).flatten(2).transpose(1, 2)
        queries = self.queries.expand(len(x), -1, -1)
        return self.head(self.norm(queries + self.ask(queries, places, places)[0]).mean(1))


class Tower(nn.Module):
    """A backbone that returns its places, and beside them what was pooled from them."""

    def __init__(self) -> None:
        super().__init__()
        self.features = convolutions()

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        places = self.features(x)
        return {"last_hidden_state": places, "pooled": places.mean((2, 3), keepdim=True).flatten(1)}


class Windows(nn.Module):
    """Swin's block on (N, h, w, C): attention within windows of 2 x 2, whose batch is N times their number."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, t: Tensor) -> Tensor:
        n, h, w, c = t.shape
        parts = self.norm1(t).view(n, h // 2, 2, w // 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        parts = self.attention(parts, parts, parts)[0]
        t = t + parts.view(n, h // 2, w // 2, 2, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
        return t + self.mlp(self.norm2(t))


def windowed() -> Net:
    return Net(
        lambda self, x: self.head(self.blocks(self.patch(x).permute(0, 2, 3, 1)).mean((1, 2))),
        patch=nn.Conv2d(3, 16, 8, 8),
        blocks=nn.Sequential(Windows(16), Windows(16)),
        head=nn.Linear(16, 4),
    )


class Clip(nn.Module):
    """An image tower, then a text tower of as many tokens as make a square; similarities are the logits."""

    def __init__(self, words: int, first: bool = False, image: nn.Module | None = None) -> None:
        super().__init__()
        self.visual = image or Vision(head=False)
        self.embedding = nn.Embedding(50, 16)
        self.words = nn.Parameter(torch.randn(1, words, 16))
        self.text = nn.ModuleList([Block(16), Block(16)])
        self.final = nn.LayerNorm(16)
        self.first = first

    def said(self, ids: Tensor) -> Tensor:
        t = self.embedding(ids) + self.words
        for block in self.text:
            t = block(t)
        return self.final(t)[:, -1]

    def forward(self, x: Tensor, ids: Tensor) -> Tensor:
        if self.first:
            texts, image = self.said(ids), self.visual(x)
        else:
            image, texts = self.visual(x), self.said(ids)
        return F.normalize(image, dim=1) @ F.normalize(texts, dim=1).T


class Sequence(nn.Module):
    """OpenAI's CLIP has tokens first, (L, N, C)."""

    def __init__(self) -> None:
        super().__init__()
        self.patch, self.cls = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, 1, 16))
        self.body = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(16, 2, 32, 0.0, norm_first=True), 2, enable_nested_tensor=False
        )
        self.head = nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        t = self.patch(x).flatten(2).permute(2, 0, 1)
        return self.head(self.body(torch.cat([self.cls.expand(1, t.shape[1], -1), t]))[0])


def head_of(**layers: nn.Module) -> dict[str, nn.Module]:
    return {"features": convolutions(), **layers, "head": nn.Linear(8, 4)}


def pooled(self: Any, x: Tensor) -> Tensor:
    return self.head(x.mean((2, 3)))


class Excite(nn.Module):
    """Squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.down, self.up = nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.up(self.down(self.pool(x)).relu()).sigmoid()


class Places(nn.Module):
    """A map of positions that no picture changes."""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.randn(1, 8, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.map.expand(len(x), -1, -1, -1)


def queries() -> Net:
    """A decoder of 16 queries that ask the picture's places: (N, 16, C) is no grid of 4 x 4."""

    def forward(self, x):
        t = self.features(x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.ask(self.asked.weight.expand(len(x), -1, -1), t, t)[0]).mean(1))

    return Net(
        forward,
        features=convolutions(),
        asked=nn.Embedding(16, 8),
        ask=nn.MultiheadAttention(8, 2, batch_first=True),
        norm=nn.LayerNorm(8),
        head=nn.Linear(8, 4),
    )


def last_of(*size: int) -> Tensor:
    return drawn(2, 3, *size)


IMAGES, WIDE = last_of(32, 32), last_of(32, 48)
IDS = torch.arange(2 * 64).view(2, 64) % 50
SEGMENTS = {"target": lambda out: (out["out"] if isinstance(out, dict) else out)[:, 1].mean((1, 2))}
FEATURES = ("features", "features.3", "features.2")

LAYERS = [
    # transformers: the norm before the last attention
    Layered("class token", Vision, IMAGES, ("blocks.1.norm1",), (4, 4), tokens(4, 4, 1)),
    Layered(
        "class token, not square", lambda: Vision(24), WIDE, ("blocks.1.norm1",), (4, 6), tokens(4, 6, 1)
    ),
    Layered("registers", lambda: Vision(16, 5), IMAGES, ("blocks.1.norm1",), (4, 4), tokens(4, 4, 5)),
    Layered(
        "nine of 25 tokens are registers",
        lambda: Vision(16, 9),
        IMAGES,
        ("blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 9),
    ),
    Layered(
        "class and distillation token",
        lambda: Vision(16, 2),
        IMAGES,
        ("blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 2),
    ),
    *(
        Layered(
            f"{count} tokens that are read behind the patches",
            lambda count=count: Behind(count),
            IMAGES,
            ("blocks.1.norm1",),
            (4, 4),
            lambda a: tokens(4, 4, 1)(a[:, :17]),
        )
        for count in (7, 40)
    ),
    Layered("more queries than places", lambda: Queries(70), IMAGES, FEATURES, (8, 8)),
    Layered(
        "pooled beside the places",
        lambda: Net(lambda self, x: self.head(self.tower(x)["pooled"]), tower=Tower(), head=nn.Linear(8, 4)),
        IMAGES,
        tuple(f"tower.{name}" for name in FEATURES),
        (8, 8),
    ),
    Layered(
        "mean of the tokens",
        lambda: Vision(16, 0),
        IMAGES,
        ("blocks.1.norm1", "blocks.1.norm2", "blocks.1", "norm"),
        (4, 4),
        tokens(4, 4),
    ),
    Layered(
        "attention kept by modules",
        lambda: Vision(16, 1, True),
        IMAGES,
        ("blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 1),
    ),
    Layered(
        "attention of 16 x 16 kept, mean",
        lambda: Vision(16, 0, True),
        IMAGES,
        ("blocks.1.norm1", "blocks.1.norm2", "blocks.1", "norm"),
        (4, 4),
        tokens(4, 4),
    ),
    Layered(
        "attention of 24 x 24 kept, mean, not square",
        lambda: Vision(24, 0, True),
        WIDE,
        ("blocks.1.norm1", "blocks.1.norm2", "blocks.1", "norm"),
        (4, 6),
        tokens(4, 6),
    ),
    Layered(
        "tokens first", Sequence, IMAGES, ("body.layers.1.norm1", "body.layers.0", "patch"), (4, 4), None
    ),
    Layered(
        "windows",
        windowed,
        IMAGES,
        ("blocks.1.norm1", "blocks.1.norm2", "blocks.1", "blocks"),
        (4, 4),
        last_first,
    ),
    Layered(
        "windows, not square",
        windowed,
        last_of(32, 64),
        ("blocks.1.norm1", "blocks.1.norm2", "blocks.1", "blocks"),
        (4, 8),
        last_first,
    ),
    # a branch that is no picture
    Layered(
        "text tower of 64 tokens",
        lambda: Clip(64),
        (IMAGES, IDS),
        ("visual.blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 1),
    ),
    Layered(
        "text tower of 16 tokens",
        lambda: Clip(16),
        (IMAGES, IDS[:, :16]),
        ("visual.blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 1),
    ),
    Layered(
        "text tower first",
        lambda: Clip(64, True),
        (IMAGES, IDS),
        ("visual.blocks.1.norm1",),
        (4, 4),
        tokens(4, 4, 1),
    ),
    Layered(
        "text tower beside convolutions",
        lambda: Clip(
            64,
            image=nn.Sequential(nn.Conv2d(3, 16, 3, 4, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        ),
        (IMAGES, IDS),
        ("visual.0", "visual.1"),
        (8, 8),
    ),
    Layered("queries of a decoder", queries, IMAGES, FEATURES, (8, 8)),
    Layered(
        "columns that a GRU reads",
        lambda: Net(
            lambda self, x: self.head(self.read(self.features(x).mean(2).transpose(1, 2))[0].mean(1)),
            features=nn.Sequential(nn.Conv2d(3, 8, 3, (4, 2), 1), nn.ReLU()),
            read=nn.GRU(8, 8, batch_first=True),
            head=nn.Linear(8, 4),
        ),
        IMAGES,
        ("features", "features.0", "features.1"),
        (8, 16),
    ),
    Layered(
        "mask branch",
        lambda: Net(
            lambda self, x, m: self.head(
                torch.cat([self.features(x).mean((2, 3)), self.mask(m).mean((2, 3))], 1)
            ),
            features=convolutions(),
            mask=convolutions(1),
            head=nn.Linear(16, 4),
        ),
        (IMAGES, drawn(2, 1, 32, 32, seed=3).sign()),
        FEATURES,
        (8, 8),
    ),
    Layered(
        "map of positions",
        lambda: Net(
            lambda self, x: pooled(self, self.features(x) * self.places(x)), **head_of(places=Places())
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    Layered(
        "map of positions, normalised",
        lambda: Net(
            lambda self, x: pooled(self, self.features(x) * self.norm(self.places(x))),
            **head_of(places=Places(), norm=nn.BatchNorm2d(8)),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    Layered(
        "excitation",
        lambda: Net(lambda self, x: pooled(self, self.excite(self.features(x))), **head_of(excite=Excite())),
        IMAGES,
        (*FEATURES, "excite"),
        (8, 8),
    ),
    Layered(
        "channel attention of 16 channels",
        lambda: Net(
            lambda self, x: (
                lambda f: self.head(
                    (f * self.gate(f.mean((2, 3))[:, :, None]).sigmoid()[..., None]).mean((2, 3))
                )
            )(self.features(x)),
            features=convolutions(3, 16),
            gate=nn.Linear(1, 1),
            head=nn.Linear(16, 4),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    Layered(
        "auxiliary head behind",
        lambda: Net(
            lambda self, x: (lambda f: (pooled(self, f), self.aux(f))[0])(self.features(x)),
            **head_of(aux=nn.Conv2d(8, 8, 3, padding=1)),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    Layered(
        "decoder behind",
        lambda: Net(
            lambda self, x: (lambda f: {"logits": pooled(self, f), "picture": self.decoder(f)})(
                self.features(x)
            ),
            **head_of(decoder=nn.Sequential(nn.ConvTranspose2d(8, 8, 2, 2), nn.ReLU(), nn.Conv2d(8, 3, 1))),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
        target=lambda out: out["logits"][:, 1],
    ),
    # segmentation: what speaks for the class, not the class's own logits
    Layered(
        "segmentation",
        lambda: Net(
            lambda self, x: {"out": self.head(self.features(x))},
            features=convolutions(),
            head=nn.Conv2d(8, 4, 1),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
        **SEGMENTS,
    ),
    Layered(
        "segmentation, enlarged by a function",
        lambda: Net(
            lambda self, x: {
                "out": F.interpolate(self.head(self.features(x)), scale_factor=4, mode="bilinear")
            },
            features=convolutions(),
            head=nn.Conv2d(8, 4, 1),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
        **SEGMENTS,
    ),
    Layered(
        "segmentation, enlarged by a module",
        lambda: Net(
            lambda self, x: self.up(self.head(self.features(x))),
            features=convolutions(),
            head=nn.Conv2d(8, 4, 1),
            up=nn.Upsample(scale_factor=4, mode="bilinear"),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
        **SEGMENTS,
    ),
    Layered(
        "segmentation with a softmax",
        lambda: Net(
            lambda self, x: self.soft(self.head(self.features(x))),
            features=convolutions(),
            head=nn.Conv2d(8, 4, 1),
            soft=nn.Softmax(1),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
        **SEGMENTS,
    ),
    # what passes a tensor on, or shows the picture itself
    Layered(
        "identity and dropout behind",
        lambda: Net(
            lambda self, x: pooled(self, self.drop(self.tap(self.features(x)))),
            **head_of(tap=nn.Identity(), drop=nn.Dropout2d()),
        ),
        IMAGES,
        (*FEATURES, "tap", "drop"),
        (8, 8),
    ),
    Layered(
        "the picture itself, last",
        lambda: Net(
            lambda self, x: (
                lambda f: self.head(f.mean((2, 3))) + self.tap(x).mean((1, 2, 3))[:, None] * 0.1
            )(self.features(x)),
            **head_of(tap=nn.Identity()),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    Layered(
        "the picture made smaller, last",
        lambda: Net(
            lambda self, x: (
                lambda f: self.head(f.mean((2, 3))) + self.small(x).mean((1, 2, 3))[:, None] * 0.1
            )(self.features(x)),
            **head_of(small=nn.AvgPool2d(2)),
        ),
        IMAGES,
        FEATURES,
        (8, 8),
    ),
    # read channels last, or not
    *(
        Layered(
            f"channels last, {h}x{w} with {c} channels",
            lambda c=c: Net(
                lambda self, x: self.head(self.norm(self.patch(x).permute(0, 2, 3, 1)).mean((1, 2))),
                patch=nn.Conv2d(3, c, 8, 8),
                norm=nn.LayerNorm(c),
                head=nn.Linear(c, 4),
            ),
            last_of(8 * h, 8 * w),
            ("norm",),
            (h, w),
            last_first,
        )
        for h, w, c in [
            (8, 12, 12),
            (8, 12, 20),
            (8, 12, 16),
            (8, 10, 14),
            (12, 8, 6),
            (6, 4, 6),
            (4, 6, 8),
            (4, 4, 16),
        ]
    ),
    Layered(
        "channels first, (C, h) fits better than (h, w)",
        lambda: Net(
            lambda self, x: self.head(self.two(self.one(x)).mean((2, 3))),
            one=nn.Conv2d(3, 4, 8, 8),
            two=nn.Conv2d(4, 4, 3),
            head=nn.Linear(4, 4),
        ),
        last_of(64, 96),
        ("two",),
        (6, 10),
    ),
]

EARLY = [  # the first layer that looks at the picture: how invariance's early curve is chosen
    ("padding", lambda: nn.Sequential(nn.ZeroPad2d(1), *convolutions(), *end()), "1"),
    ("constant padding", lambda: nn.Sequential(nn.ConstantPad2d(2, 0.5), *convolutions(), *end()), "1"),
    ("reflection padding", lambda: nn.Sequential(nn.ReflectionPad2d(1), *convolutions(), *end()), "1"),
    ("identity", lambda: nn.Sequential(nn.Identity(), *convolutions(), *end()), "1"),
    ("dropout", lambda: nn.Sequential(nn.Dropout(0.1), *convolutions(), *end()), "1"),
    ("made smaller", lambda: nn.Sequential(nn.AvgPool2d(2), *convolutions(), *end()), "1"),
    (
        "normalised by a module without parameters",
        lambda: nn.Sequential(Fun(lambda x: (x - 0.5) / 0.2), *convolutions(), *end()),
        "1",
    ),
    ("enlarged", lambda: nn.Sequential(nn.Upsample(scale_factor=2), *convolutions(), *end()), "1"),
    (
        "padding within a stem",
        lambda: nn.Sequential(nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(3, 3, 3)), *convolutions(), *end()),
        "0.1",
    ),
]


def end() -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]
