"""Models of many kinds, and what each is called with."""

from __future__ import annotations

import collections
import dataclasses
import random
import types

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune, rnn
from torch.utils.checkpoint import checkpoint

IMAGE = (1, 3, 32, 32)


class Streams(nn.Module):
    """Keeps a window of what it has seen, and how long that was ago."""

    def __init__(self):
        super().__init__()
        self.cell, self.state, self.seen = nn.GRUCell(4, 4), {"h": None, "past": [[]]}, 0
        self.register_buffer("window", torch.zeros(8, 4))

    def forward(self, x):
        self.state["h"] = h = self.cell(x, self.state["h"])
        self.state["past"][0].append(h.shape)
        self.window[self.seen % 8] = h[0].detach()
        self.seen += 1
        return h


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.block, self.reentrant = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), reentrant

    def forward(self, x):
        return checkpoint(self.block, x, use_reentrant=self.reentrant)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(9, 4), nn.Linear(4, 9, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        return {"logits": self.head(self.embedding(tokens))}


class Draws(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.generator = nn.Linear(4, 4), torch.Generator().manual_seed(1)

    def forward(self, x):
        return self.layer(x) + torch.rand(4, generator=self.generator)


class Packs(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 4, bidirectional=True)

    def forward(self, x):
        packed, _ = self.lstm(rnn.pack_padded_sequence(x, torch.tensor([3, 2])))
        return rnn.pad_packed_sequence(packed)[0]


def collects():
    """A user's feature extractor: hooks that keep what came out of a layer."""
    model, features = nn.Sequential(nn.Linear(4, 4), nn.ReLU()), {}
    model[0].register_forward_hook(lambda module, args, out: features.__setitem__("out", out))
    return model, torch.randn(2, 4)


def with_gradients():
    model, x = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).train(), torch.randn(3, 4)
    model(x).sum().backward()
    return model, x


def pruned():
    layer = nn.Linear(4, 4)
    prune.l1_unstructured(layer, "weight", 0.5)
    return nn.Sequential(layer), torch.randn(2, 4)


def quantised():
    return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear}), torch.randn(
        2, 4
    )


def lazy():
    model = nn.Sequential(nn.LazyLinear(4))
    model(torch.zeros(2, 4))
    return model, torch.randn(2, 4)


def plain(layer, *size):
    return lambda: (layer(), torch.randn(size))


KINDS = {
    "LSTM": plain(lambda: nn.LSTM(4, 4, 2), 3, 2, 4),
    "packed LSTM": lambda: (Packs(), torch.randn(3, 2, 4)),
    "GRUCell": plain(lambda: nn.GRUCell(4, 4), 2, 4),
    "transformer": plain(lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2, 3, 4),
    "MultiheadAttention": lambda: (nn.MultiheadAttention(4, 2), (torch.randn(3, 2, 4),) * 3),
    "EmbeddingBag": lambda: (nn.EmbeddingBag(9, 4, max_norm=1.0), torch.arange(6).view(2, 3)),
    "Bilinear": lambda: (nn.Bilinear(4, 4, 2), (torch.randn(2, 4), torch.randn(2, 4))),
    "instance norm": plain(lambda: nn.InstanceNorm1d(4, track_running_stats=True, affine=True), 2, 4, 8),
    "dropout": plain(lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout()), 2, 4),
    "streams": lambda: (Streams(), torch.randn(1, 4)),
    "checkpointed": lambda: (Checkpointed(False), torch.randn(3, 4)),
    "checkpointed, re-entrant": lambda: (Checkpointed(True), torch.randn(3, 4)),
    "tied": lambda: (Tied(), torch.arange(3)),
    "draws": lambda: (Draws(), torch.randn(2, 4)),
    "collects": collects,
    "mid-training": with_gradients,
    "pruned": pruned,
    "quantised": quantised,
    "lazy": lazy,
    "weight norm": plain(lambda: parametrizations.weight_norm(nn.Linear(4, 4)), 2, 4),
    "spectral norm": plain(lambda: parametrizations.spectral_norm(nn.Linear(4, 4)).train(), 2, 4),
    "bfloat16": lambda: (nn.Linear(4, 4).bfloat16(), torch.randn(2, 4).bfloat16()),
    "complex": lambda: (nn.Linear(4, 4).to(torch.complex64), torch.randn(2, 4, dtype=torch.complex64)),
    "wrapped": lambda: (nn.DataParallel(nn.Linear(4, 4)), torch.randn(2, 4)),
    "shared": lambda: (nn.Sequential(*[nn.Linear(4, 4)] * 3), torch.randn(2, 4)),
    "exported": lambda: (
        torch.export.export(nn.Linear(4, 4), (torch.randn(2, 4),)).module(),
        torch.randn(2, 4),
    ),
    "inputs with gradients": lambda: (nn.Linear(4, 4), torch.randn(2, 4, requires_grad=True)),
}


# More kinds


@dataclasses.dataclass
class Cache:
    """Keys and values of what was seen, as language models keep them."""

    keys: Tensor
    values: Tensor
    steps: list = dataclasses.field(default_factory=list)


class Answer(dict):
    """An output that is a mapping and an object, as Hugging Face's are."""

    __getattr__ = dict.__getitem__


class Speaks(nn.Module):
    """As a language model of Hugging Face is called: keywords, a cache that grows, a mapping that comes back."""

    def __init__(self):
        super().__init__()
        self.config = types.SimpleNamespace(use_cache=True, seen=0)
        self.embed, self.head = nn.Embedding(9, 4), nn.Linear(4, 9)

    def forward(self, input_ids=None, past=None, attention_mask=None, **more):
        self.config.seen += 1
        x = self.embed(input_ids)
        past.keys, past.values = torch.cat([past.keys, x], 1), torch.cat([past.values, x], 1)
        past.steps.append(x.shape)
        mixed = torch.softmax(x @ past.keys.mT, -1) @ past.values
        return Answer(logits=self.head(mixed), past_key_values=past)


def speaks():
    given = {"input_ids": torch.arange(3)[None], "past": Cache(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))}
    return Speaks(), given


class Slots(nn.Module):
    __slots__ = ("count",)

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.count = [0]

    def forward(self, x):
        self.count[0] += 1
        return self.layer(x)


class Delegates(nn.Module):
    """Finds and keeps attributes in ways of its own."""

    def __init__(self):
        super().__init__()
        object.__setattr__(self, "kept", {})
        self.layer = nn.Linear(4, 4)

    def __getattr__(self, name):
        kept = object.__getattribute__(self, "__dict__").get("kept", {})
        return kept[name] if name in kept else super().__getattr__(name)

    def __setattr__(self, name, value):
        if name.startswith("last_"):
            self.kept[name] = value
        else:
            super().__setattr__(name, value)

    def forward(self, x):
        self.last_shape = x.shape
        self.last_output = out = self.layer(x)
        return out


class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.yes, self.no = nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x):
        for _ in range(int(x.abs().sum()) % 3 + 1):
            x = self.yes(x) if x.mean() > 0 else self.no(x)
        return x


SEEN: dict = {"shapes": [], "last": None}


class Everywhere(nn.Module):
    """Draws from generators of its own, counts in a global, keeps deques and dataclasses."""

    calls = 0

    def __init__(self):
        super().__init__()
        self.layer, self.past = nn.Linear(4, 4), collections.deque(maxlen=2)
        self.torch = torch.Generator().manual_seed(1)
        self.numpy = np.random.RandomState(1), np.random.default_rng(1)
        self.python, self.cache = random.Random(1), Cache(torch.zeros(1, 4), torch.zeros(1, 4))

    def forward(self, x):
        noise = torch.rand(4, generator=self.torch) + self.numpy[0].rand() + self.numpy[1].normal()
        out = self.layer(x) + noise + self.python.random()
        self.past.append(out.detach())
        self.cache.keys = self.cache.keys + 1
        self.cache.values.add_(1)
        self.cache.steps.append(len(self.cache.steps))
        SEEN["last"] = out
        return out


class Grows(nn.Module):
    """Changes itself: a layer, a buffer and an attribute more with each call."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(4, 4)])

    def forward(self, x):
        self.layers.append(nn.Identity())
        self.register_buffer(f"seen_{len(self.layers)}", x.detach())
        self.layers[0].bias.requires_grad_(False)
        self.last = [x]
        for layer in self.layers:
            x = layer(x)
        return x


class Seeds(nn.Module):
    """Sets what is the whole process's."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        torch.manual_seed(3)
        np.random.seed(3)
        random.seed(3)
        torch.set_num_threads(1)
        torch.backends.mha.set_fastpath_enabled(False)
        return torch.nn.functional.dropout(self.layer(x), 0.5, training=True)


def hooked():
    """Hooks of all kinds."""
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    kept: dict = {}
    model[0].register_forward_pre_hook(lambda m, args: kept.__setitem__("in", args))
    model[0].register_forward_hook(lambda m, args, kwargs, out: None, with_kwargs=True)
    model[2].register_forward_pre_hook(lambda m, args, kwargs: (args, kwargs), with_kwargs=True)
    model[2].register_forward_hook(lambda m, args, out: out * 2, always_call=True)
    model[0].register_full_backward_hook(lambda m, given, made: None)
    model[2].register_full_backward_pre_hook(lambda m, made: None)
    model.register_state_dict_pre_hook(lambda *_: None)
    model.register_load_state_dict_post_hook(lambda *_: None)
    model[0].weight.register_hook(lambda grad: None)
    model[2].weight.register_post_accumulate_grad_hook(lambda parameter: None)
    return model, torch.randn(2, 4)


class Symmetric(nn.Module):
    def forward(self, weight):
        return weight.triu() + weight.triu(1).mT


def parametrised():
    layer = nn.Linear(4, 4)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return nn.Sequential(layer, nn.Tanh()).train(), torch.randn(2, 4)


def block():
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3))


def in_place():
    model = block()
    model.compile(backend="eager")
    model(torch.randn(3, 4))
    model.eval()(torch.randn(3, 4))
    return model.train(), torch.randn(3, 4)


def conv():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))


KINDS |= {
    "as Hugging Face's": speaks,
    "slots": lambda: (Slots(), torch.randn(2, 4)),
    "ways of its own": lambda: (Delegates(), torch.randn(2, 4)),
    "decides by data": lambda: (Decides(), torch.randn(2, 4)),
    "keeps everywhere": lambda: (Everywhere(), torch.randn(2, 4)),
    "changes itself": lambda: (Grows(), torch.randn(2, 4)),
    "sets what is everybody's": lambda: (Seeds(), torch.randn(2, 4)),
    "hooks of all kinds": hooked,
    "parametrised": parametrised,
    "compiled": lambda: (torch.compile(block(), backend="eager"), torch.randn(3, 4)),
    "compiled in place": in_place,
    "scripted": lambda: (torch.jit.script(block()), torch.randn(3, 4)),
    "traced": lambda: (torch.jit.trace(block().eval(), torch.randn(3, 4)), torch.randn(3, 4)),
    "frozen": lambda: (torch.jit.freeze(torch.jit.script(block().eval())), torch.randn(3, 4)),
    "for pictures": lambda: (conv(), torch.randn(2, 3, 8, 8)),
    "for pictures, half": lambda: (conv().bfloat16(), torch.randn(2, 3, 8, 8).bfloat16()),
}


# torchvision's

_CLASSIFIERS = [
    "alexnet",
    "convnext_tiny",
    "convnext_small",
    "densenet121",
    "densenet169",
    "efficientnet_b0",
    "efficientnet_b1",
    "efficientnet_b2",
    "efficientnet_v2_s",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mnasnet1_0",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "regnet_x_400mf",
    "regnet_x_800mf",
    "regnet_y_400mf",
    "regnet_y_800mf",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnext50_32x4d",
    "wide_resnet50_2",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x1_5",
    "squeezenet1_0",
    "squeezenet1_1",
    "swin_t",
    "swin_v2_t",
    "vgg11",
    "vgg11_bn",
    "vit_b_32",
]
_SEGMENT = ["deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50", "fcn_resnet50", "lraspp_mobilenet_v3_large"]
_DETECT = [
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "fasterrcnn_resnet50_fpn",
    "fcos_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
]
_QUANTISED = [
    "quantized_googlenet",
    "quantized_mobilenet_v2",
    "quantized_mobilenet_v3_large",
    "quantized_resnet18",
    "quantized_shufflenet_v2_x0_5",
    "quantized_shufflenet_v2_x1_0",
]
_VIDEO = ["mc3_18", "mvit_v2_s", "r2plus1d_18", "r3d_18", "s3d", "swin3d_t"]
_FLOW = ["raft_large", "raft_small"]
_SIZES = {
    **dict.fromkeys(("alexnet", "squeezenet1_0", "squeezenet1_1"), (1, 3, 64, 64)),
    "inception_v3": (1, 3, 75, 75),
    **dict.fromkeys(("maxvit_t", "vit_b_32"), (1, 3, 224, 224)),
    "mvit_v2_s": (1, 3, 16, 224, 224),
    "s3d": (1, 3, 14, 32, 32),
    "swin3d_t": (1, 3, 4, 32, 32),
    **dict.fromkeys(("mc3_18", "r2plus1d_18", "r3d_18"), (1, 3, 4, 16, 16)),
}


def _vision(name):
    from torchvision import models

    options: dict = {"weights": None}
    if name in _SEGMENT + _DETECT:
        options["weights_backbone"] = None
    if name in _QUANTISED:
        options["quantize"] = True
    if name in ("googlenet", "inception_v3", "quantized_googlenet"):
        options["init_weights"] = False
    torch.manual_seed(0)
    model = models.get_model(name, **options)
    if name in _FLOW:
        return model, (torch.randn(1, 3, 128, 128), torch.randn(1, 3, 128, 128))
    if name in _DETECT:
        return model.eval(), ([torch.rand(3, 64, 64)],)
    return model, torch.randn(_SIZES.get(name, IMAGE))


FAMILIES = (
    *("mobilenet_v3_small", "regnet_y_400mf", "squeezenet1_1", "swin_t", "lraspp_mobilenet_v3_large"),
    *("shufflenet_v2_x0_5", "quantized_shufflenet_v2_x0_5", "mc3_18"),
)
VISION = {
    name: lambda name=name: _vision(name)
    for name in (*_CLASSIFIERS, *_SEGMENT, *_DETECT, *_QUANTISED, *_VIDEO, *_FLOW)
}
