"""What models return and are given: outputs that no file holds, dictionaries, random numbers, tokens."""

import dataclasses
import random
from collections import OrderedDict, UserDict, namedtuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.export.check import ExportCheck
from pytest_modelcheck.checks.export.kept import keep_file
from pytest_modelcheck.checks.export.outputs import left_out, tensors_of
from pytest_modelcheck.checks.export.result import Onnx
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.verdict.limit import Limit

pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


class Does(nn.Module):
    def __init__(self, make):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.table, self.make = nn.Linear(4, 4), nn.Embedding(50, 4), make

    def forward(self, x, more=None):
        return self.make(self, x) if more is None else self.make(self, x, more)


@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    steps: int = 3


Pair = namedtuple("Pair", "a b")
X = torch.linspace(-1, 1, 12).reshape(3, 4)


def read(result):
    check = ExportCheck()
    return check.read(result, Limit(check.metrics[0]))


RETURNED = {  # what it makes of the layer's output; how many tensors, what no file holds
    "a number": (lambda y: (y, 3), 1, ["[1] (int)"]),
    "words": (lambda y: {"y": y, "mode": "fast", "scale": 0.5}, 1, ["['mode'] (str)", "['scale'] (float)"]),
    "a flag, and none": (lambda y: [True, None, y], 1, ["[0] (bool)"]),
    "a size": (lambda y: (y, y.shape[0]), 1, ["[1] (int)"]),
    "a dataclass": (Answer, 1, [".steps (int)"]),
    "one in a dict": (lambda y: {"a": [Answer(y, 2), y > 0]}, 2, ["['a'][0].steps (int)"]),
    "a dictionary of its own kind": (lambda y: UserDict(y=y, n=1), 1, ["['n'] (int)"]),
    "nested": (lambda y: {"a": {"b": [y, {"c": y > 0}]}, "n": None}, 2, []),
    "named": (lambda y: Pair(y, OrderedDict(z=y, a=y.argmax(1))), 3, []),
}


@pytest.mark.parametrize(("make", "tensors", "others"), RETURNED.values(), ids=RETURNED.keys())
def test_outputs_are_opened_down_to_their_tensors(make, tensors, others):
    output = make(X)
    assert (len(tensors_of(output)), list(left_out(output))) == (tensors, others)


@pytest.mark.parametrize("kind", ["words", "a size", "one in a dict", "a dictionary of its own kind"])
def test_a_file_holds_the_tensors_and_the_rest_is_told(kind):
    make, tensors, others = RETURNED[kind]
    model = Does(lambda self, x: make(self.layer(x)))
    result = ModelCheck(model, X).onnx(dynamic={"x": {0: "n"}})
    assert (result.reason, len(result.outputs)) == ("", tensors * 3)
    assert f"no file holds {', '.join(others)}" in read(result).notes
    assert not model._forward_hooks


GIVEN = {
    "in the last place": (X, {"s": X}),
    "by the name of another": (X, {"x": X}),
    "alone": ({"s": X},),
    "empty": (X, {}),
}


@pytest.mark.parametrize("inputs", GIVEN.values(), ids=GIVEN.keys())
def test_a_dictionary_is_an_input_like_any_other(inputs):
    def make(self, x, more=None):
        given = [*(x.values() if isinstance(x, dict) else [x]), *(more or {}).values()]
        return self.layer(torch.cat(given))

    result = ModelCheck(Does(make), inputs).onnx()
    assert (result.reason, read(result).value < 1e-3) == ("", True)


DRAWS = {
    "dropout left on": lambda self, x: F.dropout(self.layer(x)),
    "noise": lambda self, x: self.layer(x) + torch.randn_like(x),
    "python's": lambda self, x: self.layer(x) * random.random(),
    "numpy's": lambda self, x: self.layer(x) * float(np.random.rand()),
}


@pytest.mark.parametrize("make", DRAWS.values(), ids=DRAWS.keys())
def test_a_model_that_differs_from_itself_is_told_as_such(make):
    check = ModelCheck(Does(make), X)
    before = random.getstate(), torch.random.get_rng_state(), np.random.get_state()[1].copy()
    result = check.onnx()
    with pytest.raises(
        MeasurementError, match="two runs of the model itself differ, so that no file can agree"
    ):
        read(result)
    assert "two runs of the model itself differ" in str(result)
    assert before[0] == random.getstate()
    assert torch.equal(before[1], torch.random.get_rng_state())
    assert (before[2] == np.random.get_state()[1]).all()


def test_a_file_that_draws_where_the_model_is_seeded_is_told_as_such():
    def make(self, x):
        torch.manual_seed(0)
        return self.layer(x) + torch.randn(3, 4)

    measured = read(ModelCheck(Does(make), X).onnx())
    assert measured.value > 0.1
    assert "the file draws random numbers of its own (RandomNormalLike)" in measured.notes[1]


TOKENS = {  # what is made of them; whether agreement is vacuous
    "deaf": (lambda self, ids: self.table(ids % 50).mean(1) * 0 + self.layer.bias, True),
    "deaf, and only some are taken": (lambda self, ids: self.table(ids - 10).mean(1) * 0 + 1, True),
    "heard": (lambda self, ids: self.table(ids - 10).mean(1), False),
}


@pytest.mark.parametrize(("make", "vacuous"), TOKENS.values(), ids=TOKENS.keys())
def test_tokens_vary_within_those_that_are_seen(make, vacuous):
    ids = torch.randint(20, 60, (2, 7), generator=torch.Generator().manual_seed(0))
    assert ModelCheck(Does(make), ids).onnx().vacuous is vacuous


@pytest.mark.parametrize(("size", "kept"), [(10_000_000, True), (10_000_001, False)])
def test_large_files_are_not_kept_unless_one_asks(tmp_path, size, kept):
    result = Onnx("net", size_bytes=size, model=bytes(size))
    told = keep_file(result, tmp_path)
    assert (bool(told.file), bool(told.unkept)) == (kept, not kept)
    assert keep_file(result, tmp_path, float("inf")).file
