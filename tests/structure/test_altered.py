"""What a run with altered values leaves behind: nothing."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck

X = torch.ones(2, 3)


class Net(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.layer, self._forward = nn.Linear(3, 3), forward

    def forward(self, x):
        return self._forward(self.layer, x)


def structure(forward, inputs=X):
    model = Net(forward)
    return ModelCheck(model, inputs, name="m").structure(), model


@pytest.mark.parametrize(
    "array",
    [
        lambda layer: layer.weight.detach().numpy(),
        lambda layer: layer.weight.data[0].numpy(),
        lambda layer: np.asarray(layer.bias.detach()),
        lambda layer: layer.bias.detach().expand(4, 3).numpy(),
    ],
)
def test_weights_that_are_given_out_as_an_array_stay_as_they_are(array):
    model = Net(lambda layer, x: x * float(array(layer).sum()) * x.sum().item())
    before = {name: value.clone() for name, value in model.state_dict().items()}
    ModelCheck(model, X, name="m").structure()
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_memory_that_may_not_be_written_is_not():
    fixed = np.frombuffer(b"\0\0\x80?" * 3, np.float32)  # bytes of the program's code
    structure(lambda layer, x: x * float(torch.from_numpy(fixed).numpy().sum()) * x.sum().item())
    assert fixed.tolist() == [1, 1, 1]


SEEN = []
TOTALS = {"sum": 0.0}


def test_what_the_program_keeps_of_altered_values_is_put_back(capsys, caplog):
    def forward(layer, x):
        value = x.sum().item()
        SEEN.append(value)
        TOTALS["sum"] = value
        print("sum", value)
        logging.getLogger("model").warning("sum %s", value)
        return x * value

    structure(forward)
    assert set(SEEN) == {6.0}
    assert TOTALS == {"sum": 6.0}
    assert set(capsys.readouterr().out.splitlines()) == {"sum 6.0"}
    assert {record.getMessage() for record in caplog.records} == {"sum 6.0"}


def until_small(layer, x):
    error = x.sum() / 6
    while error.item() > 1e-3:
        error = error * 0.5
    return x * error.item()


def until_one(layer, x):
    value = x.sum() / 6 * 8
    while value.item() != 1.0:
        value = value / 2
    return x * value


def leaving(layer, x):
    if x.sum().item() != 6.0:
        raise SystemExit(3)
    return x * x.sum().item()


@pytest.mark.parametrize("forward", [until_small, until_one, leaving])
def test_a_model_that_does_not_bear_other_values_is_traced_all_the_same(forward):
    graph = structure(forward)[0].graph
    assert graph.nodes[-1].inputs


def test_a_model_in_train_mode_runs_no_more_often_than_in_eval_mode():
    calls = []
    model = Net(lambda layer, x: calls.append(1) or layer(x))
    for mode in (False, True):
        ModelCheck(model.train(mode), X, name=f"{mode}").structure()
    assert len(calls) == 2


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, inner):
        made = torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)
        made.inner = inner
        return made

    def __tensor_flatten__(self):
        return ["inner"], None

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        plain = [t.inner if isinstance(t, cls) else t for t in args]
        made = func(*plain, **(kwargs or {}))
        return cls(made) if func is torch.ops.aten.detach.default else made


def test_weights_that_wrap_other_tensors_are_hashed_by_those():
    """They have no memory of their own: to read it ends the process."""
    hashes = []
    for scale in (1, 1, 2):
        model = nn.Linear(3, 3, bias=False)
        model.weight = nn.Parameter(Wrapper(torch.ones(3, 3) * scale), requires_grad=False)
        hashes.append(ModelCheck(model, X, name="m").structure(weights=True).weights_fingerprint)
    assert hashes[0] == hashes[1] != hashes[2]


class Indexed(nn.Module):
    """Whole numbers that depend on weights, and that may be alike or stand at the edge."""

    def __init__(self, function):
        super().__init__()
        self.layer, self.function = nn.Linear(4, 4), function

    def forward(self, x):
        y = self.layer(x)
        return self.function(y, y[0].argmax().item(), y[1].argmax().item())


@pytest.mark.parametrize(
    "function",
    [
        lambda y, i, j: (y + i) * (y - j),
        lambda y, i, j: y[:, i] * 2 + y[:, j] * 3,
        lambda y, i, j: y + i * 5 + j * 7,
        lambda y, i, j: y[:, i : i + 1] * 2 + 1,
        lambda y, i, j: y[:, i:] * 2 + y[:, :1].view(-1, 1),
    ],
)
def test_numbers_that_happen_to_be_alike_change_nothing(function):
    x = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    found = set()
    for seed in range(12):
        torch.manual_seed(seed)
        found.add(ModelCheck(Indexed(function), x).structure().fingerprint)
    assert len(found) == 1


@pytest.mark.parametrize("line", ["y[:, :2].mul_(2)", "F.relu(y[:, :2], inplace=True)", "None"])
def test_writes_in_inference_mode_are_seen(line):
    class Writing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            with torch.inference_mode():
                y = self.layer(x)
                eval(line, {"F": nn.functional, "y": y})
                return y + 1

    structure = ModelCheck(Writing(), input_size=(2, 4)).structure()
    operators = [node.operator for node in structure.graph.nodes]
    assert ("getitem" in operators) is (line != "None")
