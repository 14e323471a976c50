"""Whose fault an error is: the model's in its forward or its backward, a formula's, or ours."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck, ModelCheckError, ModelRunError, register_formula
from pytest_modelcheck.checks.complexity import formulas
from pytest_modelcheck.model.calls import Running
from pytest_modelcheck.model.shapes import shape_words, sizes

X = torch.ones(2, 8)


@torch.library.custom_op("blame::mm", mutates_args=())
def mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a @ b


@mm.register_fake
def _(a, b):
    return a.new_empty(a.shape[0], b.shape[1])


class Net(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.does = forward

    def forward(self, x):
        return self.does(self.layer(x))


def raised_by(forward, method="complexity", inputs=X, **options):
    with pytest.raises(ModelCheckError) as raised:
        getattr(ModelCheck(Net(forward), inputs), method)(**options)
    return type(raised.value), str(raised.value)


def test_a_typo_in_a_formula_is_the_formulas():
    try:

        @register_formula(torch.ops.blame.mm)
        def _(args, out):
            return args[0].shpae[0]

        kind, text = raised_by(lambda x: mm(x, x.t()))
    finally:
        formulas.MACS.pop("blame::mm", None)
    assert kind is MeasurementError
    assert "the formula of blame::mm failed, AttributeError" in text
    assert "test_blame.py" in text
    assert "shpae" in text
    assert "Net raised" not in text
    assert "report" not in text


def test_an_error_of_ours_says_so(monkeypatch):
    def broken(args, out):
        return 1 // 0

    broken.__code__ = broken.__code__.replace(co_filename=formulas.__file__)
    monkeypatch.setitem(formulas.MACS, "aten::linear", broken)
    monkeypatch.setitem(formulas.MACS, "aten::addmm", broken)
    kind, text = raised_by(lambda x: x)
    assert kind is MeasurementError
    assert "ZeroDivisionError" in text
    assert "an error of pytest-modelcheck, not of the model. Please report it" in text


@pytest.mark.parametrize("method", ["complexity", "peak_memory"])
def test_an_error_in_what_follows_the_modules_is_ours(method, monkeypatch):
    def enter(self, module, args):
        raise KeyError("gone")

    monkeypatch.setattr(Running, "enter", enter)
    kind, text = raised_by(lambda x: x, method)
    assert kind is MeasurementError
    assert "what follows the modules failed, KeyError" in text


PHASES = [
    ("complexity", {"phase": "training_step"}),
    ("latency", {"phase": "training_step"}),
    ("peak_memory", {"phase": "training_step"}),
]


@pytest.mark.parametrize(("method", "options"), PHASES)
def test_an_error_in_the_backward_is_told_as_one(method, options):
    def forward(x):
        x.register_hook(lambda gradient: 1 / 0)
        return x

    kind, text = raised_by(forward, method, **options)
    assert kind is ModelRunError
    assert "Net raised ZeroDivisionError in its backward" in text


@pytest.mark.parametrize("method", ["complexity", "structure", "peak_memory", "profile"])
def test_the_line_is_told(method):
    def forward(x):
        return x[:, :3] @ x

    kind, text = raised_by(forward, method)
    assert kind is ModelRunError
    assert "Net raised RuntimeError in its forward" in text
    assert "test_blame.py:" in text
    assert "return x[:, :3] @ x" in text


def test_the_sum_of_complex_outputs():
    """Its real and imaginary parts: the gradient of the weight, 2 x 8 x 8, and no product more."""
    cost = ModelCheck(Net(torch.fft.fft), X).complexity(phase="backward")
    assert cost.by_module()["layer"].macs == 2 * 8 * 8


STRIDED = torch.nested.nested_tensor([torch.ones(3, 8), torch.ones(5, 8)])
JAGGED = torch.nested.nested_tensor([torch.ones(3, 8), torch.ones(5, 8)], layout=torch.jagged)
SHAPES = {
    "plain": (torch.ones(2, 3), (2, 3), "2x3"),
    "number": (torch.tensor(1), (), "scalar"),
    "strided nested": (STRIDED, (2, -1, 8), "2x*x8"),
    "jagged nested": (JAGGED, (2, -1, 8), "2x*x8"),
    "sparse": (torch.ones(2, 3).to_sparse(), (2, 3), "2x3"),
    "quantised": (torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8), (4,), "4"),
    "meta": (torch.ones(2, 3, device="meta"), (2, 3), "2x3"),
    "not initialised": (nn.UninitializedParameter(), (), "uninitialised"),
    "a subclass": (nn.Parameter(torch.ones(2)), (2,), "2"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("tensor", "numbers", "words"), SHAPES.values(), ids=SHAPES.keys())
def test_any_tensor_has_a_shape_in_words(tensor, numbers, words):
    assert (sizes(tensor), shape_words(tensor)) == (numbers, words)


@pytest.mark.parametrize("inputs", [STRIDED, JAGGED], ids=["strided", "jagged"])
@pytest.mark.parametrize("method", ["complexity", "structure", "profile", "peak_memory"])
def test_nested_inputs(inputs, method):
    """8 rows in all: 8 x 8 x 8 products."""
    result = getattr(ModelCheck(Net(lambda x: x), inputs), method)()
    if method == "complexity":
        assert (result.macs, result.modules["layer"].output_shape) == (512, (2, -1, 8))
        assert "2x*x8" in str(result)


def test_what_is_said_of_nested_inputs_that_do_not_fit():
    with pytest.raises(ModelRunError, match=r"inputs passed: 2x\*x8 float32"):
        ModelCheck(nn.Linear(3, 3), STRIDED).complexity()


INDICES = {
    "embedding": nn.Embedding(5, 3),
    "index": type("Index", (nn.Module,), {"forward": lambda self, x: torch.arange(9)[x]})(),
    "one hot": type("Hot", (nn.Module,), {"forward": lambda self, x: nn.functional.one_hot(x)})(),
    "gather": type("Gather", (nn.Module,), {"forward": lambda self, x: torch.ones(1, 2).gather(1, x)})(),
}


@pytest.mark.parametrize("model", INDICES.values(), ids=INDICES.keys())
def test_numbers_where_indices_are_wanted(model):
    with pytest.raises(ModelRunError, match=r"dtype=torch\.long"):
        ModelCheck(model, input_size=(1, 2)).complexity()


def test_other_misfits_say_nothing_of_indices():
    kind, text = raised_by(lambda x: x[:, :3] @ x)
    assert kind is ModelRunError
    assert "whole numbers" not in text
