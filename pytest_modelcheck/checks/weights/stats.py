"""Weights: statistics and histogram of every tensor, and what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...errors import MeasurementError
from ...model.observe import refuse_lazy
from ...model.subject import Subject, dtype_name
from ...text import count
from ..reported import Reported
from .compare import WeightsComparison, compare
from .filters import FilterGrid, filter_grids, first_filters
from .histogram import Histogram, histogram, plain
from .patterns import Named, patterns, wanted

FIRST = 8  # values of a tensor that are kept as they are
BROKEN, DEAD = range(2)  # how bad a problem is: values that no number can follow, filters that say nothing


class Problem(NamedTuple):
    """What is wrong with a tensor, in a sentence."""

    rank: int
    words: str


@dataclass(frozen=True)
class TensorStats:
    """One parameter or buffer. Statistics are over its finite values; `sparsity` is the share of exact zeros,
    `dead_filters` the output channels of a weight that are all zero."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    count: int
    mean: float
    std: float
    min: float
    max: float
    l2: float
    sparsity: float
    nan: int
    inf: int
    dead_filters: tuple[int, ...]
    histogram: Histogram
    singular_values: tuple[float, ...] = ()  # only on request
    filters: int = 0  # output channels
    first: tuple[float, ...] = ()  # values, row by row

    def to_dict(self) -> dict[str, object]:
        """A row of the record's section."""
        return {**vars(self), "histogram": dict(vars(self.histogram))}

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with it, worst first."""
        found = []
        if self.nan:
            found.append(Problem(BROKEN, f"{self.name} holds {self.nan:,} NaN"))
        if self.inf:
            found.append(Problem(BROKEN, f"{self.name} holds {self.inf:,} infinite values"))
        if self.dead_filters:
            dead = len(self.dead_filters)
            words = f"{self.name}: {dead:,} of {self.filters:,} filters are dead (all zero)"
            found.append(Problem(DEAD, words))
        return found


@dataclass(frozen=True)
class Weights(Reported):
    """All floating parameters and buffers of a model; `problems` in sentences, worst first."""

    section = "weights"

    name: str
    tensors: tuple[TensorStats, ...]
    filters: FilterGrid | None
    grids: tuple[FilterGrid, ...] = ()
    comparison: WeightsComparison | None = None

    @property
    def problems(self) -> list[str]:
        """What is wrong: NaN and infinities, then dead filters."""
        found = [problem for tensor in self.tensors for problem in tensor.problems]
        return [problem.words for problem in sorted(found, key=lambda problem: problem.rank)]

    def to_dict(self) -> dict[str, object]:
        """The record's section."""
        filters = asdict(self.filters) if self.filters else None
        section = {
            "tensors": [tensor.to_dict() for tensor in self.tensors],
            "filters": filters,
            "problems": self.problems,
        }
        section["grids"] = [asdict(grid) for grid in self.grids]
        return {**section, "comparison": self.comparison.to_dict() if self.comparison else None}

    def _also(self) -> Iterable[Reported]:
        return () if self.comparison is None else (self.comparison,)

    def __repr__(self) -> str:
        return f"Weights({self.name}: {count(len(self.tensors), 'tensor')}, {count(len(self.problems), 'problem')})"

    def __str__(self) -> str:
        width = max((len(t.name) for t in self.tensors), default=0)
        head = f"{'tensor':<{width}}  {'mean':>10} {'std':>10} {'min':>10} {'max':>10} {'zeros':>7}"
        rows = [
            f"{t.name:<{width}}  {t.mean:>10.3g} {t.std:>10.3g} {t.min:>10.3g} {t.max:>10.3g} {t.sparsity:>6.1%}"
            for t in self.tensors
        ]
        compared = [str(self.comparison)] if self.comparison else []
        return "\n".join([*(f"! {problem}" for problem in self.problems), head, *rows, *compared])


def weigh(
    subject: Subject,
    *,
    include: Named = None,
    exclude: Named = None,
    against: object = None,
    filters: Named = None,
    svd: bool = False,
) -> Weights:
    """Statistics of floating parameters and buffers; see ModelCheck.weights.

    Raises MeasurementError for a model without data (meta), and for patterns that match nothing; SubjectError for lazy
    parameters without a shape.
    """
    module = subject.module
    refuse_lazy(module)
    included, excluded = patterns("include", include), patterns("exclude", exclude)
    named = [*module.named_parameters(), *module.named_buffers()]
    floating = [(name, t) for name, t in named if t.is_floating_point() and t.numel()]
    chosen = [(name, t) for name, t in floating if wanted(name, included, excluded)]
    if floating and not chosen:
        raise MeasurementError(
            f"{subject.name}: no tensor is left by include={include!r}, exclude={exclude!r}"
        )
    if any(t.is_meta for _, t in chosen):
        raise MeasurementError(f"{subject.name} is on the meta device: its weights hold no values")
    with subject.restored(), torch.no_grad():  # a parametrised weight is computed when it is read
        return Weights(
            subject.name,
            tuple(_stats(module, *pair, svd) for pair in chosen),
            first_filters(module),
            filter_grids(module, patterns("filters", filters)),
            None if against is None else compare(dict(chosen), against, included, excluded),
        )


def describe(subject: Subject) -> dict[str, object]:
    """The record's section `weights`."""
    return weigh(subject).to_dict()


def _stats(root: nn.Module, name: str, tensor: Tensor, svd: bool = False) -> TensorStats:
    values, filters = plain(tensor), _filters(root, name, tensor)
    nan, inf, sound = 0, 0, values
    low, high = (float(v) for v in torch.aminmax(values))
    if not math.isfinite(
        high - low
    ):  # NaN spreads to both; to look at each value costs more than all the rest
        nan, inf = int(torch.isnan(values).sum()), int(torch.isinf(values).sum())
        finite = values[torch.isfinite(values)]
        sound = finite if finite.numel() else values.new_zeros(1)
        low, high = (float(v) for v in torch.aminmax(sound))
    mean = float(sound.double().sum()) / sound.numel()  # mean(dtype=) takes several times as long
    variance = _variance(sound, mean)
    return TensorStats(
        name=name,
        shape=tuple(tensor.shape),
        dtype=dtype_name(tensor),
        count=tensor.numel(),
        mean=mean,
        std=math.sqrt(variance),
        min=low,
        max=high,
        l2=math.sqrt((variance + mean * mean) * sound.numel()),
        sparsity=1 - int(torch.count_nonzero(values)) / values.numel(),
        nan=nan,
        inf=inf,
        dead_filters=_dead(filters),
        filters=len(filters),
        first=tuple(values[:FIRST].tolist()),
        histogram=histogram(sound, low, high),
        singular_values=_singular_values(tensor) if svd and not nan and not inf else (),
    )


def _variance(values: Tensor, mean: float) -> float:
    """Around `mean`; in double precision where squares are too large for the values' own."""
    centred = values - mean
    squares = torch.dot(centred, centred)
    if not torch.isfinite(squares):
        squares = centred.double().square().sum()
    return float(squares) / values.numel()


def _dead(filters: Tensor) -> tuple[int, ...]:
    """Rows of nothing but zeros."""
    if not filters.numel():
        return ()
    dead = (filters.amax(1) == 0) & (filters.amin(1) == 0)  # several times quicker than any(1)
    return tuple(dead.nonzero().flatten().tolist())


def _singular_values(tensor: Tensor) -> tuple[float, ...]:
    """Of a weight as a matrix (outputs, the rest), the largest first; () for vectors."""
    if tensor.dim() < 2:
        return ()
    return tuple(torch.linalg.svdvals(tensor.detach().flatten(1).float()).tolist())


def _filters(root: nn.Module, name: str, tensor: Tensor) -> Tensor:
    """A row for each output channel of a weight; none for others, and for embeddings: padding is zero on purpose."""
    path, _, kind = name.rpartition(".")
    owner = root.get_submodule(path)
    if tensor.dim() < 2 or kind != "weight" or isinstance(owner, (nn.Embedding, nn.EmbeddingBag)):
        return tensor.new_empty(0, 1)
    weight = tensor.detach()
    if isinstance(owner, nn.modules.conv._ConvTransposeNd):  # (inputs, outputs of a group, ...)
        weight = torch.unflatten(weight, 0, (owner.groups, -1)).transpose(1, 2).flatten(0, 1)
    return weight.flatten(1)
