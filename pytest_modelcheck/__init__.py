"""Model regression checks for PyTorch, gated in pytest.

Public names load on first use (PEP 562): importing this package imports none of torch, numpy and PIL.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .checks.complexity.formulas import register_formula as register_formula
    from .checks.complexity.result import Complexity as Complexity
    from .checks.explain.heatmap import Heatmap as Heatmap
    from .checks.explain.targets import ClassDifference as ClassDifference
    from .checks.latency.compare import compare_latency as compare_latency
    from .checks.registry import Registry as Registry
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
    from .verdict.judge import Outcome as Outcome
    from .verdict.judge import Verdict as Verdict
    from .verdict.measurement import Contributor as Contributor
    from .verdict.measurement import Measurement as Measurement
    from .verdict.metric import Metric as Metric
    from .verdict.units import Unit as Unit

_HOMES = {
    "Budget": "demand.check",
    "ClassDifference": "checks.explain.targets",
    "Complexity": "checks.complexity.result",
    "Contributor": "verdict.measurement",
    "ExplanationError": "errors",
    "Heatmap": "checks.explain.heatmap",
    "LimitError": "errors",
    "Measurement": "verdict.measurement",
    "MeasurementError": "errors",
    "Metric": "verdict.metric",
    "ModelCheck": "modelcheck",
    "ModelCheckError": "errors",
    "ModelCheckWarning": "errors",
    "ModelRunError": "errors",
    "Outcome": "verdict.judge",
    "RegistrationError": "errors",
    "Registry": "checks.registry",
    "Section": "records.section",
    "SubjectError": "errors",
    "Unit": "verdict.units",
    "Verdict": "verdict.judge",
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
