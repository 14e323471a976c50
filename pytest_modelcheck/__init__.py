"""Model regression checks for PyTorch, gated in pytest.

Public names load on first use (PEP 562): importing this package imports none of torch, numpy and PIL.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .checks.compile.result import Compiled as Compiled
    from .checks.complexity.formulas import register_formula as register_formula
    from .checks.complexity.result import Complexity as Complexity
    from .checks.complexity.table import Summary as Summary
    from .checks.explain.evolution import Evolution as Evolution
    from .checks.explain.evolution import StrongestActivations as StrongestActivations
    from .checks.explain.faithfulness import Faithfulness as Faithfulness
    from .checks.explain.heatmap import Heatmap as Heatmap
    from .checks.explain.invariance import Invariance as Invariance
    from .checks.explain.projection import Projection as Projection
    from .checks.explain.targets import ClassDifference as ClassDifference
    from .checks.export.result import Onnx as Onnx
    from .checks.latency.compare import LatencyComparison as LatencyComparison
    from .checks.latency.compare import compare_latency as compare_latency
    from .checks.latency.result import Latency as Latency
    from .checks.latency.result import LatencySweep as LatencySweep
    from .checks.memory.result import PeakMemory as PeakMemory
    from .checks.outputs.drift import Drift as Drift
    from .checks.outputs.result import Outputs as Outputs
    from .checks.outputs.words import Variant as Variant
    from .checks.profiler.result import Profile as Profile
    from .checks.registry import Registry as Registry
    from .checks.structure.result import Structure as Structure
    from .checks.weights.stats import Weights as Weights
    from .demand.check import Budget as Budget
    from .errors import ExplanationError as ExplanationError
    from .errors import LimitError as LimitError
    from .errors import MeasurementError as MeasurementError
    from .errors import ModelCheckError as ModelCheckError
    from .errors import ModelCheckWarning as ModelCheckWarning
    from .errors import ModelRunError as ModelRunError
    from .errors import RegistrationError as RegistrationError
    from .errors import SubjectError as SubjectError
    from .modelcheck import ModelCheck as ModelCheck
    from .records.section import Section as Section
    from .snapshots.complexity import ComplexitySnapshot as ComplexitySnapshot
    from .snapshots.heatmap import HeatmapSnapshot as HeatmapSnapshot
    from .snapshots.outputs import OutputSnapshot as OutputSnapshot
    from .snapshots.structure import StructureSnapshot as StructureSnapshot
    from .verdict.judge import Outcome as Outcome
    from .verdict.judge import Verdict as Verdict
    from .verdict.measurement import Contributor as Contributor
    from .verdict.measurement import Measurement as Measurement
    from .verdict.metric import Metric as Metric
    from .verdict.phases import Phase as Phase
    from .verdict.units import Unit as Unit

_HOMES = {
    "Budget": "demand.check",
    "ClassDifference": "checks.explain.targets",
    "Compiled": "checks.compile.result",
    "Complexity": "checks.complexity.result",
    "ComplexitySnapshot": "snapshots.complexity",
    "Contributor": "verdict.measurement",
    "Drift": "checks.outputs.drift",
    "Evolution": "checks.explain.evolution",
    "ExplanationError": "errors",
    "Faithfulness": "checks.explain.faithfulness",
    "Heatmap": "checks.explain.heatmap",
    "HeatmapSnapshot": "snapshots.heatmap",
    "Invariance": "checks.explain.invariance",
    "Latency": "checks.latency.result",
    "LatencyComparison": "checks.latency.compare",
    "LatencySweep": "checks.latency.result",
    "LimitError": "errors",
    "Measurement": "verdict.measurement",
    "MeasurementError": "errors",
    "Metric": "verdict.metric",
    "ModelCheck": "modelcheck",
    "ModelCheckError": "errors",
    "ModelCheckWarning": "errors",
    "ModelRunError": "errors",
    "Onnx": "checks.export.result",
    "Outcome": "verdict.judge",
    "OutputSnapshot": "snapshots.outputs",
    "Outputs": "checks.outputs.result",
    "PeakMemory": "checks.memory.result",
    "Profile": "checks.profiler.result",
    "Projection": "checks.explain.projection",
    "Phase": "verdict.phases",
    "RegistrationError": "errors",
    "Registry": "checks.registry",
    "Section": "records.section",
    "StrongestActivations": "checks.explain.evolution",
    "Structure": "checks.structure.result",
    "StructureSnapshot": "snapshots.structure",
    "SubjectError": "errors",
    "Summary": "checks.complexity.table",
    "Unit": "verdict.units",
    "Variant": "checks.outputs.words",
    "Verdict": "verdict.judge",
    "Weights": "checks.weights.stats",
    "compare_latency": "checks.latency.compare",
    "register_formula": "checks.complexity.formulas",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
