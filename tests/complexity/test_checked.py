"""Counts that a run on meta would get wrong, and formulas of the user's that give no count."""

import pytest
import torch
from torch import nn

import pytest_modelcheck
from pytest_modelcheck import MeasurementError, ModelCheck, ModelRunError


class Casts(nn.Module):
    def __init__(self, item):
        super().__init__()
        self.layer, self.item = nn.Linear(64, 64, bias=False), item

    def forward(self, x):
        if self.item:
            x.sum().item()
        with torch.autocast("cpu", torch.bfloat16):
            return self.layer(x)


CASTS = (
    25_600 + 16_384 + 12_800 + 8_192,
    12_800 + 8_192 + 12_800,
)  # of input, weight and their product: read, written


def test_autocast_is_counted_as_it_runs():
    plain, item = (ModelCheck(Casts(item), torch.randn(100, 64)).complexity() for item in (False, True))
    assert (plain.bytes_read, plain.bytes_written) == CASTS
    assert (item.bytes_read - 25_600, item.bytes_written - 4) == CASTS
    assert plain.reason == "autocast does nothing to tensors on meta"


def test_autocast_around_the_check_too():
    model, x = nn.Linear(64, 64, bias=False), torch.randn(100, 64)
    check = ModelCheck(model, x)
    alone = check.complexity()
    with torch.autocast("cpu", torch.bfloat16):
        within = check.complexity()
    assert (within.bytes_read, within.bytes_written) == CASTS
    assert check.complexity() == alone


def test_what_torch_refuses_for_its_types_is_not_counted():
    with pytest.raises(ModelRunError, match="same dtype"):
        ModelCheck(nn.Linear(4, 2), torch.ones(2, 4, dtype=torch.long)).complexity()


class Placed(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.register_buffer("places", torch.zeros(16, 8))

    def forward(self, tokens, mask):
        mask = None if mask.all() else mask
        return self.embedding(tokens) + self.places[: tokens.shape[1]].to(tokens.device)


def test_on_meta_what_has_no_values_may_be_moved_to_where_the_inputs_are():
    with torch.device("meta"):
        model = Placed()
    tokens = torch.ones(2, 4, dtype=torch.long)
    assert ModelCheck(model, (tokens, tokens)).complexity().counted_on == "meta"


@torch.library.custom_op("checked::mm", mutates_args=())
def mm(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return a @ b


@mm.register_fake
def _(a, b):
    return a.new_empty(a.shape[0], b.shape[1])


class Product(nn.Module):
    def forward(self, x):
        return mm(x, x)


def complexity_by(formula, counts="macs"):
    pytest_modelcheck.register_formula(torch.ops.checked.mm, counts=counts)(formula)
    return ModelCheck(Product(), torch.randn(8, 8)).complexity()


@pytest.mark.parametrize("amount", [512, 512.0, torch.tensor(512)], ids=repr)
def test_a_formula_gives_a_whole_number(amount):
    assert complexity_by(lambda args, out: amount).macs == 512


@pytest.mark.parametrize("amount", [-5, 2.5, float("nan"), float("inf"), None, "12", (1, 2), True], ids=repr)
@pytest.mark.parametrize("counts", ["macs", "other_flops"])
def test_a_formula_that_gives_something_else_is_named(amount, counts):
    with pytest.raises(
        MeasurementError, match=r"the formula .*test_checked.py:\d+ gave .*whole number from 0 on"
    ):
        complexity_by(lambda args, out: amount, counts)
    complexity_by(lambda args, out: 0, counts)


@pytest.mark.parametrize("pair", [(-5, 0), (2.5, 1), ("a", "b"), None, 3, (1, 2, 3)], ids=repr)
def test_traffic_is_a_pair(pair):
    with pytest.raises(MeasurementError, match=r"the formula .* gave"):
        complexity_by(lambda args, out: pair, "traffic")
    found = complexity_by(lambda args, out: (10, out), "traffic")
    assert (found.bytes_read, found.bytes_written) == (10, 256)


def test_a_formula_takes_arguments_and_result():
    with pytest.raises(TypeError, match="two arguments"):
        pytest_modelcheck.register_formula(torch.ops.checked.mm)(lambda args: 1)


class Calls(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


PARTS = {
    "select": (lambda x: torch.select_copy(x, 1, 0), 64),
    "slice": (lambda x: torch.slice_copy(x, 0, 0, 10), 640),
    "diagonal": (torch.diagonal_copy, 64),
    "diag": (torch.diag, 64),
}


@pytest.mark.parametrize(("function", "elements"), PARTS.values(), ids=PARTS.keys())
def test_a_copy_of_a_part_reads_the_part(function, elements):
    found = ModelCheck(Calls(function), torch.randn(64, 64)).complexity()
    assert (found.bytes_read, found.bytes_written) == (elements * 4, elements * 4)


def test_a_sum_into_a_column_is_written_once():
    def add(t, v):
        t[:, 2] += v

    found = ModelCheck(Calls(add), (torch.randn(100, 64), torch.randn(100))).complexity()
    assert (found.bytes_read, found.bytes_written) == (800, 400)
