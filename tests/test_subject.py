"""All the ways to say what is checked."""

import functools
import random
import sys
import threading
import types
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck, ModelCheckError, ModelRunError, SubjectError
from pytest_modelcheck.drawing.images import to_image
from pytest_modelcheck.model.subject import Inputs, build_subject


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


class Centred(nn.Linear):
    """Writes to its input, as preprocessing in a model may; `real`: asks for a value, so that it runs for real."""

    def __init__(self, real):
        super().__init__(4, 3)
        self.real = real

    def forward(self, x):
        x.detach().sub_(0.5)
        return super().forward(x) if not self.real or float(x.detach().sum()) < 1e9 else None


LOOKS = {
    "complexity": lambda check: check.complexity(),
    "complexity of a backward": lambda check: check.complexity(phase="backward"),
    "torchstat": lambda check: check.summary(style="torchstat"),
    "peak_memory": lambda check: check.peak_memory(phase="backward", measured=True),
    "profile": lambda check: check.profile(),
    "structure": lambda check: check.structure(),
    "onnx": lambda check: check.onnx(),
    "latency": lambda check: check.latency(phase="training_step", cap=0.0),
    "latency_against": lambda check: check.latency_against(Centred(False), cap=0.0),
}


@pytest.mark.parametrize("real", [False, True], ids=["on meta", "for real"])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS.keys())
def test_the_users_inputs_stay_as_they_are(look, real):
    inputs = torch.rand(2, 4, requires_grad=True)
    before = inputs.detach().clone()
    look(ModelCheck(Centred(real), inputs))
    assert torch.equal(inputs, before)
    assert inputs.grad is None
    assert inputs.requires_grad


@pytest.mark.parametrize("real", [False, True], ids=["on meta", "for real"])
@pytest.mark.parametrize(
    "look",
    [
        lambda check: check.complexity(phase="backward").macs,
        lambda check: check.peak_memory(phase="training_step").total,
        lambda check: check.latency(phase="training_step", cap=0.0).samples,
    ],
    ids=["complexity", "peak_memory", "latency"],
)
def test_gradients_are_there_in_the_callers_inference_mode_too(look, real):
    model = Centred(real)
    with torch.inference_mode():
        assert look(ModelCheck(model, torch.rand(2, 4)))
    assert model.weight.grad is None


def test_several_input_sizes_and_a_dtype():
    inputs = Inputs.random([(1, 3), (2, 5)], "int64")
    assert str(inputs) == "1x3 int64, 2x5 int64"


class Wide(nn.Module):
    def __init__(self, width, depth, bias=True):
        super().__init__()


@pytest.fixture
def a_fixture():
    return Net()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"model": 3}, "model=3 is a int, not an nn.Module"),
        (
            {"model": Wide},
            r"model=Wide needs arguments.*: width, depth.*partial\(Wide, width=..., depth=...\)",
        ),
        ({"model": lambda width: Net()}, r"needs arguments.*: width.*functools.partial\(.*, width=...\)"),
        ({"model": functools.partial(Wide, width=3)}, "needs arguments to be called with: depth"),
        ({"model": sys}, r"is a module, .*It is a Python module.*model=sys.MyModel"),
        ({"model": sys.modules[__name__]}, r"It is a Python module.*model=test_subject.Net"),
        ({"model": Net().state_dict()}, "It is a state_dict: weights without the model"),
        ({"model": lambda: {"model_state_dict": {}, "epoch": 3}}, "It is a checkpoint"),
        ({"model": "runs/best.pt"}, "It is the path of a file: weights without the model"),
        ({"model": Path("best.ckpt")}, "It is the path of a file"),
        ({"model": torch.optim.SGD(Net().parameters())}, "It is an optimizer"),
        ({"model": lambda: None}, "gave a NoneType, .*is its `return` missing"),
        ({"model": lambda: (3, Net())}, r"The model is one of several.*\[1\]"),
        ({"model": a_fixture}, "It is a fixture: write its name, model='a_fixture'"),
        ({"model": lambda: "net"}, "gave a str, not an nn.Module"),
        ({"model": "resnet18"}, "neither a fixture nor an import string"),
        ({"model": "torchvision:resnet19"}, "torchvision has no model 'resnet19'"),
        ({"model": "no.such.module:net"}, "cannot be imported: No module named"),
        ({"model": "torch.nn:Nonsense"}, "cannot be imported"),
        ({"model": Net, "inputs": torch.ones(1), "input_size": (1,)}, "not both"),
        ({"model": Net, "input_size": "1,4"}, "write one shape"),
        ({"model": Net, "input_size": (1, -4)}, "write one shape"),
        ({"model": Net, "input_size": (1, 4), "dtype": "float99"}, "not a torch dtype"),
        ({"model": Net, "device": "gpu"}, "no device of torch"),
    ],
)
def test_mistakes_are_named(arguments, words):
    with pytest.raises(SubjectError, match=f"(?s){words}"):
        build_subject(**arguments)


def test_a_factory_with_open_arguments_is_called():
    assert build_subject(lambda *args, width=3, **more: Net()).name == "Net"


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


@pytest.mark.parametrize("content", [[[1], "b"], "text", torch.zeros(2, 3, 4, 5), torch.zeros(0, 3)])
def test_what_is_no_image_says_what_would_be(content):
    with pytest.raises(ModelCheckError, match=r"(?s)cannot show a \w+ of shape .*PIL image, or an array"):
        to_image(content)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_without_cuda():
    with pytest.raises(SubjectError, match="no CUDA device"):
        build_subject(Net, device="cuda")


class Recorded(nn.Module):
    """Notes whether each of its instances has weights."""

    built: ClassVar[list[bool]] = []

    def __init__(self, width=4):
        super().__init__()
        self.linear = nn.Linear(3, width)
        self.built.append(not self.linear.weight.is_meta)

    def forward(self, x):
        return self.linear(x)


@pytest.fixture
def built():
    Recorded.built.clear()
    return Recorded.built


def recorded():
    return Recorded()


@pytest.mark.parametrize("model", [Recorded, functools.partial(Recorded, width=4), "recorded:Recorded"])
def test_a_class_is_counted_without_weights_and_gets_them_when_it_runs(model, built, monkeypatch):
    monkeypatch.setitem(sys.modules, "recorded", types.SimpleNamespace(Recorded=Recorded))
    check = ModelCheck(model, input_size=(2, 3))
    cost = check.complexity()
    assert (check.name, cost.macs, cost.params, cost.model_bytes) == ("Recorded", 24, 16, 64)
    assert built == [False]
    assert not check.subject.module.linear.weight.is_meta
    assert built == [False, True]
    assert check.complexity().to_dict() == cost.to_dict()


def test_a_function_is_called_once_for_it_may_keep_what_it_made(built):
    check = ModelCheck(recorded, input_size=(2, 3))
    assert (check.complexity().macs, built) == (24, [True])


def test_a_class_that_cannot_be_built_without_weights_is_built_with_them():
    class Measured(nn.Linear):
        def __init__(self):
            super().__init__(3, 4)
            self.largest = self.weight.abs().max().item()

    assert ModelCheck(Measured, input_size=(2, 3)).complexity().macs == 24


def test_a_giant_class_is_counted_in_no_memory():
    class Giant(nn.Sequential):
        def __init__(self):
            super().__init__(*(nn.Linear(40_000, 40_000, bias=False) for _ in range(40)))  # 256 GB

    assert ModelCheck(Giant, input_size=(1, 40_000)).complexity().params == 40 * 40_000**2


def test_a_class_that_shares_modules_among_its_models_is_told_so():
    class Shared(nn.Module):
        kept: ClassVar[list[nn.Module]] = []

        def __init__(self):
            super().__init__()
            self.kept or self.kept.append(nn.Linear(3, 3))
            self.shared = self.kept[0]

        def forward(self, x):
            return self.shared(x)

    check = ModelCheck(Shared, input_size=(2, 3))
    assert check.complexity().macs == 18
    for _ in range(2):
        with pytest.raises(SubjectError, match="Give the model itself"):
            check.latency()


def test_building_for_a_count_draws_no_random_numbers():
    class Random(nn.Linear):
        def __init__(self):
            super().__init__(3, 3)
            torch.rand(1), random.random(), np.random.rand()
            torch.set_default_dtype(torch.float64)

    def state():
        drawn = torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1:3]
        return str((*drawn, torch.get_default_dtype()))

    before = state()
    ModelCheck(Random, input_size=(2, 3)).complexity()
    assert state() == before


def test_other_threads_build_models_with_weights_meanwhile():
    made = []

    class Slow(nn.Module):
        def __init__(self):
            super().__init__()
            other = threading.Thread(target=lambda: made.append(nn.Linear(2, 2)))
            other.start()
            other.join()

        def forward(self, x):
            return x

    ModelCheck(Slow, input_size=(2, 3)).complexity()
    assert not made[0].weight.is_meta


class Plain(nn.Module):
    """It has no tensor of its own."""

    def forward(self, x):
        return x + 1


@pytest.mark.parametrize(
    ("given", "device"),
    [
        ({"input_size": (2, 3), "device": "meta"}, "meta"),
        ({"inputs": torch.ones(2, 3, device="meta")}, "meta"),
        ({"inputs": torch.ones(2, 3)}, "cpu"),
        ({"inputs": torch.ones(2, 3), "device": "meta"}, "meta"),
        ({}, "cpu"),
    ],
    ids=["asked for", "its inputs'", "the CPU", "not where they were", "no inputs"],
)
@pytest.mark.parametrize("model", [Plain(), Plain], ids=["built", "to be built"])
def test_a_model_without_tensors_is_where_it_was_asked_to_be_or_its_inputs_are(model, given, device):
    subject = build_subject(model, **given)
    assert subject.model is not None
    assert subject.device.type == device
    assert subject.inputs is None or {t.device.type for t in subject.inputs.tensors} == {device}


def test_a_model_that_a_function_may_keep_is_copied_before_it_moves():
    kept = nn.Linear(2, 2)
    assert build_subject(lambda: kept, device="meta").device.type == "meta"
    assert not kept.weight.is_meta


class Sample:
    """Inputs, that happen to be callable."""

    def __init__(self):
        self.x = torch.ones(2, 3)

    def __call__(self):
        raise AssertionError("it makes nothing")


class SampleTensor(torch.Tensor):
    __call__ = Sample.__call__


class SampleMapping(dict):
    __call__ = Sample.__call__


def ones():
    return torch.ones(2, 3)


class Maker:
    def ones(self):
        return ones()


INPUTS = {
    "an object": Sample(),
    "a tensor": ones().as_subclass(SampleTensor),
    "a mapping": SampleMapping(x=ones()),
    "a function": ones,
    "a lambda": lambda: ones(),
    "a partial": functools.partial(torch.ones, 2, 3),
    "a method": Maker().ones,
    "a cached function": functools.cache(ones),
    "a class": Sample,
}


@pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS.keys())
def test_functions_make_inputs_and_objects_are_inputs(inputs):
    class Takes(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 4)

        def forward(self, x):
            return self.linear(getattr(x, "x", x))

    assert ModelCheck(Takes(), inputs).complexity().macs == 24


def test_what_makes_inputs_is_called_without_arguments():
    with pytest.raises(SubjectError, match=r"inputs=Linear is .* without in_features, out_features\.\nGive"):
        ModelCheck(nn.Identity(), nn.Linear)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (nn.Linear, "functools.partial(Linear, in_features=..., out_features=...)"),
        (nn.LSTM, "functools.partial(LSTM, input_size=..., hidden_size=...)"),  # its signature is open
    ],
)
def test_a_class_without_its_arguments_says_how_to_give_them(model, words):
    with pytest.raises(SubjectError) as raised:
        ModelCheck(model, torch.ones(2, 3)).complexity()
    assert words in str(raised.value)
