"""Which row a cost is in, where modules are not simply called: exported, scripted, used from outside; and numpy."""

import numpy
import pytest
import torch
from torch import nn
from torch.nn import functional

from pytest_modelcheck import MeasurementError, ModelCheck

X = torch.ones(2, 8)


class Block(nn.Module):
    """8 -> 6 -> 4: 96 and 48 MACs on two rows."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(8, 6), nn.ReLU())
        self.last = nn.Linear(6, 4)

    def forward(self, x):
        return self.last(self.inner(x))


def within(part):
    return nn.Sequential(nn.ReLU(), part)


def rows(cost):
    return {name: row.own.macs for name, row in cost.by_module().items() if row.own.macs}


EXPORTS = {
    "export": lambda: torch.export.export(Block(), (X,)).module(),
    "fx": lambda: torch.fx.symbolic_trace(Block()),
}


@pytest.mark.parametrize("make", EXPORTS.values(), ids=EXPORTS.keys())
@pytest.mark.parametrize("prefix", ["", "1."])
def test_exported_modules_have_their_own_rows(make, prefix):
    model = within(make()) if prefix else make()
    cost = ModelCheck(model, X).complexity()
    assert rows(cost) == {f"{prefix}inner.0": 96, f"{prefix}last": 48}
    assert not any(name.endswith(("inner.0", "last")) for name in cost.uncalled_modules)


def test_exported_modules_have_their_own_backward():
    """Weights' gradients of both, the gradient of what goes into the second."""
    cost = ModelCheck(EXPORTS["export"](), X).complexity(phase="backward")
    assert rows(cost) == {"inner.0": 96, "last": 96}


def test_a_module_that_an_exported_graph_runs_twice():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, 8)

        def forward(self, x):
            return self.layer(self.layer(x))

    assert rows(ModelCheck(torch.export.export(Twice(), (X,)).module(), X).complexity()) == {"layer": 256}


SCRIPTS = {
    "script": lambda: torch.jit.script(Block()),
    "trace": lambda: torch.jit.trace(Block(), X),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("make", SCRIPTS.values(), ids=SCRIPTS.keys())
@pytest.mark.parametrize("prefix", ["", "1."])
def test_scripted_modules_have_no_row_rather_than_zeros(make, prefix):
    cost = ModelCheck(within(make()) if prefix else make(), X).complexity()
    whole = prefix.rstrip(".")
    assert rows(cost) == {whole: 144}
    assert f"{prefix}last" not in cost.by_module()
    with pytest.raises(MeasurementError, match=f"{prefix}last cannot be told apart"):
        cost.by_module()[f"{prefix}last"]
    assert f"4 modules within {whole or '(the model itself)'}" in str(cost)
    assert cost.to_dict()["merged"][f"{prefix}inner.0"] == whole
    assert cost.uncalled_modules == ()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_frozen_module_has_no_mode():
    frozen = torch.jit.freeze(torch.jit.script(Block().eval()))
    assert ModelCheck(frozen, X).complexity().macs == 144


class Uses(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.does = forward
        self.layer, self.block, self.idle = nn.Linear(8, 8), Block(), nn.Linear(2, 2)

    def forward(self, x):
        return self.does(self, x)


USES = {
    "its weight": (lambda m, x: functional.linear(x, m.layer.weight), {"": 128}, {"layer": ""}),
    "its forward": (lambda m, x: m.layer.forward(x), {"layer": 128}, {}),
    "the forward of a block": (
        lambda m, x: m.block.forward(x),
        {"block.inner.0": 96, "block.last": 48},
        {},
    ),
    "a call": (lambda m, x: m.layer(x), {"layer": 128}, {}),
    "a call by keyword": (lambda m, x: m.layer(input=x), {"layer": 128}, {}),
}


@pytest.mark.parametrize(("forward", "macs", "used"), USES.values(), ids=USES.keys())
def test_what_is_used_was_not_left_alone(forward, macs, used):
    cost = ModelCheck(Uses(forward), X).complexity()
    assert rows(cost) == macs
    assert cost.used_through_weights == used
    at_work = {name.split(".")[0] for name in (*macs, *used)} - {""}
    assert set(cost.uncalled_modules) == {"layer", "block", "idle"} - at_work


def test_the_projection_of_an_attention_is_used():
    """Projections 4 x 8 x 8 and two products of 5 x 5 scores, for 2 x 5 tokens of width 8."""
    cost = ModelCheck(nn.MultiheadAttention(8, 2, batch_first=True), (torch.ones(2, 5, 8),) * 3).complexity()
    assert (cost.macs, cost.used_through_weights, cost.uncalled_modules) == (
        10 * (4 * 64 + 2 * 5 * 8),
        {"out_proj": ""},
        (),
    )
    assert "used through their weights" in str(cost)


def test_a_forward_that_calls_its_parents_is_one_call():
    class Double(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    cost = ModelCheck(nn.Sequential(Double(8, 8)), X).complexity()
    assert (cost.modules["0"].calls, rows(cost)) == (1, {"0": 128})


def test_shapes_of_a_call_by_keyword():
    facts = ModelCheck(Uses(lambda m, x: m.layer(input=x)), X).complexity().modules["layer"]
    assert (facts.input_shape, facts.output_shape) == ((2, 8), (2, 8))


LEAVES = {
    "numpy()": lambda x: torch.from_numpy(x.numpy() @ x.numpy().T),
    "asarray": lambda x: torch.from_numpy(numpy.asarray(x) * 2),
    "dlpack": lambda x: torch.from_numpy(numpy.from_dlpack(x) * 2),
}


@pytest.mark.parametrize("leave", LEAVES.values(), ids=LEAVES.keys())
def test_where_tensors_leave_torch_is_told(leave):
    cost = ModelCheck(Uses(lambda m, x: leave(m.layer(x))), X).complexity()
    (place,) = cost.left_torch
    assert "test_rows.py" in place
    assert cost.macs == 128
    assert "left torch, and what is computed there is not counted" in str(cost)
    assert "numpy" not in vars(torch.Tensor)


def test_values_that_are_asked_for_do_not_leave():
    cost = ModelCheck(Uses(lambda m, x: m.layer(x) * float(x.sum())), X).complexity()
    assert (cost.counted_on, cost.left_torch) == ("real", ())
