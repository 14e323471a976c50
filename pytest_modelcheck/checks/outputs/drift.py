"""Drift: how far a model's answers are from those of another model, or of itself in another way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ...text import first_line_repr
from ..reported import Reported
from .answer import Answer, answer
from .compare import Row, compare
from .origin import STEPS, Apart, Course
from .vacuous import deafness, silence
from .words import row_words, words

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .modules import Trace

COARSE = 2.0**-23  # the precision of float32: what is apart by a few of these may be so by rounding


@dataclass(frozen=True)
class Drift(Reported):
    """How far a model's answers are from others. `against`: whose; `outputs` has a row for each tensor.

    `first_module`: the first module, in the order of the call, whose output is apart while its inputs are not, "(the
    model itself)" where it is code of the model's own forward; None where nothing is apart by more than rounding.
    `vacuous`: why agreement proves nothing, "" where it does not; `idle` where that is since nothing else ran than the
    model as written. `notes`: what to know besides; `stands`: of a base
    with other weights or inputs, how far both are apart as they stand. `problem`: why there is no answer. `sides`: the
    outputs there, and here.
    """

    section = "drift"

    name: str
    against: str
    outputs: tuple[Row, ...]
    modules: tuple[Apart, ...] = ()
    first_module: str | None = None
    vacuous: str = ""
    idle: bool = False
    notes: tuple[str, ...] = ()
    stands: str = ""
    problem: str = ""
    sides: tuple[Mapping[str, Tensor], Mapping[str, Tensor]] = field(
        default=({}, {}), repr=False, compare=False
    )
    inputs: Sequence[Tensor] = field(default=(), repr=False, compare=False)

    @property
    def max_error(self) -> float:
        """The largest |a - b| of any output, relative to the largest |a| of that output; of whole numbers and truth
        values the share that differs. Without end where outputs are no match.
        """
        return max((row.max_error for row in self.outputs), default=0.0)

    @property
    def mean_error(self) -> float:
        """The same of the mean |a - b|: of the output in which it is largest."""
        return max((row.mean_error for row in self.outputs), default=0.0)

    @property
    def positions(self) -> int:
        """How many positions have an arg-max over classes."""
        return sum(row.positions for row in self.outputs)

    @property
    def agreed(self) -> int:
        """Of how many of them it is the same."""
        return sum(row.agreed for row in self.outputs)

    @property
    def agreement(self) -> float | None:
        """Share of positions whose arg-max is the same; None where no output has classes."""
        return self.agreed / self.positions if self.positions else None

    @property
    def bit_for_bit(self) -> bool:
        """Whether all outputs are the same, zeros with their signs. NaN is the same as NaN."""
        return not self.problem and all(row.is_same for row in self.outputs)

    @property
    def incomparable(self) -> str:
        """Why outputs are no match: "shapes differ: 'logits' shape 4x10 there, 4x12 here"."""
        if self.problem:
            return self.problem
        wrong = [row for row in self.outputs if row.problem]
        if not wrong:
            return ""
        what = "shapes differ" if "shape" in wrong[0].problem else "not the same outputs"
        return f"{what}: " + ", ".join(f"{row.path!r} {row.problem}" for row in wrong[:3])

    @property
    def agrees(self) -> bool:
        """Whether no output is apart by more than the rounding of one operator."""
        return not self.incomparable and self.apart <= STEPS * COARSE

    @property
    def apart(self) -> float:
        """The largest root mean square of the difference, relative to that of its output."""
        return max((row.spread for row in self.outputs), default=0.0)

    def by_module(self) -> dict[str, float]:
        """How far each module's output is apart: the root mean square of the difference, relative to that of the
        output, estimated from a projection; in the order of the calls' ends, of several calls the farthest. The model
        itself is "(the model itself)".
        """
        found: dict[str, float] = {}
        for row in self.modules:
            if row.error is not None:
                found[row.module] = max(found.get(row.module, 0.0), row.error)
        return found

    def to_dict(self) -> dict[str, Any]:
        """An entry of the record's section `drift`."""
        from .pictures import side_by_side

        shown = [] if self.bit_for_bit else side_by_side(self.inputs, *self.sides)
        return {**self.figures, "shown": shown}

    @property
    def figures(self) -> dict[str, Any]:
        """The same without what is to be drawn."""
        rows = [
            {key: value for key, value in asdict(row).items() if key not in _PRIVATE} for row in self.outputs
        ]
        return {
            "against": self.against,
            "max_error": self.max_error,
            "mean_error": self.mean_error,
            "agreement": self.agreement,
            "positions": self.positions,
            "agreed": self.agreed,
            "bit_for_bit": self.bit_for_bit,
            "first_module": self.first_module,
            "modules": [asdict(row) for row in self.modules],
            "outputs": rows,
            "vacuous": self.vacuous,
            "incomparable": self.incomparable,
            "notes": list(self.notes),
            "stands": self.stands,
        }

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        rows = [f"{row.path}: {row_words(row)}" for row in self.outputs] if len(self.outputs) > 1 else []
        return "\n".join([f"{self.name} against {self.against}: {words(self.figures)}", *rows, *self.notes])


_PRIVATE = ("spread", "is_same", "positions", "agreed", "where")


def drift_of(
    name: str,
    against: str,
    own: Answer,
    other: Answer,
    *,
    notes: Sequence[str] = (),
    stands: str = "",
    shaken: Callable[[], Trace],
) -> Drift:
    """Two answers compared; `own` is what errors are relative to, `shaken` the own model's trace under noise."""
    rows = tuple(compare(own.outputs, other.outputs))
    left_out = [f"not compared: {', '.join(own.others)}"] if own.others else []
    made = Drift(
        name,
        against,
        rows,
        notes=(*notes, *left_out),
        stands=stands,
        sides=(other.outputs, own.outputs),
        inputs=own.inputs,
    )
    if made.agrees:
        made = replace(made, vacuous=other.idle or silence(own.outputs), idle=bool(other.idle))
    if own.trace is None or other.trace is None:
        return made
    course = Course(own.trace, other.trace)
    return replace(made, modules=tuple(course.rows), first_module=_first(made, course, shaken))


def is_deaf(drift: Drift, subject: Subject) -> Drift:
    """The drift, vacuous where outputs that agree do not change with the inputs; others say something."""
    if drift.vacuous or not drift.agrees:
        return drift
    why = deafness(subject, drift.sides[1], lambda other: answer(subject, other, trace=False).outputs)
    return replace(drift, vacuous=why)


def _first(drift: Drift, course: Course, shaken: Callable[[], Trace]) -> str | None:
    if drift.apart <= course.tolerance and not drift.incomparable:
        return None
    return course.first(drift.apart, shaken)
