"""Bit by bit as before, over models of many kinds and families, after every method, with a result or without."""

import contextlib
import warnings

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.model.state import traces

from .methods import CALLS, DEAR, HEAVY, LONG
from .models import FAMILIES, KINDS, VISION
from .scene import differing, scene

CORE = ("complexity", "latency", "peak_memory", "structure", "outputs", "weights", "profile")
MORE = [name for name in CALLS if name not in (*CORE, *LONG)]


IN_PLACE = "compiled in place"  # timed as it is: torch goes on compiling it, and counts that


def left(make, names, kind=""):
    """What each method leaves behind, on a model that is made for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        model, inputs = make()
        check = ModelCheck(model, inputs)
        found = {}
        before = scene(model, inputs)
        for name in names:
            with contextlib.suppress(Exception):  # not every model can be trained, or looks at pictures
                CALLS[name](check)
            after = scene(model, inputs)
            told = [
                one for one in differing(before, after) if kind != IN_PLACE or not one.startswith("dynamo's")
            ]
            if told:
                found[name] = told
                before = after
        return found


def some(index, count=6):
    """Some of the others, so that with many models all come along."""
    return [MORE[(index * count + i) % len(MORE)] for i in range(count)]


@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_model(kind):
    assert left(KINDS[kind], [*CORE[:5], *some(list(KINDS).index(kind), 2)], kind) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_model_by_every_method(kind):
    assert left(KINDS[kind], [name for name in CALLS if name not in DEAR], kind) == {}


SHARED = [("EmbeddingBag", "drift, export"), ("collects", "latency_against"), ("packed LSTM", "drift, onnx")]


@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize(("kind", "name"), SHARED)
def test_what_a_copy_or_an_export_shares_with_the_model_is_left(kind, name):
    """An exported program has the model's weights, a copy its hooks' closures; what is exported dynamo counts."""
    assert left(KINDS[kind], [name], kind) == {}


def _few(name):
    return [("complexity", "gradcam", "weights", "drift, repeated")[FAMILIES.index(name) % 4], "outputs"]


@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_of_torchvision(name):
    pytest.importorskip("torchvision")
    assert left(VISION[name], _few(name)) == {}


@pytest.mark.slow
@pytest.mark.usefixtures("warmed")
@pytest.mark.parametrize("name", VISION)
def test_a_model_of_torchvision_by_every_method(name):
    pytest.importorskip("torchvision")
    without = LONG if name in FAMILIES else (*LONG, *HEAVY)
    assert left(VISION[name], [name for name in CALLS if name not in without]) == {}


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
