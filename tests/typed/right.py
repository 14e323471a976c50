"""A user's test file: `mypy --strict` and pyright's strict mode accept it, and know what each call returns."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from typing_extensions import assert_type

from pytest_modelcheck import (
    ClassDifference,
    Compiled,
    Complexity,
    ComplexitySnapshot,
    Drift,
    Evolution,
    Faithfulness,
    Heatmap,
    HeatmapSnapshot,
    Invariance,
    Latency,
    LatencySweep,
    ModelCheck,
    Onnx,
    Outcome,
    Outputs,
    OutputSnapshot,
    PeakMemory,
    Phase,
    Profile,
    Projection,
    StrongestActivations,
    Structure,
    StructureSnapshot,
    Summary,
    Variant,
    Verdict,
    Weights,
)


class Net(nn.Module):
    """A small model."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, width, 3, padding=1), nn.ReLU())
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))

    def forward(self, images: Tensor) -> Tensor:
        """Two scores for each image."""
        scores: Tensor = self.head(self.body(images))
        return scores


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """What is checked."""
    return Net()


@pytest.fixture(scope="module")
def example_inputs() -> Tensor:
    """On what."""
    return torch.rand(2, 3, 8, 8)


@pytest.mark.modelcheck(model=Net, input_size=(1, 3, 8, 8), name="net")
@pytest.mark.flops_budget("1 MFLOPs", max_regression="2%", phase="training_step")
@pytest.mark.macs_budget("1 MMACs", level="warn")
@pytest.mark.params_budget(1000, trainable=True, reason="fits into the cache")
@pytest.mark.memory_access_budget("1 MiB")
@pytest.mark.activations_budget("1 M")
@pytest.mark.peak_memory_budget("1 MiB", phase="training_step", optimizer="AdamW")
@pytest.mark.latency_budget("1 s", statistic="p90", threads=1)
@pytest.mark.operator_budget("aten::conv2d", 1)
@pytest.mark.forbid_host_sync
@pytest.mark.drift_budget("1 %", against="channels_last", min_agreement="99 %")
@pytest.mark.compile_budget(graph_breaks=0, sizes=[(4, 3, 8, 8)], dynamic=True)
@pytest.mark.onnx_export(max_size="1 MiB")
@pytest.mark.invariance_budget("rotation", min_probability=0.1)
def test_budgets() -> None:
    """Markers alone are a complete test."""


def test_costs(modelcheck: ModelCheck, complexity_snapshot: ComplexitySnapshot) -> None:
    """Counts, and what they are compared with."""
    cost = assert_type(modelcheck.complexity(phase="training_step", attention="causal"), Complexity)
    assert_type(cost.macs, int)
    assert_type(cost.by_module()["body.0"].macs, int)
    assert_type(cost.by_operator()["aten.convolution"].flops, int)
    assert cost == complexity_snapshot(tolerance="1%")
    assert cost == complexity_snapshot
    assert_type(modelcheck.summary(depth=2, sort_by="macs"), Summary)
    assert_type(modelcheck.summary(style="torchstat").to_markdown(), str)
    assert_type(modelcheck.shufflenet_mac(), "dict[str, int]")
    assert_type(cost.roofline(peak_flops=1e12, bandwidth=1e11).bound, str)


def test_structure(modelcheck: ModelCheck, structure_snapshot: StructureSnapshot) -> None:
    """Structure and weights."""
    structure = assert_type(modelcheck.structure(weights=True, autograd=True), Structure)
    assert structure == structure_snapshot
    for change in structure.diff(ModelCheck(Net(8), input_size=(1, 3, 8, 8)).structure()):
        print(str(change))
    assert_type(structure.fingerprint, str)
    weights = assert_type(modelcheck.weights(against=Net(), include="body.*"), Weights)
    assert_type(weights.problems, "list[str]")


@pytest.mark.parametrize("variant", ["bfloat16", "one_by_one"])
def test_outputs(modelcheck: ModelCheck, output_snapshot: OutputSnapshot, variant: Variant) -> None:
    """Outputs, and how far they move."""
    outputs = assert_type(modelcheck.outputs(), Outputs)
    assert outputs == output_snapshot(rtol=1e-3, atol=1e-5)
    assert_type(outputs["output"].mean, "float | None")
    drift = assert_type(modelcheck.drift(variant), Drift)
    assert_type(drift.max_error, float)
    assert_type(modelcheck.drift(Net()).first_module, "str | None")
    assert_type(modelcheck.drift(ModelCheck(Net(), torch.rand(1, 3, 8, 8))).by_module(), "dict[str, float]")


def test_heatmaps(modelcheck: ModelCheck, heatmap_snapshot: HeatmapSnapshot) -> None:
    """The family of CAM, projections and what is made of them."""
    heatmap = assert_type(modelcheck.gradcam(target=1, layer="body", classes=["cat", "dog"]), Heatmap)
    assert heatmap == heatmap_snapshot(preset="loose")
    assert heatmap.points_at((0, 0, 4, 4)).all()
    assert_type(heatmap.score, "tuple[float, ...]")
    for method in (
        modelcheck.cam,
        modelcheck.gradcam_plus_plus,
        modelcheck.xgradcam,
        modelcheck.hirescam,
        modelcheck.layercam,
        modelcheck.elementwise_cam,
        modelcheck.eigencam,
        modelcheck.eigen_gradcam,
        modelcheck.ablation_cam,
        modelcheck.score_cam,
    ):
        assert_type(method(), Heatmap)
    modelcheck.gradcam(target=ClassDifference(1, 0))
    assert_type(modelcheck.deconvnet(layer="body", feature=1), Projection)
    assert_type(modelcheck.guided_backprop(target=[0, 1]), Projection)
    assert_type(modelcheck.guided_gradcam(), Projection)
    assert_type(modelcheck.faithfulness(heatmap, steps=5), Faithfulness)
    assert_type(modelcheck.invariance("scale", values=[1, 1.5]), Invariance)
    assert_type(modelcheck.strongest_activations(["body.0"]), StrongestActivations)
    assert_type(modelcheck.feature_evolution({"start": Net().state_dict()}), Evolution)


def test_time_and_memory(modelcheck: ModelCheck, model: nn.Module) -> None:
    """Latency, memory, the profiler."""
    phase: Phase = "backward"
    latency = assert_type(modelcheck.latency(statistic="p95", phase=phase, cap=1), Latency)
    assert_type(latency.median.value, float)
    assert_type(modelcheck.latency(batch_sizes=[1, 2]), LatencySweep)
    verdict = assert_type(modelcheck.latency_against(Net(), max_regression="10%"), Verdict)
    assert verdict.outcome is not Outcome.FAIL
    peak = assert_type(modelcheck.peak_memory(phase="training_step", optimizer="SGD"), PeakMemory)
    assert_type(peak.total, int)
    assert_type(modelcheck.profile(stacks=True), Profile)
    with modelcheck.profile(steps=2, wait=1) as step:
        while not step.done:
            model(torch.rand(1, 3, 8, 8))
            step()
    assert_type(step.result.counts["aten::conv2d"], int)


def test_what_others_make_of_it(modelcheck: ModelCheck) -> None:
    """Export and compilation, and a panel of one's own."""
    exported = assert_type(modelcheck.onnx(opset=18), Onnx)
    assert_type(exported.max_relative_error, "float | None")
    compiled = assert_type(modelcheck.compile(sizes=[(4, 3, 8, 8)]), Compiled)
    assert_type(compiled.graph_breaks, int)
    modelcheck.show("mine", [{"epoch": 1, "loss": 0.3}])
    assert_type(modelcheck(Net(8), torch.rand(1, 3, 8, 8)), ModelCheck)
