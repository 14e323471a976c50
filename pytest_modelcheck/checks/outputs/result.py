"""Outputs: what a model answers, tensor by tensor, with figures for people and values for a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ...errors import MeasurementError
from ...text import count, first_line_repr, printable
from ..reported import Reported
from .leaves import opened
from .values import Figures, as_kept, digest, figures, places, shown, silence, uniform

ROOM = 160 * 2**10  # bytes of values: with all that is said of them, a file stays below 256 KiB
HEAD = 320  # bytes that an output takes beside its values, and the length of its path
MOST = 256  # outputs
SHORT = 16  # bytes of values that each output may have in any case


@dataclass(frozen=True, eq=False)
class Row:
    """One tensor of an output, under its path. `figures` are of all its values; `values` are those that are kept: all,
    in its shape, or (`is_sample`) a fixed sample, flat, taken at `places`. `digest`: of whole numbers and booleans.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    figures: Figures
    values: np.ndarray
    places: np.ndarray | None = None
    digest: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether values are left out."""
        return self.places is not None

    @property
    def size(self) -> int:
        """How many values it has."""
        return math.prod(self.shape)

    @property
    def scale(self) -> float:
        """The largest finite magnitude; 0 where there is none."""
        return float(max(abs(self.figures.min or 0), abs(self.figures.max or 0)))

    @property
    def silence(self) -> str:
        """Why agreement with it would prove nothing: `empty`, `0.5 everywhere`; "" if it would."""
        return silence(self.size, self.figures, self.values.reshape(-1))

    @property
    def mean(self) -> float | None:
        """Of the finite values."""
        return self.figures.mean

    @property
    def std(self) -> float | None:
        """Of the finite values, as a population."""
        return self.figures.std

    @property
    def min(self) -> float | None:
        """The smallest finite value."""
        return self.figures.min

    @property
    def max(self) -> float | None:
        """The largest finite value."""
        return self.figures.max

    @property
    def largest(self) -> tuple[tuple[tuple[int, ...], float], ...]:
        """Index and value of the five largest."""
        return self.figures.largest

    def lines(self) -> Iterator[str]:
        """For people."""
        told = self.figures
        what = f"{self.dtype} {'×'.join(map(str, self.shape)) or 'one value'}"
        kept = f", a fixed sample of {len(self.values):,} of {self.size:,} values" if self.is_sample else ""
        yield f"{printable(self.path)}: {what}{kept}"
        numbers = {"mean": told.mean, "std": told.std, "min": told.min, "max": told.max}
        facts = [f"{name} {shown(value)}" for name, value in numbers.items() if value is not None]
        facts += [f"{word} {n:,}" for word, n in (("NaN", told.nan), ("infinite", told.inf)) if n]
        facts += [alike] if (alike := uniform(self.size, told, self.values.reshape(-1))) else []
        yield f"  {', '.join(facts)}"
        if told.largest:
            yield "  largest " + ", ".join(f"{list(at)} {shown(value)}" for at, value in told.largest)

    def to_dict(self) -> dict[str, object]:
        """For the record."""
        own = {"path": self.path, "shape": list(self.shape), "dtype": self.dtype, "silence": self.silence}
        return {**own, **self.figures._asdict(), "kept": int(self.values.size), "size": self.size}


@dataclass(frozen=True, eq=False)  # eq=False: `outputs == output_snapshot` is the snapshot's to decide
class Outputs(Reported):
    """What a model answers: `rows`, one for each tensor; `others`, what holds no values that could be kept:
    `meta.name (str)`. `arrays`, by path, are all values as far as they are known, `inputs` what was asked.
    `moved` says how far they are from the base's, and which module is the first, where there is a base; `deaf`, whether
    they are the same for any input.
    """

    section = "outputs"

    name: str
    rows: tuple[Row, ...]
    others: tuple[str, ...] = ()
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)
    inputs: Sequence[Tensor] = field(default=(), repr=False)
    moved: Callable[[], str] | None = field(default=None, repr=False)
    deaf: Callable[[], str] | None = field(default=None, repr=False)

    def lines(self, most: int = MOST) -> list[str]:
        """For people: at most `most` outputs."""
        told = [line for row in self.rows[:most] for line in row.lines()]
        more = len(self.rows) - most
        told += [f"and {count(more, 'output')} more"] if more > 0 else []
        return [*told, *(f"not kept: {other}" for other in some(self.others, most))]

    def __getitem__(self, path: str) -> Row:
        """The output of that path."""
        for row in self.rows:
            if row.path == path:
                return row
        raise KeyError(f"{path!r}; there are {', '.join(repr(row.path) for row in self.rows)}")

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        head = f"{self.name}: {count(len(self.rows), 'output')}"
        return "\n".join([head, *(f"  {line}" for line in self.lines())])

    def to_dict(self) -> dict[str, object]:
        """An entry of the record's section `outputs`."""
        return {"rows": [row.to_dict() for row in self.rows], "others": list(self.others)}


def outputs_of(output: object, name: str = "", inputs: Sequence[Tensor] = ()) -> Outputs:
    """What a model returned, as values of its own. Raises MeasurementError for more tensors than can be told of."""
    tensors, others = opened(output)
    arrays = {path: as_kept(tensor) for path, tensor in tensors.items()}
    unknown = [f"{path} ({tensors[path].dtype})" for path, array in arrays.items() if array is None]
    known = {path: array for path, array in arrays.items() if array is not None}
    if len(known) > MOST:
        raise MeasurementError(
            f"{name or 'the model'} returns {len(known):,} tensors, and outputs() tells of at most {MOST}: "
            "give it a model that returns fewer, or joins them (torch.stack)."
        )
    share = _shares(known)
    rows = tuple(
        row_of(
            path, str(tensors[path].dtype).removeprefix("torch."), array, share[path] // array.dtype.itemsize
        )
        for path, array in known.items()
    )
    return Outputs(name, rows, (*others, *unknown), known, inputs)


def row_of(path: str, dtype: str, array: np.ndarray, most: int | None = None) -> Row:
    """All that is said of an output; `most`: how many of its values may be kept."""
    chosen = None
    if most is not None and array.size > most:
        chosen = places(array.size, 2 ** (max(most, 1).bit_length() - 1))
    kept = array if chosen is None else array.reshape(-1)[chosen]
    return Row(path, array.shape, dtype, figures(array), kept, chosen, digest(array))


def some(words: Sequence[str], most: int) -> list[str]:
    """At most `most` of them, printable, and how many more there are."""
    more = [f"{len(words) - most:,} more"] if len(words) > most else []
    return [*map(printable, words[:most]), *more]


def _shares(arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
    """How many bytes of each output may be kept: those that fit, whole; the rest in equal parts of what is left.

    It depends on shapes and kinds alone, so that the same places are kept of every answer. Where another output changed
    its shape they are so too: the number of places that are kept of a sample is a power of two.
    """
    left = max(ROOM - sum(HEAD + 2 * len(path) for path in arrays), SHORT * len(arrays))
    shares: dict[str, int] = {}
    for number, (path, array) in enumerate(sorted(arrays.items(), key=lambda pair: pair[1].nbytes)):
        shares[path] = min(array.nbytes, left // (len(arrays) - number))
        left -= shares[path]
    return shares
