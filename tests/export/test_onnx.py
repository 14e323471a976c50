"""ONNX: what agrees, what only seems to, and what cannot be exported."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.export.agreement import compare, silence_of
from pytest_modelcheck.checks.export.axes import free_axes
from pytest_modelcheck.checks.export.check import ExportCheck
from pytest_modelcheck.checks.export.reasons import short_reason
from pytest_modelcheck.errors import MeasurementError, MissingExtraError, NothingSeenError
from pytest_modelcheck.model.subject import Inputs
from pytest_modelcheck.verdict.limit import Limit

from ..features import (
    needs_export_of_parity,
    needs_fixed_axis_by_name,
    needs_lstm_that_onnx_checks,
    rows,
)

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
pytest.importorskip("onnxruntime")


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 16, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


class ByData(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum().item() > 0 else x


def read(result, **options):
    """What the marker makes of an export."""
    check = ExportCheck()
    return check.read(result, Limit(check.metrics[0], options=options))


def wake(model, x):
    """Batch statistics of real activations, and no layer of zeros."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None
        if isinstance(module, nn.Linear) and not module.weight.any():
            nn.init.normal_(module.weight, std=0.02)
    model.train()(x)


class Bias(nn.Module):
    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x * 1e-9 + self.bias


class Nothing(nn.Module):
    def forward(self, x):
        return x * 0.0


@pytest.fixture(scope="module")
def linear():
    torch.manual_seed(0)
    return ModelCheck(nn.Sequential(nn.Linear(4, 3), nn.ReLU()), input_size=(2, 4), name="net").onnx()


@pytest.mark.parametrize("opset", [11, 99])
def test_another_opset_than_was_asked_for_is_no_export(opset):
    result = ModelCheck(nn.Linear(4, 3), input_size=(2, 4)).onnx(opset=opset)
    assert not result.exported
    assert result.reason == f"torch.onnx gave opset 18 where {opset} was asked for"


def test_it_agrees_and_tells_operators_size_and_opset(linear):
    assert linear.exported
    assert linear.max_relative_error < 1e-5
    assert not linear.vacuous
    assert linear.operators == {"Gemm": 1, "Relu": 1}
    assert linear.size_bytes == len(linear.model)
    assert read(linear).value == linear.max_relative_error


def test_the_file_is_valid_and_tells_nothing_of_this_machine(linear, tmp_path):
    path = linear.save(tmp_path / "net.onnx")
    onnx.checker.check_model(str(path), full_check=True)
    assert b"site-packages" not in path.read_bytes()
    assert all(not node.metadata_props for node in onnx.load(path).graph.node)


@pytest.mark.parametrize(
    ("make", "size"),
    [
        pytest.param(lambda: "torchvision:resnet18", (1, 3, 64, 64), id="resnet18"),
        pytest.param(Lstm, (2, 5, 8), id="lstm", marks=needs_lstm_that_onnx_checks),
    ],
)
def test_models_agree(make, size):
    torch.manual_seed(0)
    result = ModelCheck(make() if make is not Lstm else Lstm(), input_size=size).onnx()
    assert result.reason == ""
    assert result.max_relative_error < 1e-3


def test_a_model_that_looks_at_its_data_is_not_exportable(capfd):
    result = ModelCheck(ByData(), input_size=(2, 3), name="net").onnx()
    assert result.reason.startswith("data-dependent")
    assert len(result.reason) < 250
    assert "\n" not in result.reason
    assert capfd.readouterr() == ("", "")
    with pytest.raises(MeasurementError, match="not exportable: data-dependent"):
        read(result)


class Gives(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.layer, self.make = nn.Linear(3, 3), make

    def forward(self, x):
        return self.make(self.layer(x))


REASONS = {
    "no output": (lambda: Gives(lambda y: None), "its output holds no tensor"),
    "a number": (lambda: Gives(lambda y: 3.5), "its output holds no tensor"),
    "a generator of its own": (
        lambda: Gives(lambda y: y + torch.randn(2, 3, generator=torch.Generator())),
        "it draws random numbers from a generator of its own",
    ),
    "TorchScript": (
        lambda: torch.jit.trace(nn.Linear(3, 3), torch.ones(2, 3)),
        "TorchScript is not exported",
    ),
}


@pytest.mark.parametrize(("make", "words"), REASONS.values(), ids=REASONS.keys())
@pytest.mark.filterwarnings("ignore:.*torch.jit.*:FutureWarning")
def test_what_cannot_be_exported_says_why_in_a_line(make, words):
    result = ModelCheck(make(), input_size=(2, 3)).onnx()
    assert result.reason.startswith(words)
    assert len(result.reason) < 120


def test_a_file_whose_shapes_onnx_gets_wrong_is_not_blamed_on_the_model():
    """The file of an LSTM, as torch 2.6 writes it."""
    said = "Inference error(s): (op_type:SequenceAt, node name: n0_2): shape differ in rank: (3) vs (2)"
    assert short_reason(ValueError(said)).startswith("onnx.checker refuses the file: onnx takes")


@pytest.mark.parametrize("make", [Nothing, Bias])
def test_outputs_that_say_nothing_agree_vacuously_and_that_is_no_pass(make):
    result = ModelCheck(make(), input_size=(2, 3)).onnx()
    assert result.vacuous
    with pytest.raises(MeasurementError, match="vacuously"):
        read(result)


def test_an_export_that_disagrees_names_the_first_output_and_the_error():
    class OtherWhenExported(nn.Module):
        def forward(self, x):
            offset = torch.zeros(2, 3)
            if torch.compiler.is_compiling():  # as in models that take a short cut "for deployment"
                offset[1, 2] = 0.5
            return x + 1, 2 * x + offset

    result = ModelCheck(OtherWhenExported(), inputs=torch.arange(6.0).reshape(2, 3)).onnx()
    measurement = read(result)
    assert measurement.value == pytest.approx(0.5 / 10)
    assert "differs first: 0.5 at [1, 2], its scale is 10" in measurement.notes[0]


def test_dynamic_shapes_run_at_another_size(linear):
    import onnxruntime

    model = nn.Linear(4, 3)
    dynamic = {"input": {0: torch.export.Dim("batch")}}
    result = ModelCheck(model, input_size=(2, 4)).onnx(dynamic=dynamic, opset=18)
    assert result.opset == 18
    session = onnxruntime.InferenceSession(result.model)
    (name,) = (i.name for i in session.get_inputs())
    assert session.run(None, {name: np.zeros((7, 4), np.float32)})[0].shape == (7, 3)


@pytest.mark.parametrize("package", ["onnx", "onnxscript", "onnxruntime"])
def test_a_missing_extra_says_what_to_install(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"needs {package}.*\n.*pytest-modelcheck\[onnx\]"):
        ModelCheck(nn.Linear(2, 2), input_size=(1, 2)).onnx()


@pytest.mark.export_many
@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mobilenet_v3_small", 224),
        ("vit_b_16", 224),
        ("googlenet", 224),
        ("deeplabv3_mobilenet_v3_large", 128),
    ],
)
def test_large_models_agree(name, size):
    """Untrained, GoogLeNet answers with its bias alone and ViT with zero, which is vacuous: wake them up."""
    torch.manual_seed(0)
    check = ModelCheck(f"torchvision:{name}", input_size=(1, 3, size, size))
    wake(check.subject.module, torch.randn(2, 3, size, size))
    result = check.onnx()
    print(result)
    assert result.reason == ""
    assert not result.vacuous
    assert result.max_relative_error < 1e-3


@pytest.mark.export_many
def test_a_detector_is_data_dependent():
    torch.manual_seed(0)
    result = ModelCheck("torchvision:fasterrcnn_resnet50_fpn", ([torch.rand(3, 200, 300)],)).onnx()
    print(result)
    assert result.reason.startswith("data-dependent")


def test_the_exporters_trace_is_not_what_a_failing_test_logs(caplog):
    assert ModelCheck(nn.Linear(4, 2), torch.randn(1, 4)).onnx().exported
    assert "torch.__trace" not in caplog.text


# What a file was not asked, or does not say, is no agreement.


class Does(nn.Module):
    """A layer, and what is made of it."""

    def __init__(self, make):
        super().__init__()
        torch.manual_seed(0)
        self.layer, self.make = nn.Linear(4, 4), make

    def forward(self, x):
        return self.make(self.layer(x), x)


def other_when_exported(value, other):
    return other if torch.compiler.is_compiling() else value


def every_kind(y, x):
    """Masks, whole and complex numbers, nested ones, None, NaN and infinities, empty ones, constants."""
    odd = torch.cat([y, y * torch.nan, 1 / (y * 0)])
    return {
        "a": [y, None, y > 0],
        "b": ((y * 100).int(), torch.complex(y, x)),
        "c": (odd, y[3:], torch.arange(3)),
    }


def test_outputs_of_every_kind_are_compared():
    result = ModelCheck(Does(every_kind), inputs=torch.linspace(-1, 1, 12).reshape(3, 4)).onnx()
    assert (result.reason, result.silence, len(result.outputs)) == ("", "", 7)
    assert result.max_relative_error < 1e-5


def test_a_mask_that_differs_is_told_by_the_share_of_its_entries():
    model = Does(lambda y, x: (y, other_when_exported(y > 0, y <= 0)))
    result = ModelCheck(model, input_size=(3, 4)).onnx()
    assert result.max_relative_error == 1.0
    assert "12 of its entries" in read(result).notes[0]


T = torch.tensor
DIFFERENCES = {  # ONNX Runtime's, the model's: relative error, or the reason
    "masks": (T([True, False, True, True]), T([True, True, True, True]), 0.25),
    "whole numbers": (T([1, 2, 3, 2**40]), T([1, 2, 3, 2**40 + 1]), 0.25),
    "bytes do not wrap": (T([255], dtype=torch.uint8), T([0], dtype=torch.uint8), 1.0),
    "numbers": (T([1.0, 2.0]), T([1.0, 4.0]), 0.5),
    "alike": (T([torch.nan, torch.inf, 1.0]), T([torch.nan, torch.inf, 1.0]), 0.0),
    "NaN in one": (T([torch.nan, 1.0]), T([1.0, 1.0]), np.inf),
    "infinite in one": (T([torch.inf, 1.0]), T([-torch.inf, 1.0]), np.inf),
    "complex": (torch.view_as_real(T([1 + 1j])), T([1 + 2j]), 0.5),
    "empty": (torch.ones(0, 2), torch.ones(0, 2), 0.0),
    "dtype": (T([1]), T([True]), "bool expected, int64 from ONNX Runtime"),
    "shape": (T([1.0]), T([[1.0]]), "shape (1, 1) expected, (1,) from ONNX Runtime"),
}


@pytest.mark.parametrize(("got", "want", "told"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_outputs_are_compared_by_what_they_are(got, want, told):
    (seen,) = compare(["out"], [got.numpy()], [want])
    assert (seen.reason if seen.reason else seen.relative) == told


SILENT = {  # what the model makes of its input
    "NaN": (lambda x: [x * torch.nan], "'a' is NaN everywhere"),
    "one NaN": (lambda x: [x, x * torch.nan], "'b' is NaN everywhere"),
    "empty": (lambda x: [x[:0]], "they are empty"),
    "zero": (lambda x: [x * 0], "they are zero"),
    "constant": (lambda x: [x * 0 + 1], "they are the same for any input"),
    "a mask that never changes": (lambda x: [x > 1e9], "they are the same for any input"),
    "a class that never changes": (lambda x: [(x * 0).flatten().argmax()], "they are the same for any input"),
    "one of two speaks": (lambda x: [x * 0 + 1, x], ""),
    "a mask": (lambda x: [x > 0.5], ""),
    "class 0": (lambda x: [x.flatten().argmin()], ""),
    "complex": (lambda x: [torch.complex(x.float(), x.float())], ""),
}


@pytest.mark.parametrize("kind", ["float", "int", "bool"])
@pytest.mark.parametrize(("make", "words"), SILENT.values(), ids=SILENT.keys())
def test_outputs_that_say_nothing(make, words, kind):
    x = {"float": torch.arange(1.0, 5.0), "int": torch.arange(1, 5), "bool": torch.tensor([False, True])}[
        kind
    ]

    def run(inputs):
        return make(inputs.args[0].float())

    said = silence_of(["a", "b"], run(Inputs.of(x)), run, Inputs.of(x))
    assert said == words


def test_that_is_an_error():
    result = ModelCheck(Does(lambda y, x: y > 1e9), input_size=(3, 4)).onnx()
    assert result.vacuous
    with pytest.raises(NothingSeenError, match="the same for any input"):
        read(result)


Dim = torch.export.Dim
BATCH = Dim("batch")


class Takes(nn.Module):
    def forward(self, x, more=None, *rest, **named):
        return x


A, B = torch.ones(3, 4), torch.ones(6)
ASKED = {  # inputs, dynamic, axes
    "by name": ((A,), {"x": {0: BATCH}}, ["axis 0 of input 'x'"]),
    "by place": ((A, B), ([BATCH, None], {0: Dim.AUTO}), ["axis 0 of input 'x'", "axis 0 of input 'more'"]),
    "a word": ((A,), {"x": {1: "width"}}, ["axis 1 of input 'x'"]),
    "hints": ((A,), {"x": (Dim.DYNAMIC, Dim.STATIC)}, ["axis 0 of input 'x'"]),
    "derived": ((A,), {"x": {0: 2 * BATCH}}, ["axis 0 of input 'x'"]),
    "nested": (
        (A, {"k": [B, 3]}),
        {"x": None, "more": {"k": [{0: BATCH}, None]}},
        ["axis 0 of input \"more['k'][0]\""],
    ),
    "variable": ((A, B, A), {"x": None, "more": None, "rest": ({1: BATCH},)}, ["axis 1 of input 'rest[0]'"]),
    "named": ({"x": A, "other": B}, {"x": None, "other": {0: BATCH}}, ["axis 0 of input 'other'"]),
    "numbers are fixed": ((A,), {"x": {0: 3, 1: None}}, []),
    "nothing": ((A,), None, []),
}


@pytest.mark.parametrize(("inputs", "dynamic", "axes"), ASKED.values(), ids=ASKED.keys())
def test_what_is_asked_to_be_free(inputs, dynamic, axes):
    assert [str(axis) for axis in free_axes(Takes(), Inputs.of(inputs), dynamic)] == axes


WORKS = {  # what forward makes of layer and input, dynamic, sizes that are tried
    "by name": (lambda y, x: y, BATCH, {"x 6x4", "x 1x4"}),
    "bounded": (lambda y, x: y, Dim("b", min=2, max=4), {"x 4x4", "x 2x4"}),
    "as far as the model goes": (lambda y, x: y + torch.ones(4, 4)[: x.shape[0]], "n", {"x 4x4", "x 1x4"}),
}


@pytest.mark.parametrize(("make", "dim", "sizes"), WORKS.values(), ids=WORKS.keys())
def test_free_axes_are_tried_at_other_sizes(make, dim, sizes):
    result = ModelCheck(Does(make), input_size=(3, 4)).onnx(dynamic={"x": {0: dim}})
    assert result.reason == ""
    assert set(result.tried) == sizes
    assert result.max_relative_error < 1e-5
    assert f"agrees at other sizes too: {'; '.join(result.tried)}" in read(result).notes


BRANCHES = {
    "far above": (lambda y, x: y * 2 if x.shape[0] > 999 else y, "x 1000x4"),
    "even": (lambda y, x: y * 2 if x.shape[0] % 2 == 0 else y, "x 6x4"),
}


@pytest.mark.parametrize(("make", "at"), rows(BRANCHES, {"even": needs_export_of_parity}))
def test_a_branch_on_a_free_axis_is_found(make, at):
    result = ModelCheck(Does(make), input_size=(3, 4)).onnx(dynamic={"x": {0: BATCH}})
    assert result.max_relative_error == pytest.approx(0.5)
    assert f"(inputs {at}) differs first" in read(result).notes[0]


FIXED = {
    "a view": (lambda y, x: y.view(3, 2, 2), BATCH),
    "inferred": (lambda y, x: y if len(x) == 3 else y * 2, Dim.AUTO),
}


@pytest.mark.parametrize(("make", "dim"), FIXED.values(), ids=FIXED.keys())
def test_an_axis_that_the_file_fixes_is_a_fail(make, dim):
    result = ModelCheck(Does(make), input_size=(3, 4)).onnx(dynamic={"x": {0: dim}})
    assert result.max_relative_error == np.inf
    measured = read(result)
    assert measured.value == np.inf
    assert (
        measured.notes[0] == "axis 0 of input 'x' was asked to be free (dynamic=), but the file fixes it at 3"
    )


@needs_fixed_axis_by_name
def test_so_is_one_that_the_exporter_refuses_to_free():
    made = ModelCheck(Does(lambda y, x: y.view(3, 2, 2)), input_size=(3, 4)).onnx(dynamic={"x": {0: "batch"}})
    assert made.reason == "axis 0 of input 'x' was asked to be free (dynamic=), but the model fixes it at 3"
    assert read(made).notes[0] == made.reason


ALONE = {  # what shows along one axis alone, and along both together
    "alone": (lambda y, x: y * 2 if x.shape[0] > 5 and x.shape[1] == 5 else y, "x 6x5x4"),
    "together": (lambda y, x: y * 2 if x.shape[0] > 3 and x.shape[1] > 5 else y, "x 6x12x4"),
}


@pytest.mark.parametrize(("make", "at"), ALONE.values(), ids=ALONE.keys())
def test_free_axes_are_tried_alone_and_together(make, at):
    result = ModelCheck(Does(make), input_size=(3, 5, 4)).onnx(dynamic={"x": {0: "n", 1: "m"}})
    assert {"x 6x12x4", "x 6x5x4", "x 3x10x4"} <= set(result.tried)
    assert f"(inputs {at}) differs first" in read(result).notes[0]


def test_a_file_that_does_not_run_where_the_model_does_disagrees():
    def make(y, x):
        return (
            y.reshape(3, 2, 2) if torch.compiler.is_compiling() and len(x) == 3 else y.reshape(len(x), 2, 2)
        )

    result = ModelCheck(Does(make), input_size=(3, 4)).onnx(dynamic={"x": {0: Dim.AUTO}})
    assert read(result).value == np.inf


def test_an_axis_that_cannot_be_tried_is_an_error_that_says_why():
    class OneSize(Does):
        def forward(self, x):
            if not torch.compiler.is_compiling() and len(x) != 3:
                raise ValueError("three or nothing")
            return self.layer(x)

    with pytest.raises(NothingSeenError, match=r"(?s)axis 0 of input 'x'.*second size.*three or nothing"):
        ModelCheck(OneSize(None), input_size=(3, 4)).onnx(dynamic={"x": {0: BATCH}})


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, batch, scale=2.0, z=None):
        return torch.cat([self.layer(batch["x"]), batch["y"][0]]) * scale + z


def test_sizes_that_hang_together_change_together():
    torch.manual_seed(0)
    inputs = {"batch": {"x": torch.randn(2, 4), "y": [torch.randn(2, 4)]}, "z": torch.randn(4, 4)}
    dynamic = {"batch": {"x": {0: BATCH}, "y": [{0: BATCH}]}, "z": {0: 2 * BATCH}}
    result = ModelCheck(Two(), inputs).onnx(dynamic=dynamic)
    assert result.tried[0] == "batch['x'] 5x4, batch['y'][0] 5x4, z 10x4"
    assert result.max_relative_error < 1e-5
