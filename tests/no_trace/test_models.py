"""Section 4 of the contract over models of many kinds: bit by bit as before, after every way of measuring them."""

import contextlib
import copy
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune, rnn
from torch.utils.checkpoint import checkpoint

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.model.state import traces

from .test_held import METHODS, own_lock, photograph

assert own_lock  # a fixture, used by all tests here

LARGE, SLOW = 10**5, ("summary", "peak_memory, measured", "profile", "weights", "latency of a backward")
IMAGE = (1, 3, 32, 32)


def vision(name, size=IMAGE, **options):
    def make():
        models = pytest.importorskip("torchvision").models
        return models.get_model(name, weights=None, **options), torch.randn(size)

    return make


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


MODELS = {
    **{
        name: vision(name)
        for name in (
            "resnet18",
            "mobilenet_v3_small",
            "shufflenet_v2_x0_5",
            "regnet_y_400mf",
            "efficientnet_b0",
        )
    },
    "squeezenet1_1": vision("squeezenet1_1", (1, 3, 64, 64)),
    "alexnet": vision("alexnet", (1, 3, 64, 64)),
    "lraspp": vision("lraspp_mobilenet_v3_large", weights_backbone=None),
    "r3d_18": vision("r3d_18", (1, 3, 4, 16, 16)),
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


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS.keys())
def test_every_bit_is_as_before(make):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        model, inputs = make()
        check = ModelCheck(model, inputs)
        before, given = photograph(model), photograph(inputs)
        generators = torch.get_rng_state()
        large = sum(p.numel() for p in model.parameters()) > LARGE
        for name, method in METHODS.items():
            if large and name in SLOW:
                continue
            with contextlib.suppress(Exception):  # not every model can be trained
                method(check)
            assert photograph(model) == before, name
            assert photograph(inputs) == given, name
            assert torch.equal(torch.get_rng_state(), generators), name


@pytest.mark.parametrize(
    "make", [lambda m, x: torch.jit.script(m), torch.jit.trace], ids=["scripted", "traced"]
)
@pytest.mark.filterwarnings("ignore")
def test_torchscript_too(make):
    model = make(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), torch.randn(3, 4))
    before = copy.deepcopy(model.state_dict())
    for method in METHODS.values():
        with contextlib.suppress(Exception):
            method(ModelCheck(model, torch.randn(3, 4)))
        after = model.state_dict()
        assert all(torch.equal(after[name], before[name]) for name in before)


TRACES = {
    "parameter 'weight'": lambda net: net.weight.data.add_(1),
    "the gradient of 'weight'": lambda net: net(torch.ones(1, 4)).sum().backward(),
    "requires_grad of 'bias'": lambda net: net.bias.requires_grad_(False),
    "buffer 'seen'": lambda net: net.seen.add_(1),
    "the mode of 'the model itself'": lambda net: net.eval(),
    "hooks of 'the model itself'": lambda net: net.register_forward_hook(print),
    "torch's random numbers": lambda net: torch.rand(1),
    "grad mode": lambda net: torch.set_grad_enabled(False),
}


@pytest.mark.parametrize(("told", "change"), TRACES.items(), ids=list(TRACES))
def test_each_trace_is_told(told, change):
    net = nn.Linear(4, 4)
    net.register_buffer("seen", torch.zeros(1))
    before = traces.photograph(net)
    try:
        assert traces.differing(before, traces.photograph(net)) == []
        change(net)
        assert told in traces.differing(before, traces.photograph(net))
    finally:
        torch.set_grad_enabled(True)
