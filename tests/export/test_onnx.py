"""ONNX: what agrees, what only seems to, and what cannot be exported."""

import dataclasses
import sys

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.export.check import ExportCheck
from pytest_modelcheck.errors import MeasurementError, MissingExtraError
from pytest_modelcheck.verdict.limit import Limit

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
    [(lambda: "torchvision:resnet18", (1, 3, 64, 64)), (Lstm, (2, 5, 8))],
    ids=["resnet18", "lstm"],
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


@dataclasses.dataclass
class Answer:
    logits: torch.Tensor


REASONS = {
    "no output": (lambda: Gives(lambda y: None), "its output holds no tensor"),
    "a number": (lambda: Gives(lambda y: 3.5), "its output holds no tensor"),
    "an object": (lambda: Gives(Answer), "its output is an object that the exporter cannot open"),
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
            if torch.compiler.is_exporting():  # as in models that take a short cut "for deployment"
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


def test_a_file_too_large_is_told(linear):
    with pytest.raises(MeasurementError, match="more than max_size=10 B"):
        read(linear, max_size="10 B")


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
