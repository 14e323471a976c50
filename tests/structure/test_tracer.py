"""What a model may return, hold and be wrapped in: the graph reaches from its input to its output."""

import dataclasses

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import SubjectError


class Model(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.layer, self._forward = nn.Linear(3, 3), forward

    def forward(self, x):
        return self._forward(self.layer, x)


@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    loss: torch.Tensor | None = None


def steps(layer, x):
    for _ in range(2):
        x = layer(x)
        yield x


FORWARDS = {
    "a tensor": (lambda layer, x: layer(x), "linear"),
    "nothing": (lambda layer, x: print(layer(x).sum().item(), end=""), "linear sum item"),
    "a dict": (lambda layer, x: {"logits": layer(x)}, "linear"),
    "a dataclass": (lambda layer, x: Answer(layer(x)), "linear"),
    "nested": (lambda layer, x: {"a": [layer(x), (x, {"b": layer(x)})]}, "linear linear"),
    "a generator": (steps, "linear linear"),
    "its input": (lambda layer, x: x, ""),
    "one layer twice": (lambda layer, x: layer(layer(x)), "linear linear"),
    "a parameter used directly": (lambda layer, x: x @ layer.weight.t(), "t matmul"),
    "a slice of a sequence": (lambda layer, x: nn.Sequential(layer, nn.ReLU(), layer)[:2](x), "linear relu"),
}


@pytest.mark.parametrize(("forward", "operators"), FORWARDS.values(), ids=FORWARDS.keys())
def test_what_is_returned_is_traced_to_its_origin(forward, operators):
    check = ModelCheck(Model(forward), input_size=(2, 3))
    structure = check.structure()
    assert [node.operator for node in structure.graph.nodes] == ["input", *operators.split(), "output"]
    assert check.structure().fingerprint == structure.fingerprint
    assert structure.to_svg(depth=2).startswith("<svg")
    assert structure.to_dot().startswith("digraph")


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 3), nn.ReLU())


@pytest.mark.parametrize("wrap", [torch.compile, nn.DataParallel, torch.fx.symbolic_trace])
def test_a_wrapper_is_seen_through(wrap):
    structures = [ModelCheck(model, input_size=(2, 3)).structure() for model in (plain(), wrap(plain()))]
    assert structures[0].graph_fingerprint == structures[1].graph_fingerprint


@pytest.mark.parametrize("make", [torch.jit.script, lambda model: torch.jit.trace(model, torch.ones(2, 3))])
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_torchscript_is_traced_by_its_operators(make):
    structure = ModelCheck(make(plain()), input_size=(2, 3)).structure()
    assert "relu" in structure.graph.nodes[-2].operator
    assert [module.params for module in structure.modules] == [12, 12, 0]


def test_parameters_of_tied_modules_count_once_in_each_that_holds_them():
    shared = nn.Linear(3, 3)
    model = nn.Sequential(shared, nn.Sequential(shared, nn.Linear(3, 3)))
    model[1][1].weight = shared.weight
    structure = ModelCheck(model).structure()
    assert {module.name: module.params for module in structure.modules} == {
        "": 15,
        "0": 12,
        "1": 15,
        "1.1": 12,
    }


def test_a_lazy_module_is_refused_with_what_to_do():
    with pytest.raises(SubjectError, match="Call the model once"):
        ModelCheck(nn.LazyLinear(3), input_size=(2, 3)).structure(weights=True)


def test_quantised_modules_are_traced_and_their_weights_hashed():
    models = pytest.importorskip("torchvision.models.quantization")
    if "fbgemm" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch has no kernels for the quantised model")
    check = ModelCheck(models.resnet18(weights=None, quantize=True), input_size=(1, 3, 64, 64))
    first, again = check.structure(weights=True), check.structure(weights=True)
    assert [node.operator for node in first.graph.nodes].count("conv2d_relu") > 5
    assert (first.fingerprint, first.weights_fingerprint) == (again.fingerprint, again.weights_fingerprint)
