"""The marker `onnx_export`: how it is read, and an export as measurements: the largest relative error, the file's size.

What is wrong otherwise (not exportable, vacuous) is an error of the check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Signature
from pathlib import Path
from typing import TYPE_CHECKING

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Check, Reading
from ...errors import LimitError, MeasurementError, NothingSeenError
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from ...verdict.units import BYTES, RATIO

if TYPE_CHECKING:
    from ...model.subject import Subject
    from .result import Onnx

DEFAULTS: Mapping[str, object] = {
    "opset": None,
    "dynamic": None,
    "rtol": 1e-3,
    "atol": 1e-5,
    "max_size": None,
}


EXPORT = Metric("onnx_export", RATIO, "ONNX export", nature="distance")
SIZE = Metric("onnx_size", BYTES, "ONNX size")


class ExportCheck(Check):
    """Must export, and agree with ONNX Runtime."""

    name = "onnx_export"
    doc = (
        "must export to ONNX, pass the checker and agree with ONNX Runtime: the largest error relative to the output's "
        "scale (of masks and whole numbers the share that differs) stays below rtol (or the absolute one below atol); "
        "max_size limits the file. dynamic: torch.onnx's dynamic_shapes; a free axis is tried at other sizes."
    )
    metrics = (EXPORT, SIZE)
    settings = ("report", "output")
    section = "onnx"

    def signature(self) -> Signature:
        """Keywords only."""
        return Signature(arguments.keyword_parameters(DEFAULTS))

    def read_marker(self, args: Sequence[object], kwargs: Given) -> Reading:
        """The limit on the error, made of what was given and the defaults, and the one on the size."""
        problems = [
            *arguments.unknown(self.name, kwargs, self.signature().parameters),
            *arguments.too_many(self.name, args, 0, ""),
            *arguments.common_problems(self.name, kwargs),
        ]
        given = {key: kwargs[key] for key in DEFAULTS if kwargs.get(key) is not None}
        options = {key: value for key, value in given.items() if key != "max_size"}
        limits: tuple[Limit, ...] = ()
        try:
            bound, written = (
                _checked_rtol({**DEFAULTS, **options}),
                {"max": RATIO.spelled(options.get("rtol"))},
            )
            limits = (Limit(EXPORT, max=bound, options=options, written=written),)
            if "max_size" in given:
                size, written = BYTES.parse(given["max_size"]), {"max": BYTES.spelled(given["max_size"])}
                limits += (Limit(SIZE, max=size, options=options, written=written),)
        except LimitError as error:
            problems.append(f"{self.name}: {error}")
        return Reading(limits, tuple(problems))

    def observe(
        self,
        subject: Subject,
        *,
        report: bool,
        output: Path,
        opset: int | None = None,
        dynamic: object = None,
        **_: object,
    ) -> Onnx:
        """The export; with a report wanted, the file goes to its folder `models/`.

        The process that exported writes it, an xdist worker too; a worker on another machine leaves it there.
        """
        from .measure import export, keep_file

        return keep_file(export(subject, opset=opset, dynamic=dynamic), output if report else None)

    def read(self, observed: Onnx, limit: Limit) -> Measurement:
        """The size of the file, or the error that rtol limits; 0 where atol alone allows it.

        Raises MeasurementError if the model is not exportable, NothingSeenError if agreement is vacuous.
        """
        options = {**DEFAULTS, **limit.options}
        if not observed.exported:
            refused = MeasurementError(f"not exportable: {observed.reason}")
            refused.details = observed.details
            raise refused
        if limit.metric is SIZE:
            return Measurement(observed.size_bytes, notes=_facts(observed))
        if observed.vacuous:
            raise NothingSeenError(
                f"the outputs agree, but vacuously: {observed.silence}, so that no error could show.\n"
                "Give example inputs or weights for which the model says something."
            )
        return _error(observed, RATIO.parse(options["rtol"]), float(str(options["atol"])))


def _facts(result: Onnx) -> tuple[str, ...]:
    nodes = sum(result.operators.values())
    return (f"opset {result.opset}, {BYTES.format(result.size_bytes)}, {nodes} nodes",)


def _error(result: Onnx, rtol: float, atol: float) -> Measurement:
    first = result.disagreement(rtol, atol)
    if first is None:
        within = [o.relative for o in result.outputs if o.relative <= rtol]
        notes = [*_facts(result)]
        notes += [f"agrees at other sizes too: {'; '.join(result.tried)}"] if result.tried else []
        return Measurement(max(within, default=0.0), notes=tuple(notes))
    name = f"output {first.name!r}{f' (inputs {first.at})' if first.at else ''}"
    if first.reason:
        raise MeasurementError(f"{name} disagrees: {first.reason}")
    place = f"{first.absolute:.3g} at {list(first.where)}, its scale is {first.scale:.3g}"
    if first.differing:
        place = f"{first.differing} of its entries, the most at {list(first.where)}"
    return Measurement(first.relative, notes=(f"{name} differs first: {place}",))


def _checked_rtol(options: Given) -> float:
    """rtol as a number. Raises LimitError for an option that cannot be meant."""
    opset, atol = options["opset"], options["atol"]
    if opset is not None and (type(opset) is not int or opset < 7):
        raise LimitError(f"opset={opset!r} is not an opset number; write for example opset=18")
    if isinstance(options["dynamic"], (bool, int, float, str)):
        raise LimitError(
            f"dynamic={options['dynamic']!r} is no dynamic_shapes of torch.onnx.export; write for example "
            "dynamic={'x': {0: torch.export.Dim('batch')}}, with the name that forward has for its input"
        )
    if isinstance(atol, bool) or not isinstance(atol, (int, float)) or not atol >= 0:
        raise LimitError(f"atol={atol!r} is not a number from 0 on")
    return RATIO.parse(options["rtol"])
