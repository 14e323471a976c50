"""Read the value that a budget limits out of a count, with the modules that contribute most."""

from __future__ import annotations

from ...verdict.judge import ROOT, Contributor, Measurement
from ...verdict.units import FLOPS, MACS
from .result import Complexity, Parameters


def read_flops(complexity: Complexity) -> Measurement:
    """FLOPs = 2 x MACs."""
    return _read(complexity, "flops", MACS.exact(complexity.macs))


def read_macs(complexity: Complexity) -> Measurement:
    """MACs of contractions."""
    return _read(complexity, "macs", FLOPS.exact(complexity.flops))


def read_memory_access(complexity: Complexity) -> Measurement:
    """Bytes read and written by the operators."""
    return _read(complexity, "memory_access")


def read_activations(complexity: Complexity) -> Measurement:
    """Elements of the outputs of convolutions and matrix products."""
    return _read(complexity, "activations")


def read_params(parameters: Parameters) -> Measurement:
    """Parameters, tied ones once."""
    return Measurement(parameters.total, contributors=_ranked(dict(parameters.by_module)))


def _read(complexity: Complexity, metric: str, aka: str = "") -> Measurement:
    own = {name: getattr(cost.own, metric) for name, cost in complexity.by_module().items()}
    notes = (f"counted by running the model once: {complexity.reason}",) if complexity.reason else ()
    return Measurement(
        getattr(complexity, metric),
        aka=aka,
        contributors=_ranked(own),
        notes=notes,
        caveat=_uncounted(complexity),
    )


def _ranked(values: dict[str, int]) -> tuple[Contributor, ...]:
    ranked = sorted(values.items(), key=lambda pair: -pair[1])
    return tuple(Contributor(name or ROOT, value) for name, value in ranked if value)


def _uncounted(complexity: Complexity) -> str:
    unknown = [
        f"{name} ({calls} call{'s' * (calls != 1)})" for name, calls in complexity.unknown_operators.items()
    ]
    return f"not counted, no formula known: {', '.join(unknown)}" if unknown else ""
