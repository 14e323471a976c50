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
    from .errors import SubjectError as SubjectError
    from .modelcheck import ModelCheck as ModelCheck
    from .verdict.judge import Contributor as Contributor
    from .verdict.judge import Measurement as Measurement
    from .verdict.judge import Outcome as Outcome
    from .verdict.judge import Verdict as Verdict

_HOMES = {
    "Budget": "checks",
    "ClassDifference": "explain.targets",
    "Complexity": "complexity.result",
    "Contributor": "verdict",
    "ExplanationError": "errors",
    "Heatmap": "explain.heatmap",
    "LimitError": "errors",
    "Measurement": "verdict",
    "MeasurementError": "errors",
    "ModelCheck": "modelcheck",
    "ModelCheckError": "errors",
    "ModelCheckWarning": "errors",
    "ModelRunError": "errors",
    "Outcome": "verdict",
    "Registry": "registry",
    "SubjectError": "errors",
    "Verdict": "verdict",
    "compare_latency": "latency.compare",
    "register_formula": "complexity.formulas",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
