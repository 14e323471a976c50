"""The complexity as a table of modules: text, Markdown, HTML, dict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args

from ...errors import MeasurementError
from ...text import not_one_of, size_words
from ...verdict.units import BYTES, ELEMENTS, FLOPS, MACS, PARAMS

COLUMNS = ("module", "output shape", "params", "MACs", "share", "memory access", "activations")
BAR = 10


@dataclass(frozen=True)
class Summary:
    """A printable table; `rows` are texts under `columns`, `totals` the lines below it, `left` the columns of words."""

    title: str
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[str, ...]
    columns: tuple[str, ...] = COLUMNS
    left: tuple[int, ...] = (0, 1, 4)

    def __str__(self) -> str:
        table = [self.columns, *self.rows]
        widths = [max(len(row[i]) for row in table) for i in range(len(self.columns))]
        lines = ["  ".join(self._aligned(row, widths)) for row in table]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join(
            [self.title, rule, lines[0].rstrip(), rule, *(x.rstrip() for x in lines[1:]), rule, *self.totals]
        )

    def _aligned(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        pairs = enumerate(zip(row, widths, strict=True))
        return [cell.ljust(w) if i in self.left else cell.rjust(w) for i, (cell, w) in pairs]

    def to_markdown(self) -> str:
        """A Markdown table."""
        marks = ["---" if i in self.left else "---:" for i in range(len(self.columns))]
        head = f"| {' | '.join(self.columns)} |\n|{'|'.join(marks)}|"
        body = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in self.rows]
        return "\n".join([head, *(f"| {row} |" for row in body), "", *(f"{line}  " for line in self.totals)])

    def _repr_html_(self) -> str:
        from ...drawing.html import generic
        from ...drawing.notebook import in_notebook

        return in_notebook([generic("summary", self.to_dict(), self.left)])

    def to_dict(self) -> dict[str, Any]:
        """Columns, rows and totals."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(r) for r in self.rows],
            "totals": list(self.totals),
        }


class Facts(Protocol):
    """What a module is."""

    @property
    def type(self) -> str:
        """Its class's name."""

    @property
    def output_shape(self) -> tuple[int, ...] | None:
        """Of its last call."""


class Figures(Protocol):
    """What a row shows, and the totals too."""

    @property
    def params(self) -> int:
        """Parameters."""

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""

    @property
    def memory_access(self) -> int:
        """Bytes."""

    @property
    def activations(self) -> int:
        """Elements."""


class Row(Figures, Protocol):
    """A module's row."""

    @property
    def facts(self) -> Facts:
        """About the module."""


class Count(Figures, Protocol):
    """What a table is made of: a `Complexity`, which prints itself with it and so must not be imported here."""

    @property
    def name(self) -> str:
        """The subject's name."""

    @property
    def phase(self) -> str:
        """What was counted."""

    @property
    def counted_on(self) -> str:
        """Which tensors: "meta" or "real" ones."""

    @property
    def reason(self) -> str | None:
        """Why not on meta."""

    @property
    def flops(self) -> int:
        """2 x MACs."""

    @property
    def flops_all(self) -> int:
        """Of everything that has a formula."""

    @property
    def bytes_read(self) -> int:
        """By operators."""

    @property
    def bytes_written(self) -> int:
        """By operators."""

    @property
    def arithmetic_intensity(self) -> float:
        """FLOPs per byte."""

    @property
    def trainable_params(self) -> int:
        """Those that require a gradient."""

    @property
    def model_bytes(self) -> int:
        """Of parameters and buffers."""

    @property
    def bytes_by_dtype(self) -> Mapping[str, tuple[int, int]]:
        """Bytes read and written of each."""

    @property
    def attention(self) -> tuple[int, int] | None:
        """With a causal mask: calls of attention that say that they have one, and the others."""

    @property
    def unknown_operators(self) -> Mapping[str, int]:
        """Calls of operators without a formula."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside the figures."""

    def by_module(self) -> Mapping[str, Row]:
        """Each module's row, the model's own as ""."""


SortKey: TypeAlias = Literal["params", "macs", "flops", "memory_access", "activations"]
SORT_KEYS = get_args(SortKey)


Style: TypeAlias = Literal["modelcheck", "torchsummary", "torchstat"]
STYLES = get_args(Style)


def checked_style(style: str) -> str:
    """`style`, if there is one of this name. Raises MeasurementError."""
    if style not in STYLES:
        raise MeasurementError(not_one_of("style", style, STYLES))
    return style


def summary(complexity: Count, *, depth: int | None = None, sort_by: str | None = None) -> Summary:
    """The module tree with its costs (each with its children's), down to `depth` levels, or sorted by a column.

    Raises MeasurementError for another `sort_by` than params, macs, flops, memory_access or activations.
    """
    if sort_by is not None and sort_by not in SORT_KEYS:
        raise MeasurementError(not_one_of("sort_by", sort_by, SORT_KEYS))
    costs = [(name, cost) for name, cost in complexity.by_module().items() if name]
    shown = [(name, cost) for name, cost in costs if depth is None or name.count(".") < depth]
    if sort_by is not None:
        shown.sort(key=lambda pair: -getattr(pair[1], sort_by))
    rows = tuple(_row(name, cost, complexity.macs, indent=sort_by is None) for name, cost in shown)
    return Summary(f"{complexity.name} ({complexity.phase})", rows, tuple(_totals(complexity)))


def _row(name: str, cost: Row, total: int, *, indent: bool) -> tuple[str, ...]:
    shape = size_words(cost.facts.output_shape) if cost.facts.output_shape is not None else "-"
    part = cost.macs / total if total else 0.0
    label = "  " * name.count(".") + name.rpartition(".")[2] if indent else name
    bar = "█" * round(part * BAR)
    return (
        f"{label} ({cost.facts.type})",
        shape,
        PARAMS.format(cost.params),
        MACS.format(cost.macs),
        f"{part * 100:5.1f} % {bar:<{BAR}}",
        BYTES.format(cost.memory_access),
        ELEMENTS.format(cost.activations),
    )


def _by_dtype(complexity: Count) -> list[str]:
    """Only where there is more than one."""
    parts = [f"{dtype} {BYTES.format(sum(both))}" for dtype, both in complexity.bytes_by_dtype.items()]
    return [f"memory access by dtype: {', '.join(parts)}"] if len(parts) > 1 else []


def _causal(attention: tuple[int, int] | None) -> list[str]:
    """Only where it was asked for."""
    if attention is None:
        return []
    causal, dense = attention
    if not causal:
        return [
            'attention="causal" had no effect: no call of attention said that it is causal '
            f"({dense} counted dense); a mask that is given as a tensor does not say so"
        ]
    return [f"calls of attention counted as causal: {causal}" + (f", as dense: {dense}" if dense else "")]


def _totals(complexity: Count) -> list[str]:
    c = complexity
    lines = [
        f"total: {MACS.format(c.macs)} = {FLOPS.format(c.flops)} ({MACS.exact(c.macs)}); "
        f"with bias, normalisation and element-wise operators {FLOPS.format(c.flops_all)}",
        f"parameters: {PARAMS.exact(c.params)}, {c.trainable_params:,} trainable; model {BYTES.format(c.model_bytes)}",
        f"memory access: {BYTES.format(c.bytes_read)} read, {BYTES.format(c.bytes_written)} written; "
        f"{c.arithmetic_intensity:.1f} FLOPs per byte; activations {ELEMENTS.format(c.activations)}",
        *_by_dtype(complexity),
        *_causal(complexity.attention),
        f"counted on {c.counted_on} tensors" + (f": {c.reason}" if c.reason else ""),
    ]
    if c.unknown_operators:
        lines.append(
            "not counted, no formula: "
            + ", ".join(f"{n} ({k} call{'s' * (k != 1)})" for n, k in c.unknown_operators.items())
        )
    return [*lines, *c.notes]
