"""All the ways to say what is checked."""

import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, ModelRunError, SubjectError
from pytest_modelcheck.subject import Inputs, build_subject


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 3), nn.ReLU())

    def forward(self, x, *, scale=1.0):
        return self.body(x) * scale


def make_net() -> nn.Module:
    return Net()


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (Net(), "Net"),
        (Net, "Net"),
        (make_net, "make_net"),
        (lambda: Net(), "Net"),
        ("torch.nn:Identity", "Identity"),
        ("torchvision:squeezenet1_1", "squeezenet1_1"),
        (nn.DataParallel(Net()), "Net"),
    ],
)
def test_models(model, name):
    subject = build_subject(model)
    assert isinstance(subject.module, nn.Module)
    assert subject.name == name


@pytest.mark.parametrize(
    ("inputs", "args", "kwargs"),
    [
        (torch.ones(2, 4), 1, set()),
        ((torch.ones(2, 4),), 1, set()),
        ({"x": torch.ones(2, 4), "scale": 2.0}, 0, {"x", "scale"}),
        (lambda: (torch.ones(2, 4),), 1, set()),
        ([torch.ones(4), torch.ones(4)], 1, set()),  # a list is one argument: torchvision's detectors
    ],
)
def test_inputs(inputs, args, kwargs):
    made = build_subject(Net, inputs).inputs
    assert (len(made.args), set(made.kwargs)) == (args, kwargs)


def test_keyword_inputs_reach_the_model():
    subject = build_subject(Net, {"x": torch.ones(2, 4), "scale": 0.0})
    assert torch.equal(subject.run(), torch.zeros(2, 3))


def test_an_input_size_gives_the_same_random_numbers_each_time():
    first, second = (build_subject(Net, input_size=(2, 4)).inputs.args[0] for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (2, 4)


def test_several_input_sizes_and_a_dtype():
    inputs = Inputs.random([(1, 3), (2, 5)], "int64")
    assert str(inputs) == "1x3 int64, 2x5 int64"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": 3}, "gave a int, not an nn.Module"),
        ({"model": lambda: "net"}, "gave a str, not an nn.Module"),
        ({"model": "resnet18"}, "neither a fixture nor an import string"),
        ({"model": "torchvision:resnet19"}, "torchvision has no model 'resnet19'"),
        ({"model": "no.such.module:net"}, "cannot be imported: No module named"),
        ({"model": "torch.nn:Nonsense"}, "cannot be imported"),
        ({"model": Net, "inputs": torch.ones(1), "input_size": (1,)}, "not both"),
        ({"model": Net, "input_size": "1,4"}, "write one shape"),
        ({"model": Net, "input_size": (1, -4)}, "write one shape"),
        ({"model": Net, "input_size": (1, 4), "dtype": "float99"}, "not a torch dtype"),
    ],
)
def test_mistakes_are_named(arguments, words):
    with pytest.raises(SubjectError, match=words):
        build_subject(**arguments)


def test_a_model_that_raises_names_the_module_the_shapes_and_its_own_error():
    subject = build_subject(Net, input_size=(2, 5))
    with pytest.raises(
        ModelRunError, match=r"(?s)Net raised RuntimeError .*in module 'body.0'.*2x5 float32"
    ) as caught:
        subject.run()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_run_without_inputs_lists_the_ways_to_give_them():
    with pytest.raises(SubjectError, match=r"(?s)input_size=.*modelcheck.*example_inputs"):
        build_subject(Net).run()


def test_show_outside_a_test_says_so():
    with pytest.raises(Exception, match="no test running"):
        ModelCheck(Net).show("title", "text")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_without_cuda():
    with pytest.raises(SubjectError, match="no CUDA device"):
        build_subject(Net, device="cuda")
