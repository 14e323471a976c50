"""Models that give what nobody expects, and inputs that nobody gives: a figure, or an error in our words."""

import collections
import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.complexity.text import to_text as costs_text
from pytest_modelcheck.checks.outputs.stored import from_text, to_text
from pytest_modelcheck.checks.structure.text import to_text as structure_text
from pytest_modelcheck.errors import ModelCheckError
from pytest_modelcheck.records.plain import to_json
from pytest_modelcheck.records.recorder import Recorder
from pytest_modelcheck.settings import Settings

from ..catalogue import REGISTRY
from .properties import said
from .values import Rude, deep, itself

NT = collections.namedtuple("NT", "logits aux")


class Guarded:
    def __getattr__(self, name):
        raise RuntimeError(name)


class Subclass(torch.Tensor):
    pass


@dataclass
class Answer:
    logits: object = None
    more: object = None


def ragged(layout):
    return torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=layout)


def tied(y):
    made = {"y": y}
    made["itself"] = made
    return made


OUTPUTS = {
    "nan": lambda y: y * math.nan,
    "inf": lambda y: y * math.inf,
    "empty": lambda y: y[:0],
    "no classes": lambda y: y.flatten(1)[:, :0],
    "none": lambda y: None,
    "0-d": lambda y: y.mean(),
    "number": lambda y: 3,
    "text": lambda y: "text",
    "generator": lambda y: (one for one in [y]),
    "range": lambda y: range(10**12),
    "itself": lambda y: [y, itself()],
    "mapping of itself": tied,
    "deep": lambda y: [y, deep(3_000)],
    "wide": lambda y: [y.mean()] * 300,
    "meta": lambda y: y.to("meta"),
    "partly meta": lambda y: {"a": y, "b": torch.empty(3, device="meta")},
    "complex": lambda y: torch.complex(y, y),
    "sparse": lambda y: y.flatten(1).to_sparse(),
    "csr": lambda y: y.flatten(1).to_sparse_csr(),
    "bool": lambda y: y > 0,
    "whole": lambda y: y.long(),
    "eight bits": lambda y: y.to(torch.float8_e4m3fn),
    "quantised": lambda y: torch.quantize_per_tensor(y.detach(), 0.1, 0, torch.quint8),
    "nested": lambda y: ragged(torch.strided),
    "jagged": lambda y: ragged(torch.jagged),
    "odd keys": lambda y: {"out": y, 1: y, None: y, (1, 2): y, "": y, "a.b": y, "\ud800": y},
    "dataclass": lambda y: Answer(y, [y]),
    "named tuple": lambda y: NT(y, None),
    "guarded": lambda y: Guarded(),
    "rude": lambda y: [y, Rude()],
    "sets": lambda y: {1, 2},
    "nothing in it": lambda y: {"a": [], "b": ()},
    "numpy": lambda y: y.detach().numpy(),
    "objects": lambda y: np.array([object()]),
    "a class": lambda y: int,
    "constant": lambda y: torch.ones(1, 10),
    "its input": lambda y: y,
    "subclass": lambda y: y.as_subclass(Subclass),
    "many dimensions": lambda y: y.reshape((1,) * 20 + (-1,)),
    "huge": lambda y: y * 1e38,
    "packed": lambda y: nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(2, 2)]),
    "raises": lambda y: 1 / 0,
    "never ends": lambda y: OUTPUTS["never ends"](y),
    "stops": lambda y: next(iter(())),
}
SEVERAL = (
    "itself",
    "mapping of itself",
    "meta",
    "sparse",
    "jagged",
    "guarded",
    "eight bits",
    "odd keys",
    "none",
)
"""What is tried in each run; the rest where slow tests run."""


class Gives(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.conv, self.make = nn.Conv2d(3, 4, 3), make

    def forward(self, x):
        return self.make(self.conv(x))


class Takes(nn.Module):
    """Whatever it is given."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 3)

    def forward(self, *args, **kwargs):
        total = torch.zeros(1, 4)
        for value in (*args, *kwargs.values()):
            if isinstance(value, torch.Tensor) and value.layout is torch.strided and not value.is_nested:
                total = total + (value.dequantize() if value.is_quantized else value).to(torch.float32).sum()
        return self.line(total)


X = torch.linspace(0, 1, 192).reshape(1, 3, 8, 8)
INPUTS = {
    "no samples": X[:0],
    "no channels": X[:, :0],
    "0-d": torch.tensor(1.0),
    "bool": X > 0.5,
    "complex": torch.ones(2, 4, dtype=torch.complex64),
    "sparse": torch.eye(4).to_sparse(),
    "csr": torch.eye(4).to_sparse_csr(),
    "nested": ragged(torch.strided),
    "jagged": ragged(torch.jagged),
    "quantised": torch.quantize_per_tensor(torch.ones(2, 4), 0.1, 0, torch.quint8),
    "text": ("a", "b"),
    "none": (None, X),
    "nothing": (),
    "meta": torch.ones(2, 4, device="meta"),
    "partly meta": (X, torch.ones(2, device="meta")),
    "itself": (X, itself()),
    "deep": (X, deep(3_000)),
    "whole keys": {1: X},
    "odd keys": {"a b": X, "": X, "\ud800": X},
    "numpy": (np.ones(3),),
    "guarded": (Guarded(), X),
    "nan": X * math.nan,
    "eight bits": X.to(torch.float8_e4m3fn),
    "overlapping": torch.ones(5).as_strided((3, 3), (1, 1)),
    "packed": (nn.utils.rnn.pack_sequence([torch.ones(3, 2), torch.ones(2, 2)]),),
    "huge number": (10**400, X),
    "a model": (nn.Linear(1, 1), X),
}
MANY = ("sparse", "nested", "quantised", "meta", "partly meta", "itself", "deep", "odd keys", "bool")


def outputs(check):
    text = to_text(check.outputs())
    from_text(text)


def described(check):
    recorder = Recorder("t.py::test", REGISTRY.sections, settings=Settings(heatmaps="always"))
    recorder.subject(check.subject, "m")
    part = recorder.drain()
    to_json(part)
    told = [
        content["error"]
        for entry in part["subjects"]
        for content in entry.values()
        if isinstance(content, dict) and "error" in content
    ]
    assert not [text for text in told if "unexpected" in text or "error of pytest-modelcheck" in text]


QUICK = {
    "complexity": lambda check: costs_text(check.complexity()),
    "training step": lambda check: check.complexity(phase="training_step"),
    "memory": lambda check: check.peak_memory(),
    "structure": lambda check: structure_text(check.structure(autograd=True)),
    "outputs": outputs,
    "drift": lambda check: check.drift(check),
    "heatmap": lambda check: check.gradcam(),
    "heatmap of one": lambda check: check.gradcam(target=1),
    "projection": lambda check: check.deconvnet(),
    "invariance": lambda check: check.invariance("rotation", values=(0, 10)),
    "section": described,
}
LONG = {
    "bfloat16": lambda check: check.drift("bfloat16"),
    "score cam": lambda check: check.score_cam(),
    "evolution": lambda check: check.feature_evolution([check.subject.module.state_dict()] * 2),
    "strongest": lambda check: check.strongest_activations(),
    "latency": lambda check: check.latency(cap=0.02),
    "profile": lambda check: check.profile(),
    "onnx": lambda check: check.onnx(),
    "compile": lambda check: check.compile(),
}


def tried(make, methods):
    """Each method ends, with a result that can be told, or with an error of ours that blames neither us nor nobody."""
    try:
        check = make()
    except ModelCheckError as error:
        said(error)
        return
    for method in methods:
        try:
            str(method(check))
        except ModelCheckError as error:
            said(error)


def few_and_all(cases, few):
    return [pytest.param(name, marks=() if name in few else pytest.mark.slow) for name in cases]


@pytest.mark.parametrize("name", few_and_all(OUTPUTS, SEVERAL))
def test_whatever_a_model_gives(name):
    tried(lambda: ModelCheck(Gives(OUTPUTS[name]), X, name="net"), QUICK.values())


@pytest.mark.parametrize("name", few_and_all(INPUTS, MANY))
def test_whatever_a_model_is_given(name):
    tried(lambda: ModelCheck(Takes(), INPUTS[name], name="net"), QUICK.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", OUTPUTS)
def test_whatever_a_model_gives_at_length(name):
    tried(lambda: ModelCheck(Gives(OUTPUTS[name]), X, name="net"), LONG.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", INPUTS)
def test_whatever_a_model_is_given_at_length(name):
    tried(lambda: ModelCheck(Takes(), INPUTS[name], name="net"), LONG.values())


@pytest.mark.parametrize("name", ["nan", "constant", "no classes", "empty", "none"])
def test_what_says_nothing_is_no_snapshot(name):
    from pytest_modelcheck.checks.outputs.tolerance import ATOL, RTOL, silence

    found = ModelCheck(Gives(OUTPUTS[name]), X, name="net").outputs()
    assert silence(found, RTOL, ATOL) or found.deaf()
