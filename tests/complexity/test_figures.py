"""What is told of a count, what each operator costs and moves: all by hand, on the smallest of tensors."""

import math
import warnings

import pytest
import torch
import torchvision
from torch import nn

from pytest_modelcheck import ModelCheck, register_formula
from pytest_modelcheck.checks.complexity import formulas
from pytest_modelcheck.checks.complexity.attention import causal_share
from pytest_modelcheck.checks.complexity.budgets import BUDGETS
from pytest_modelcheck.checks.complexity.params import count_params
from pytest_modelcheck.checks.complexity.result import Complexity, Cost, ModuleFacts, Parameters
from pytest_modelcheck.checks.complexity.traffic import add_bytes, traffic_of
from pytest_modelcheck.verdict.limit import Limit

BUDGET = {budget.metric.name: budget for budget in BUDGETS}
CELLS = {
    ("", "aten::add"): Cost(1, 0, 5, 0, 10, 5),
    ("a", "aten::mm"): Cost(2, 100, 7, 20, 40, 8),
    ("b.c", "aten::mm"): Cost(1, 300, 0, 30, 60, 12),
    ("b.c", "aten::relu"): Cost(1, 0, 4, 0, 30, 30),
}
MODULES = {
    "": ModuleFacts("Net", 9, 1, 1, (2,), (3, 4)),
    "a": ModuleFacts("Linear", 3, 3, 2),
    "b": ModuleFacts("Block", 5, 0, 1),
    "b.c": ModuleFacts("Conv", 5, 5, 1),
    "idle": ModuleFacts("Linear"),
    "idle.deep": ModuleFacts("Linear"),
}


def counted(cells=CELLS, modules=MODULES, **facts):
    made = {"name": "net", "phase": "forward", "counted_on": "meta", "reason": None, "unknown_operators": {}}
    made |= {"bytes_by_dtype": {"float32": (140, 55)}, "params": 9, "trainable_params": 8, "buffers": 1}
    return Complexity(**{**made, "model_bytes": 36, "cells": cells, "modules": modules, **facts})


def read(metric, observed):
    return BUDGET[metric].read(observed, Limit(BUDGET[metric].metric, max=1))


@pytest.mark.parametrize(
    ("metric", "value", "aka", "parts"),
    [
        ("flops", 800, "400 MACs", [("b.c", 600), ("a", 200)]),
        ("macs", 400, "800 FLOPs", [("b.c", 300), ("a", 100)]),
        ("activations", 50, "", [("b.c", 30), ("a", 20)]),
        ("memory_access", 195, "", [("b.c", 132), ("a", 48), ("(the model itself)", 15)]),
    ],
)
def test_what_a_budget_limits_and_who_contributes(metric, value, aka, parts):
    found = read(metric, counted())
    assert (found.value, found.aka, found.notes, found.caveat) == (value, aka, (), "")
    assert [(part.module, part.value) for part in found.contributors] == parts


def test_a_real_run_and_operators_without_a_formula_are_told():
    observed = counted(reason="it calls item()", unknown_operators={"lib::one": 1, "lib::two": 2})
    for metric in ("flops", "macs", "activations", "memory_access"):
        found = read(metric, observed)
        assert found.notes == ("counted by running the model once: it calls item()",)
        assert found.caveat == "not counted, no formula known: lib::one (1 call), lib::two (2 calls)"


def test_parameters_of_a_budget():
    found = read("params", Parameters(12, {"": 2, "a": 0, "b": 10}))
    assert (found.value, found.aka) == (12, "")
    assert [(part.module, part.value) for part in found.contributors] == [
        ("b", 10),
        ("(the model itself)", 2),
    ]


def test_budgets_observe_what_they_are_asked_for():
    check = ModelCheck(nn.Linear(4, 5), torch.zeros(2, 4))
    step = BUDGET["flops"].observe(check.subject, phase="training_step", strict_operators=False)
    assert (step.phase, step.macs) == ("training_step", 2 * 40)  # forward, and the weight's gradient
    assert BUDGET["params"].observe(check.subject, trainable=False).total == 0


@pytest.mark.parametrize(
    ("trainable", "by_module"),
    [
        (None, {"": 0, "0": 9, "1": 16, "2": 0}),
        (True, {"": 0, "0": 3, "1": 16, "2": 0}),
        (False, {"": 0, "0": 6, "1": 0, "2": 0}),
    ],
)
def test_which_parameters_count(trainable, by_module):
    tied = nn.Linear(3, 4)
    model = nn.Sequential(nn.Linear(2, 3), tied, nn.Linear(3, 4))
    model[2].weight, model[2].bias = tied.weight, tied.bias  # once, where they are met first
    model[0].weight.requires_grad_(False)
    found = count_params(ModelCheck(model).subject, trainable=trainable)
    assert (found.total, found.by_module, found.trainable) == (sum(by_module.values()), by_module, trainable)


def test_the_section_of_a_count():
    made = counted(unknown_operators={"x": 1}).to_dict()
    totals = {"macs": 400, "flops": 800, "flops_all": 816, "activations": 50}
    totals |= {"bytes_read": 140, "bytes_written": 55, "memory_access": 195}
    modules, operators = made.pop("modules"), made.pop("operators")
    assert made == {
        "phase": "forward",
        "counted_on": "meta",
        "reason": None,
        "params": 9,
        "trainable_params": 8,
        "buffers": 1,
        "model_bytes": 36,
        **totals,
        "arithmetic_intensity": pytest.approx(800 / 195),
        "bytes_by_dtype": {"float32": {"bytes_read": 140, "bytes_written": 55}},
        "unknown_operators": {"x": 1},
        "uncalled_modules": ["idle"],
    }
    whole = {"name": "", "type": "Net", "depth": 0, "calls": 1, "output_shape": [3, 4], "params": 9}
    assert modules[0] == {**whole, **totals, "own_macs": 0, "own_params": 1}
    told = [
        (m["name"], m["depth"], m["calls"], m["macs"], m["own_macs"], m["output_shape"]) for m in modules[1:]
    ]
    assert told == [
        ("a", 1, 2, 100, 100, None),
        ("b", 1, 1, 300, 0, None),
        ("b.c", 2, 1, 300, 300, None),
        ("idle", 1, 0, 0, 0, None),
        ("idle.deep", 2, 0, 0, 0, None),
    ]
    assert [(o["name"], o["calls"], o["macs"], o["memory_access"]) for o in operators] == [
        ("aten::mm", 3, 400, 120),
        ("aten::relu", 1, 0, 60),
        ("aten::add", 1, 0, 15),
    ]


@pytest.mark.parametrize(
    ("calls", "cells", "uncalled"),
    [
        ({"": 1, "a": 0, "a.b": 0, "c": 1, "c.d": 0}, {}, ("a", "c.d")),
        ({"": 1, "a": 0, "a.b": 1}, {("a.b", "aten::mm"): Cost(1)}, ()),  # only its inside is called
        ({"": 1, "a": 0, "a.b": 0, "a.c": 1}, {("a.c", "aten::mm"): Cost(1)}, ("a.b",)),
        ({"": 0, "a": 0}, {}, ("",)),
        ({"": 0, "a": 1}, {("a", "aten::mm"): Cost(1)}, ()),
        ({"": 1}, {}, ()),
    ],
)
def test_modules_that_were_never_called(calls, cells, uncalled):
    modules = {name: ModuleFacts("M", calls=n) for name, n in calls.items()}
    assert counted(cells, modules).uncalled_modules == uncalled


def test_a_module_without_a_parent_of_its_own_belongs_to_the_closest_one():
    modules = {name: ModuleFacts("M") for name in ("", "a", "a.b.c", "x.y")}
    cells = {("a.b.c", "aten::mm"): Cost(1, 5), ("x.y", "aten::mm"): Cost(1, 7)}
    assert {name: cost.macs for name, cost in counted(cells, modules).by_module().items()} == {
        "": 12,
        "a": 5,
        "a.b.c": 5,
        "x.y": 7,
    }


@pytest.mark.parametrize(
    ("peak", "bandwidth", "bound", "attainable"),
    [(8, 4, "memory", 4), (4, 4, "compute", 4), (2, 4, "compute", 2), (0.5, 0.5, "compute", 0.5)],
)
def test_the_roof(peak, bandwidth, bound, attainable):
    """One FLOP per byte."""
    cost = counted({("", "aten::mm"): Cost(1, 10, 0, 0, 12, 8)}, {"": ModuleFacts("M")})
    roof = cost.roofline(peak, bandwidth)
    assert (roof.intensity, roof.ridge, roof.bound) == (1, peak / bandwidth, bound)
    assert (roof.attainable, roof.seconds) == (attainable, 20 / attainable)


@pytest.mark.parametrize(("peak", "bandwidth"), [(0, 1), (1, 0), (-1, 1), (1, -1), (math.nan, 1), (-1, -1)])
def test_a_roof_needs_a_machine(peak, bandwidth):
    with pytest.raises(ValueError, match=rf"^peak_flops={peak} and bandwidth={bandwidth} must be positive$"):
        counted().roofline(peak, bandwidth)


def test_a_model_that_does_nothing_is_done_at_once():
    cost = counted({}, {"": ModuleFacts("M")})
    assert (cost.arithmetic_intensity, cost.roofline(1, 1).seconds, cost.macs) == (0, 0, 0)


# Formulas


def t(*shape):
    return torch.zeros(*shape)


def sparse(*rows):
    return torch.tensor(rows, dtype=torch.float32).to_sparse()


LEFT, RIGHT = sparse([1, 0, 0], [1, 0, 1]), sparse([0, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0])
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch calls them a prototype
    CSR, CSC = LEFT.to_sparse_csr(), LEFT.to_sparse_csc()
    BSR = torch.eye(4).to_sparse_bsr((2, 2))
OFFSETS = torch.tensor([8, 16])
PRODUCTS = {
    "mm": ((t(2, 3), t(3, 5)), t(2, 5), 30),
    "bmm": ((t(4, 2, 3), t(4, 3, 5)), t(4, 2, 5), 120),
    "mv": ((t(2, 3), t(3)), t(2), 6),
    "dot": ((t(7), t(7)), t(()), 7),
    "addmm": ((t(5), t(2, 3), t(3, 5)), t(2, 5), 30),
    "baddbmm": ((t(4, 2, 5), t(4, 2, 3), t(4, 3, 5)), t(4, 2, 5), 120),
    "addmv": ((t(2), t(2, 3), t(3)), t(2), 6),
    "addbmm": ((t(2, 5), t(4, 2, 3), t(4, 3, 5)), t(2, 5), 4 * 30),
    "addr": ((t(2, 5), t(2), t(5)), t(2, 5), 10),
    "linear": ((t(2, 7, 3), t(5, 3), None), t(2, 7, 5), 14 * 15),
    "quantized::linear": ((t(2, 3), None, 1.0, 0), t(2, 5), 30),
    "_grouped_mm": ((t(6, 3), t(2, 3, 5), OFFSETS), t(6, 5), 90),
    "_scaled_grouped_mm": ((t(2, 4, 3), t(2, 3, 5)), t(2, 4, 5), 120),
    "sparse_sampled_addmm": ((CSR, t(2, 4), t(4, 3)), CSR, 3 * 4),
    "_sparse_mm_reduce_impl": ((CSR, t(3, 5)), (t(2, 5), t(2, 5)), 3 * 5),
    "conv1d": ((t(1, 4, 9), t(6, 2, 3)), t(1, 6, 7), 42 * 6),
    "conv_transpose1d": ((t(1, 4, 9), t(4, 3, 2)), t(1, 6, 10), 36 * 6),
    "conv_tbc": ((t(5, 2, 3), t(3, 3, 4), t(4)), t(3, 2, 4), 24 * 9),
    "torchvision::deform_conv2d": ((t(1, 2, 5, 5), t(3, 2, 3, 3), t(1, 18, 3, 3)), t(1, 3, 3, 3), 27 * 18),
    "torchvision::_deform_conv2d_backward": (
        (t(1, 3, 3, 3), t(1, 2, 5, 5), t(3, 2, 3, 3)),
        (t(1, 2, 5, 5), t(3, 2, 3, 3)),
        2 * 27 * 18,
    ),
    "_trilinear": ((t(2, 3), t(5, 3, 4), t(2, 4), [1, 3], [0], [1, 2], [2, 3]), t(2, 5), 2 * 5 * 3 * 4),
}


@pytest.mark.parametrize(("name", "case"), PRODUCTS.items(), ids=PRODUCTS.keys())
def test_products_of_an_operator(name, case):
    arguments, out, macs = case
    assert formulas.MACS[formulas.full_names(name)[0]](arguments, out) == macs


def test_groups_that_divide_the_inner_dimension_sum_over_their_part():
    product = formulas.MACS["aten::_grouped_mm"]
    assert product((t(3, 16), t(16, 5), OFFSETS), t(2, 3, 5)) == 3 * 16 * 5  # 8 each


@pytest.mark.parametrize(
    ("left", "right", "out", "macs"),
    [
        (LEFT, t(3, 5), t(2, 5), 3 * 5),
        (CSR, t(3, 5), t(2, 5), 3 * 5),
        (CSC, t(3, 5), t(2, 5), 3 * 5),
        (LEFT, t(3), t(2), 3),
        (t(7, 3), RIGHT, t(7, 4), 7 * 4),
        (t(3, 3), RIGHT, t(3, 4), 3 * 4),
        (t(2, 7, 3), RIGHT, t(2, 7, 4), 14 * 4),
        (LEFT, RIGHT, sparse([1]), 2 * 2 + 0 * 1 + 1 * 1),  # column by row
        (sparse([1, 0, 0]), sparse([1, 1], [0, 0], [0, 0]), sparse([1]), 2),
        (sparse([0, 0, 1]), sparse([1, 1], [0, 0], [0, 0]), sparse([1]), 0),
        (BSR, t(4, 3), t(4, 3), 8 * 3),  # whole blocks
    ],
)
def test_zeros_of_a_sparse_operand_are_skipped(left, right, out, macs):
    assert formulas.product(left, right, out) == macs


@pytest.mark.parametrize(
    ("transposed", "mask", "macs"),
    [
        (False, [True, True, True], 2 * 42 * 6),
        (False, [False, True, True], 42 * 6),
        (False, [True, False, False], 42 * 6),
        (False, [False, False, True], 0),
        (True, [True, True, False], 2 * 36 * 6),
    ],
)
def test_gradients_of_a_convolution(transposed, mask, macs):
    image, weight, gradient = (
        t(1, 4, 9),
        t(4, 3, 2) if transposed else t(6, 2, 3),
        t(1, 6, 10 if transposed else 7),
    )
    rest = ([6], [1], [0], [1], transposed, [0], 2, mask)
    assert formulas.MACS["aten::convolution_backward"]((gradient, image, weight, *rest), None) == macs


def test_a_deformable_convolution_costs_what_a_plain_one_does():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.where, self.conv = nn.Conv2d(2, 18, 3), torchvision.ops.DeformConv2d(2, 3, 3)

        def forward(self, x):
            return self.conv(x, self.where(x))

    check = ModelCheck(Net(), torch.zeros(1, 2, 5, 5))
    assert check.complexity(strict=True).by_module()["conv"].macs == 27 * 18
    assert (
        check.complexity(phase="backward").by_operator()["torchvision::_deform_conv2d_backward"].macs
        == 2 * 27 * 18
    )


@pytest.mark.parametrize(
    ("name", "arguments", "flops"),
    [
        ("addmm", (t(5), t(2, 3), t(3, 5)), 10),
        ("addbmm", (t(2, 5), t(4, 2, 3), t(4, 3, 5)), 10),
        ("linear", (t(2, 3), t(5, 3), t(5)), 10),
        ("linear", (t(2, 3), t(5, 3), None), 0),
        ("conv1d", (t(2, 3, 1), t(5, 3, 1), None), 0),
    ],
)
def test_a_bias_is_an_addition_for_each_output(name, arguments, flops):
    assert formulas.OTHER[f"aten::{name}"](arguments, t(2, 5)) == flops


def test_names_of_operators():
    assert (
        formulas.operator_name(torch.ops.aten.mm)
        == formulas.operator_name(torch.ops.aten.mm.out)
        == "aten::mm"
    )
    assert formulas.operator_name(torch.ops.higher_order.cond) == "higher_order::cond"
    with pytest.raises(
        TypeError, match=r"relu.* is not an operator; give for example torch\.ops\.mylib\.myop$"
    ):
        register_formula(torch.relu)


def test_an_added_product_is_that_of_the_second_and_third_operand():
    for name in ("addmm", "sspaddmm"):
        assert formulas.MACS[f"aten::{name}"]((t(7, 4), t(7, 3), RIGHT), t(7, 4)) == 7 * 4  # four are stored


def test_the_first_tensor_of_a_result():
    found = t(2, 3)
    assert formulas.first_tensor((None, [5, found], t(7))) is found
    assert formulas.elements([None, (found,)]) == 6
    assert formulas.first_tensor([None, "x", 5]) is None
    assert formulas.elements(None) == 0


def test_tensors_of_mkldnn_are_dense():
    assert formulas.is_dense(t(2, 3).to_mkldnn())
    assert formulas.stored(t(2, 3).to_mkldnn()) == 6
    assert not formulas.is_dense(LEFT)


def test_activations_are_what_contractions_put_out():
    model = nn.Sequential(nn.Conv1d(3, 4, 3), nn.ReLU(), nn.Linear(8, 5), nn.Flatten(), nn.ReLU())
    cost = ModelCheck(model, torch.zeros(2, 3, 10)).complexity()
    assert cost.activations == 2 * 4 * 8 + 2 * 4 * 5
    shapes = {name: (m.facts.input_shape, m.facts.output_shape) for name, m in cost.by_module().items()}
    assert shapes == {
        "": ((2, 3, 10), (2, 20)),
        "0": ((2, 3, 10), (2, 4, 8)),
        "1": ((2, 4, 8), (2, 4, 8)),
        "2": ((2, 4, 8), (2, 4, 5)),
        "3": ((2, 4, 5), (2, 20)),
        "4": ((2, 20), (2, 20)),
    }


def test_a_buffer_or_parameter_that_is_none_has_no_size():
    model = nn.Linear(3, 4, bias=False)
    model.register_buffer("mask", None)
    model.register_buffer("scale", t(5))
    cost = ModelCheck(model, t(2, 3)).complexity()
    assert (cost.params, cost.buffers, cost.model_bytes) == (12, 5, 4 * 17)


# Bytes

FLOATS, LONGS = torch.float32, torch.int64


def indices(*shape):
    return torch.zeros(*shape, dtype=LONGS)


def moved(name, arguments, out):
    read, written = traffic_of(f"aten::{name}")(arguments, out)
    sums = {}, {}
    return add_bytes(read, sums[0]), add_bytes(written, sums[1]), *sums


@pytest.mark.parametrize(
    ("name", "arguments", "out", "read", "written"),
    [
        ("embedding", (t(1000, 4), indices(5)), t(5, 4), {FLOATS: 80, LONGS: 40}, {FLOATS: 80}),
        ("gather", (t(100, 3), 0, indices(2, 3)), t(2, 3), {FLOATS: 24, LONGS: 48}, {FLOATS: 24}),
        ("index_select", (t(100, 3), 0, indices(2)), t(2, 3), {FLOATS: 24, LONGS: 16}, {FLOATS: 24}),
        ("index", (t(100, 3), [None, indices(2)]), t(100, 2), {FLOATS: 800, LONGS: 16}, {FLOATS: 800}),
        ("copy_", (t(3), torch.zeros(3, dtype=torch.float64)), t(3), {torch.float64: 24}, {FLOATS: 12}),
        ("fill_", (t(3), 1.0), t(3), {}, {FLOATS: 12}),
        ("add", (t(3), t(3)), t(3), {FLOATS: 24}, {FLOATS: 12}),
        ("cat", ([t(3), [t(2)]], 0), t(5), {FLOATS: 20}, {FLOATS: 20}),
    ],
)
def test_what_an_operator_reads_and_writes(name, arguments, out, read, written):
    assert moved(name, arguments, out) == (sum(read.values()), sum(written.values()), read, written)


TARGET, ROWS = t(1000, 4), t(2, 4)  # rows of 16 bytes


@pytest.mark.parametrize(
    ("name", "arguments", "read", "written"),
    [
        ("index_put_", (TARGET, [indices(2)], ROWS, False), 16 + 32, 32),
        ("index_put_", (TARGET, [indices(2)], ROWS, True), 16 + 32 + 32, 32),
        ("index_put_", (TARGET, [indices(2), indices(2)], t(2), False), 32 + 8, 8),
        ("index_put_", (TARGET, [None, indices(2)], t(1), False), 16 + 4, 1000 * 2 * 4),
        ("index_put_", (TARGET, [indices(3, 1), indices(2)], t(1), False), 24 + 16 + 4, 6 * 4),
        ("index_put_", (TARGET, [t(1000).bool()], t(1), False), 1000 + 4, 16000),  # at most all
        ("index_put_", (t(3), [indices(500)], t(500), False), 4000 + 2000, 12),
        ("index_add_", (TARGET, 0, indices(2), ROWS), 32 + 16 + 32, 32),
        ("index_add_", (TARGET, 1, indices(2), t(1000, 2)), 8000 + 16 + 8000, 8000),
        ("index_reduce_", (TARGET, 0, indices(2), ROWS, "amax"), 32 + 16 + 32, 32),
        ("index_copy_", (TARGET, 0, indices(2), ROWS), 16 + 32, 32),
        ("index_fill_", (TARGET, 0, indices(2), 1.0), 16, 32),
        ("scatter_", (TARGET, 0, indices(3, 2), t(5, 4)), 48 + 24, 24),
        ("scatter_", (TARGET, 0, indices(3, 2), 1.0), 48, 24),
        ("scatter_", (TARGET, 0, indices(3, 2), t(5, 4), "add"), 24 + 48 + 24, 24),
        ("scatter_add_", (TARGET, 0, indices(3, 2), t(5, 4)), 24 + 48 + 24, 24),
        ("scatter_reduce_", (TARGET, 0, indices(3, 2), t(5, 4), "sum"), 24 + 48 + 24, 24),
        ("put_", (TARGET, indices(3), t(3), True), 12 + 24 + 12, 12),
        ("masked_fill_", (TARGET, t(1000, 1).bool(), 0.0), 1000, 16000),
        ("scatter_add", (TARGET, 0, indices(3, 2), t(5, 4)), 16000 + 48 + 24, 16000),
        ("index_add", (TARGET, 0, indices(2), ROWS), 16000 + 16 + 32, 16000),
        ("_embedding_bag", (TARGET, indices(5), indices(2)), 5 * 16 + 40 + 16, 32),
        ("zeros_like", (TARGET,), 0, 32),
    ],
)
def test_of_a_target_what_is_put_there_is_written_and_what_is_added_to_is_read(
    name, arguments, read, written
):
    out = ROWS if name in ("_embedding_bag", "zeros_like") else arguments[0]
    assert moved(name, arguments, out)[:2] == (read, written)


@pytest.mark.parametrize(
    ("tensor", "elements"),
    [
        (t(3, 4).expand(5, 3, 4), 12),
        (t(3, 1).expand(3, 4), 3),
        (t(10).unfold(0, 4, 1), 10),  # windows that overlap
        (t(10, 4)[::2], 20),
        (t(3, 4).T, 12),
        (t(0, 4).T, 0),
    ],
)
def test_of_an_expanded_tensor_what_is_stored_is_read(tensor, elements):
    assert add_bytes(tensor, {}) == 4 * elements


@pytest.mark.parametrize(
    ("tensor", "size"),
    [
        (LEFT, 2 * 3 * 8 + 3 * 4),
        (CSR, 3 * 8 + 3 * 8 + 3 * 4),
        (CSC, 4 * 8 + 3 * 8 + 3 * 4),
        (t(2, 3), 24),
        (None, 0),
    ],
)
def test_sparse_tensors_are_their_indices_and_values(tensor, size):
    sums = {}
    assert add_bytes([tensor, (1, "x")], sums) == size == sum(sums.values())


def test_dtypes_that_are_only_read_or_only_written():
    class Cast(nn.Module):
        def forward(self, x):
            return torch.ops.aten._to_copy(x, dtype=torch.float64)

    cost = ModelCheck(Cast(), torch.zeros(5)).complexity()
    assert list(cost.bytes_by_dtype.items()) == [("float64", (0, 40)), ("float32", (20, 0))]


@pytest.mark.parametrize(
    ("queries", "keys", "kept"), [(4, 4, 10), (3, 5, 1 + 2 + 3), (5, 3, 1 + 2 + 3 + 3 + 3), (1, 6, 1)]
)
def test_what_a_causal_mask_leaves(queries, keys, kept):
    assert causal_share(t(7, queries, 2), t(7, keys, 2)) == (kept, queries * keys)
