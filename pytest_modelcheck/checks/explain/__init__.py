"""Explanation: heatmaps that show which pixels speak for a score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...demand.check import Bound, BoundedBudget, Registry

if TYPE_CHECKING:
    from ...model.subject import Subject

BOUNDS = {
    "min_probability": Bound("invariance_probability", "as a share of 1", "min"),
    "max_feature_shift": Bound("invariance_feature_shift", "as a share of 1", "max"),
}
CHOICES = {"transform": ("translation", "scale", "rotation")}
DOC = (
    "how the model responds as its images are moved, enlarged or turned (Zeiler and Fergus 2013): the target keeps at "
    "least min_probability, and the last layer's features move by at most max_feature_shift, |f - f0| / |f0|. "
    "target: a class, one per image, or a set of classes; layers, values: what to watch, and where."
)


def register(registry: Registry) -> None:
    """The marker, and the section of the report."""
    free = ("target", "layers", "values")
    registry.add(
        BoundedBudget("invariance_budget", DOC, BOUNDS, _observe, _read, CHOICES, "invariance", free)
    )
    registry.add_section("heatmaps", _describe)


def _observe(subject: Subject, *, transform: str, **options: Any) -> Any:
    from .invariance import invariance

    return invariance(subject, transform, **options)


def _read(observed: Any, **options: Any) -> Any:
    from .read import read_invariance

    return read_invariance(observed)


def _describe(subject: Subject) -> Any:
    from .describe import describe

    return describe(subject)
