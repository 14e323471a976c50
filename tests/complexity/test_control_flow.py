"""Control flow as operators: the dearest branch, known trip counts, one turn of a loop; products by hand."""

import itertools

import pytest
import torch
from torch import nn
from torch._higher_order_ops import scan, while_loop
from torch._higher_order_ops.associative_scan import associative_scan
from torch._higher_order_ops.map import map as mapped
from torch.nn.attention.flex_attention import flex_attention

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.model import plainly

from ..features import needs_watched_flows

ROWS = 3


class Net(nn.Module):
    """Linear layers of these widths, and a forward."""

    def __init__(self, forward, *widths):
        super().__init__()
        self.does = forward
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in itertools.pairwise(widths))

    def forward(self, x):
        return self.does(self.layers, x)


def cheap_or_dear(layers, x):
    return torch.cond(x.sum() > 0, lambda t: t + 1, lambda t: layers[1](layers[0](t)), (x,))


def dear_or_cheap(layers, x):
    return torch.cond(x.sum() > 0, lambda t: layers[1](layers[0](t)), lambda t: t + 1, (x,))


def nested(layers, x):
    def inner(t):
        return torch.cond(t.mean() > 0, lambda u: u + 1, lambda u: layers[1](layers[0](u)), (t,))

    return torch.cond(x.sum() > 0, lambda t: t * 2, inner, (x,))


def loop(layers, x):
    return while_loop(
        lambda i, t: i < 5, lambda i, t: (i + 1, layers[1](layers[0](t))), (torch.tensor(0), x)
    )[1]


def steps(layers, x):
    return scan(lambda carry, row: (layers[1](layers[0](row)) + carry, row * 2), x[0], x)[0]


def each(layers, x):
    return mapped(lambda row: layers[1](layers[0](row)), x)


def products_of_all(layers, x):
    return associative_scan(torch.mul, layers[1](layers[0](x)), 0)


ONCE = ROWS * (4 * 6 + 6 * 4)  # both layers, on all rows
FLOWS = [
    *(pytest.param(flow, id=flow.__name__) for flow in (cheap_or_dear, dear_or_cheap, nested, loop, each)),
    *(pytest.param(flow, id=flow.__name__, marks=needs_watched_flows) for flow in (steps, products_of_all)),
]
WHERE = pytest.mark.parametrize("sign", [1, -1], ids=["true", "false"])


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("real", [False, True], ids=["meta", "real"])
@WHERE
def test_macs_of_both_layers(flow, real, sign):
    def forward(layers, x):
        if real:
            x.sum().item()  # no shape depends on it, but meta has none
        return flow(layers, x)

    cost = ModelCheck(Net(forward, 4, 6, 4), sign * torch.ones(ROWS, 4)).complexity()
    assert (cost.counted_on, cost.macs) == ("real" if real else "meta", ONCE)
    assert [cost.by_module()[f"layers.{n}"].macs for n in (0, 1)] == [ONCE // 2, ONCE // 2]
    assert "never called" not in str(cost)


@pytest.mark.parametrize("flow", FLOWS)
def test_phases_add_up(flow):
    """The backward: gradients of both weights, and of what goes into the second layer; no other input needs one."""
    check = ModelCheck(Net(flow, 4, 6, 4), torch.ones(ROWS, 4))
    macs = [check.complexity(phase=phase).macs for phase in ("forward", "backward", "training_step")]
    assert macs == [ONCE, ONCE + ONCE // 2, 2 * ONCE + ONCE // 2]


def test_a_loop_is_told_as_one_turn():
    cost = ModelCheck(Net(loop, 4, 6, 4), torch.ones(ROWS, 4)).complexity()
    assert cost.loops == {"": 1}
    assert "while_loop counted per turn" in str(cost)
    assert cost.to_dict()["loops"] == {"": 1}


def test_the_output_is_what_the_data_choose():
    """In a real run the rest of the model gets the branch that was taken, whichever is counted."""

    def forward(layers, x):
        out = cheap_or_dear(layers, x)
        return layers[0](out[: int(out.sum().item())])  # the cheap branch gives 2 x 12 = 24: all rows

    cost = ModelCheck(Net(forward, 4, 6, 4), torch.ones(ROWS, 4)).complexity()
    assert cost.macs == ONCE + ROWS * 4 * 6


@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("method", ["structure", "profile", "peak_memory"])
def test_every_check_runs_it(flow, method):
    getattr(ModelCheck(Net(flow, 4, 6, 4), torch.ones(ROWS, 4)), method)()


def test_an_exported_branch():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return torch.cond(x.sum() > 0, lambda t: self.a(t), lambda t: self.b(self.a(t)), (x,))

    exported = torch.export.export(Two(), (torch.ones(ROWS, 4),)).module()
    assert ModelCheck(exported, torch.ones(ROWS, 4)).complexity().macs == 2 * ROWS * 4 * 4


def flex(layers, x):
    x = layers[0](x)
    return flex_attention(x, x, x)


@needs_watched_flows
def test_flex_attention_with_gradients():
    """Scores and their product with V, two products; backward twice that. A layer, and its weight's gradient."""
    check = ModelCheck(Net(flex, 16, 16), torch.ones(1, 2, 128, 16))
    one, layer = 2 * 128 * 128 * 16, 2 * 128 * 16 * 16
    found = {phase: check.complexity(phase=phase) for phase in ("forward", "backward", "training_step")}
    assert {phase: cost.macs for phase, cost in found.items()} == {
        "forward": 2 * one + layer,
        "backward": 4 * one + layer,
        "training_step": 6 * one + 2 * layer,
    }
    assert found["training_step"].by_module()["layers.0"].macs == 2 * layer


@needs_watched_flows
@pytest.mark.parametrize("method", ["structure", "profile", "peak_memory"])
def test_every_check_runs_flex_attention(method):
    getattr(ModelCheck(Net(flex, 16, 16), torch.ones(1, 2, 128, 16)), method)()


@pytest.mark.parametrize(("name", "flow"), [("flex_attention", flex), ("associative_scan", products_of_all)])
@pytest.mark.parametrize("method", ["complexity", "structure", "profile", "peak_memory"])
def test_where_torch_cannot_run_it_so_the_model_is_not_blamed(name, flow, method, monkeypatch):
    """As torch 2.6, whatever torch is installed."""
    monkeypatch.setattr(plainly, "UNWATCHED", {name})
    widths, x = ((16, 16), torch.ones(1, 2, 128, 16)) if flow is flex else ((4, 6, 4), torch.ones(ROWS, 4))
    with pytest.raises(MeasurementError, match=f"the model calls {name}, which torch .* cannot"):
        getattr(ModelCheck(Net(flow, *widths), x), method)()


def test_compile_is_as_it_was():
    before = torch.compile
    ModelCheck(Net(cheap_or_dear, 4, 6, 4), torch.ones(ROWS, 4)).complexity()
    assert torch.compile is before
    assert "__call__" in vars(torch._ops.HigherOrderOperator)
    assert torch._ops.HigherOrderOperator.__call__.__module__ == "torch._ops"
