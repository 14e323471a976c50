"""Two states of one model's weights: what moved, by how much, what came and went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from ...errors import MeasurementError
from ...model.subject import unwrap
from ...text import first_line_repr
from ..reported import Reported
from .histogram import Histogram, histogram, plain
from .patterns import Patterns, wanted


@dataclass(frozen=True)
class TensorChange:
    """A tensor that both states have. `relative`: |new - old| / |old|; `max_change`: its largest element's.

    Both histograms have the same bins. `broken`: values that are NaN or infinite now and were not, or the reverse.
    """

    name: str
    relative: float
    max_change: float
    broken: int
    new: Histogram
    old: Histogram


@dataclass(frozen=True)
class WeightsComparison(Reported):
    """`changes`: tensors that differ, the most changed first; `equal`: how many are bitwise equal."""

    section = "weight_changes"

    changes: tuple[TensorChange, ...]
    equal: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    reshaped: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """A part of the record's section."""
        return asdict(self)

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        lines = [f"compared: {self.equal} tensors equal, {len(self.changes)} changed"]
        for what in ("added", "removed", "reshaped"):
            lines += [f"{what}: {name}" for name in getattr(self, what)]
        lines += [
            f"{c.name}: |change| / |old| {c.relative:.3g}, at most {c.max_change:.3g}"
            + (f", {c.broken} values became NaN or infinite, or ceased to be" if c.broken else "")
            for c in self.changes
        ]
        return "\n".join(lines)


def compare(
    own: Mapping[str, Tensor], other: object, include: Patterns, exclude: Patterns
) -> WeightsComparison:
    """Compare with `other`: an nn.Module, a ModelCheck, or a state_dict. Raises MeasurementError for anything else."""
    old = {n: t for n, t in _state(other).items() if t.is_floating_point() and wanted(n, include, exclude)}
    common = [name for name in own if name in old]
    shaped = [name for name in common if own[name].shape == old[name].shape]
    changes = [_change(n, own[n], old[n]) for n in shaped if not _equal(own[n], old[n].to(own[n]))]
    return WeightsComparison(
        tuple(sorted(changes, key=lambda c: (-c.broken, -c.relative))),
        len(shaped) - len(changes),
        tuple(name for name in own if name not in old),
        tuple(name for name in old if name not in own),
        tuple(f"{n} {tuple(old[n].shape)} -> {tuple(own[n].shape)}" for n in common if n not in set(shaped)),
    )


def _equal(a: Tensor, b: Tensor) -> bool:
    """NaN in the same places is no change."""
    return torch.equal(a, b) or bool(((a == b) | (a.isnan() & b.isnan())).all())


def _state(other: object) -> Mapping[str, Tensor]:
    subject = getattr(other, "subject", None)
    module = subject.module if subject is not None else other
    if isinstance(module, nn.Module):
        module = unwrap(module)
        return {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if isinstance(other, Mapping) and all(isinstance(t, Tensor) for t in other.values()):
        return other
    raise MeasurementError(
        f"against= takes an nn.Module, a ModelCheck or a state_dict, not {type(other).__name__}"
    )


def _change(name: str, new: Tensor, old: Tensor) -> TensorChange:
    a, b = plain(new), plain(old).to(new.device)
    if a.dtype != b.dtype:
        a, b = a.double(), b.double()
    sound = torch.isfinite(a) & torch.isfinite(b)
    broken = int((torch.isfinite(a) != torch.isfinite(b)).sum())
    a, b = (t[sound] if not bool(sound.all()) else t for t in (a, b))
    if not a.numel():
        a, b = a.new_zeros(1), b.new_zeros(1)
    difference = a - b
    low, high = float(torch.minimum(a.min(), b.min())), float(torch.maximum(a.max(), b.max()))
    return TensorChange(
        name,
        float(difference.norm()) / max(float(b.norm()), 1e-12),
        float(difference.abs().max()),
        broken,
        histogram(a, low, high),
        histogram(b, low, high),
    )
