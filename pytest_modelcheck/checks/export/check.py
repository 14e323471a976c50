"""The marker `onnx_export`: how it is read, and an export as measurements: the largest relative error, the file's size,
how a file that stands in the repository differs.

What is wrong otherwise (not exportable, vacuous, a model that differs from itself) is an error of the check.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import Signature
from pathlib import Path
from typing import TYPE_CHECKING

from ...demand import arguments
from ...demand.arguments import Given
from ...demand.check import Argument, Check, Reading
from ...errors import LimitError, MeasurementError, NothingSeenError
from ...text import as_written
from ...verdict.limit import Limit
from ...verdict.measurement import Measurement
from ...verdict.metric import Metric
from ...verdict.units import BYTES, DIFFERENCES, RATIO
from .distance import ATOL, RTOL, OutputError

if TYPE_CHECKING:
    from ...model.subject import Subject
    from ...settings import Settings
    from .result import Onnx

DEFAULTS: Mapping[str, object] = {
    "opset": None,
    "dynamic": None,
    "rtol": RTOL,
    "atol": ATOL,
    "max_size": None,
    "against": None,
}
DRAWS = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"}


EXPORT = Metric("onnx_export", RATIO, "ONNX export", nature="distance")
SIZE = Metric("onnx_size", BYTES, "ONNX size")
FILE = Metric(
    "onnx_file",
    DIFFERENCES,
    "ONNX file {against}",
    nature="distance",
    breach="the exported ONNX file is stale",
)


class ExportCheck(Check):
    """Must export, and agree with ONNX Runtime."""

    name = "onnx_export"
    doc = (
        "must export to ONNX, pass the checker and agree with ONNX Runtime: the largest error relative to the output's "
        "scale (of masks and whole numbers the share that differs) stays below rtol (or the absolute one below atol); "
        "max_size limits the file. dynamic: torch.onnx's dynamic_shapes; a free axis is tried at other sizes, and one "
        "that the file fixes fails. against: an .onnx file (relative to the test file, or to the rootdir) that must "
        "have the same operators, opset, weights and outputs as today's export."
    )
    metrics = (EXPORT, SIZE, FILE)
    settings = ("report", "output", "onnx_keep")
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
        if isinstance(given.get("against"), os.PathLike):
            given["against"] = os.fspath(given["against"])  # type: ignore[call-overload]  # just asked
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
            if "against" in given:
                limits += (Limit(FILE, max=0, options=options),)
        except LimitError as error:
            problems.append(f"{self.name}: {error}")
        return Reading(limits, tuple(problems))

    def argument(self, metric: Metric, bound: str) -> Argument | None:
        """`max_size`; how far the file's answers may be off is no budget."""
        return Argument("max_size", BYTES) if metric is SIZE else None

    def options(self, limit: Limit, settings: Settings) -> dict[str, object]:
        """The marker's, with the places where the file may stand that it names."""
        options = super().options(limit, settings)
        if "against" in limit.options:
            options["places"] = places(str(limit.options["against"]), limit.place.node, settings.root)
        return options

    def observe(
        self,
        subject: Subject,
        *,
        report: bool,
        output: Path,
        onnx_keep: float,
        opset: int | None = None,
        dynamic: object = None,
        places: Sequence[Path] = (),
        **_: object,
    ) -> Onnx:
        """The export, beside the file that stands at one of `places`; with a report wanted, the file goes to its folder
        `models/`.

        The process that exported writes it, an xdist worker too; a worker on another machine leaves it there.
        """
        return observed(subject, output if report else None, onnx_keep, opset, dynamic, places)

    def read(self, observed: Onnx, limit: Limit) -> Measurement:
        """The size of the file, in what a standing one differs, or the error that rtol limits; 0 where atol alone
        allows it, without end where an axis that was asked to be free is fixed.

        Raises MeasurementError if the model is not exportable or differs from itself, NothingSeenError if agreement is
        vacuous, or an axis could not be tried.
        """
        options = {**DEFAULTS, **limit.options}
        rtol, atol = RATIO.parse(options["rtol"]), float(str(options["atol"]))
        if limit.metric is EXPORT and observed.fixed:
            return Measurement(math.inf, beside="(an axis is fixed)", notes=(*observed.fixed, HOW_TO_FREE))
        if not observed.exported:
            refused = MeasurementError(f"not exportable: {observed.reason}")
            refused.details = observed.details
            raise refused
        if limit.metric is SIZE:
            return Measurement(observed.size_bytes, notes=_facts(observed))
        if limit.metric is FILE:
            return _standing(observed, rtol, atol)
        return _error(observed, rtol, atol)


HOW_TO_FREE = (
    "Something in the model holds for that size alone (a view with numbers, int(x.shape[0]), a branch): mend it, or "
    "leave the axis out of dynamic="
)


def places(name: str, nodeid: str, root: Path) -> list[Path]:
    """Where a file may stand that the test `nodeid` names: beside the test's own, or below pytest's root folder."""
    test = root / nodeid.partition("::")[0]
    return [test.parent / name, root / name]


def observed(
    subject: Subject,
    report: Path | None,
    keep: float | None,
    opset: int | None,
    dynamic: object,
    places: Sequence[Path],
) -> Onnx:
    """The export, kept in the folder `report`, and compared with the file that stands at one of `places`."""
    from .kept import KEEP, keep_file
    from .measure import export
    from .standing import compare_file

    result = keep_file(export(subject, opset=opset, dynamic=dynamic), report, KEEP if keep is None else keep)
    if not places or not result.exported:
        return result
    standing = compare_file(result.model, places, subject.require_inputs().tensors)
    fresh = (report / result.file) if report is not None and result.file else None
    return replace(result, standing=replace(standing, fresh=fresh))


def _facts(result: Onnx) -> tuple[str, ...]:
    nodes = sum(result.operators.values())
    return (f"opset {result.opset}, {BYTES.format(result.size_bytes)}, {nodes} nodes",)


def _error(result: Onnx, rtol: float, atol: float) -> Measurement:
    if (unsteady := result.unsteadiness(rtol, atol)) is not None:
        raise MeasurementError(
            f"two runs of the model itself differ, so that no file can agree with it: {unsteady}.\n"
            "It draws random numbers, or reads the time, where it runs in eval mode: dropout left on "
            "(F.dropout without training=self.training), torch.randn in forward. Take it out, or give it as an input."
        )
    if (first := result.disagreement(rtol, atol)) is not None:
        return _disagreement(result, first)
    if result.untried:
        raise NothingSeenError(result.untried)
    if result.vacuous:
        raise NothingSeenError(
            f"the outputs agree, but vacuously: {result.silence}, so that no error could show.\n"
            "Give example inputs or weights for which the model says something."
        )
    within = [o.relative for o in result.outputs if o.relative <= rtol]
    notes = [*_facts(result)]
    notes += [f"agrees at other sizes too: {'; '.join(result.tried)}"] if result.tried else []
    notes += [f"no file holds {', '.join(result.left_out)}"] if result.left_out else []
    return Measurement(max(within, default=0.0), notes=tuple(notes))


def _disagreement(result: Onnx, first: OutputError) -> Measurement:
    name = f"output {first.name!r}{f' (inputs {first.at})' if first.at else ''}"
    place = f"{first.absolute:.3g} at {list(first.where)}, its scale is {first.scale:.3g}"
    if first.differing:
        place = f"{first.differing} of its entries, the most at {list(first.where)}"
    notes = [f"{name} differs first: {first.reason or place}"]
    if drawn := sorted(DRAWS & result.operators.keys()):
        notes.append(
            f"the file draws random numbers of its own ({', '.join(drawn)}), whatever torch's seed is"
        )
    return Measurement(first.relative, notes=tuple(notes))


def _standing(result: Onnx, rtol: float, atol: float) -> Measurement:
    """In what a file that stands in the repository differs from today's export."""
    standing = result.standing
    assert standing is not None  # the marker names one
    if standing.problem:
        raise MeasurementError(f"{standing.problem}\n{standing.anew}")
    unsteady = result.unsteadiness(rtol, atol) is not None
    seen = replace(standing, outputs=()) if unsteady else standing  # what the model draws is no difference
    lines = seen.differences(rtol, atol)
    return Measurement(len(lines), notes=(*lines, standing.anew) if lines else _facts(result))


def _checked_rtol(options: Given) -> float:
    """rtol as a number. Raises LimitError for an option that cannot be meant."""
    opset, atol = options["opset"], options["atol"]
    if opset is not None and (type(opset) is not int or opset < 7):
        raise LimitError(f"opset={as_written(opset)} is not an opset number; write for example opset=18")
    if isinstance(options["dynamic"], (bool, int, float, str)):
        raise LimitError(
            f"dynamic={as_written(options['dynamic'])} is no dynamic_shapes of torch.onnx.export; write for example "
            "dynamic={'x': {0: torch.export.Dim('batch')}}, with the name that forward has for its input"
        )
    against = options["against"]
    if against is not None and (not isinstance(against, str) or not against):
        raise LimitError(
            f"against={as_written(against)} is not the path of an .onnx file; write for example against='net.onnx'"
        )
    if isinstance(atol, bool) or not isinstance(atol, (int, float)) or not atol >= 0:
        raise LimitError(f"atol={as_written(atol)} is not a number from 0 on")
    return RATIO.parse(options["rtol"])
