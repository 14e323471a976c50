"""Verdicts in words: subject, metric, value, limit, by how much, which modules, what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..alike import alike
from ..text import count, printable
from .judge import Acceptance, Change, Outcome, Verdict
from .measurement import Measurement
from .metric import Metric
from .phases import FORWARD
from .units import RATIO, SECONDS, Unit

TOP = 5
TITLES = 3  # verdicts that a failure's first line tells of
TRAILER = "Modelcheck-Accept"
NO_BASE = (
    "a relative limit needs a base to compare with: --modelcheck-base=REV, or --modelcheck-base-report=PATH"
)


class Told(NamedTuple):
    """A verdict with its block of lines, which message, warning and record all show."""

    verdict: Verdict
    text: str


def tell(verdict: Verdict, whole: bool = False) -> Told:
    """A verdict, explained; `whole`: with all that others' libraries said of it."""
    return Told(verdict, explain(verdict, whole))


def failure_text(
    told: Sequence[Told], nodeid: str, *, strict: bool = False, options: Sequence[str] = ()
) -> str:
    """All failed verdicts of one test, the worst first, and the command that shows more; it fails again only with
    `options`.
    """
    failed = worst_first(told, strict)
    lines = [headline(one.verdict) for one in failed[:TITLES]]
    if len(failed) > TITLES:
        lines.append(f"{len(failed) - TITLES} more")
    share = f"{len(failed)} of {len(told)} checks failed: " if len(told) > 1 else ""
    blocks = [one.text for one in failed]
    again = shlex.join([nodeid, *options, "--modelcheck-report"])
    command = f"next: pytest {again}   (every module, in the report)"
    return "\n\n".join([f"modelcheck: {share}{'; '.join(lines)}", *blocks, command])


def failure_line(told: Sequence[Told], *, strict: bool = False) -> str:
    """The same in one line, which begins with the worst."""
    failed = worst_first(told, strict)
    rest = f" ({len(failed)} of {len(told)} checks failed)" if len(told) > 1 else ""
    return headline(failed[0].verdict) + rest


def worst_first(told: Sequence[Told], strict: bool) -> list[Told]:
    """Those that fail the test: what exceeds its limit by the largest share, what could not be measured, the rest."""
    failed = [one for one in told if fails(one.verdict, strict)]
    return sorted(
        failed, key=lambda one: (_RANK.get(one.verdict.outcome, len(_RANK)), -one.verdict.overshoot)
    )


_RANK = {Outcome.FAIL: 0, Outcome.ERROR: 1, Outcome.INCONCLUSIVE: 2}


def headline(verdict: Verdict) -> str:
    """One verdict in a few words: `resnet18 FLOPs 3.64 GFLOPs, max 3.5 GFLOPs`."""
    title = metric_title(verdict.limit.metric, verdict.limit.options)
    name = f"{printable(verdict.subject) or '?'} {title}"
    if verdict.measurement is None:
        why = verdict.error.partition("\n")[0]
        return f"{name} {_no_value(verdict)}{f': {printable(why)}' if why else ''}"
    return f"{name} {_shown(verdict.measurement, verdict.limit.shown)}, {verdict.limit}"


def fails(verdict: Verdict, strict: bool) -> bool:
    """Whether the test fails for it; under --modelcheck-strict nothing undecided passes."""
    undecided = verdict.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_GATED)
    return verdict.fails or (strict and undecided)


def explain(verdict: Verdict, whole: bool = False) -> str:
    """One verdict as a block of aligned lines."""
    title = f"{verdict.subject}: {metric_title(verdict.limit.metric, verdict.limit.options)}"
    if verdict.outcome is Outcome.SKIPPED:
        rows = [(str(verdict.outcome), verdict.reason), ("limit", str(verdict.limit)), *_marker_rows(verdict)]
        details: tuple[str, ...] = ()
    elif verdict.error or verdict.outcome is Outcome.ERROR:
        word = "error" if verdict.outcome is Outcome.ERROR else "reason"
        rows = [(word, verdict.error), ("limit", str(verdict.limit))]
        rows += [*_limit_rows(verdict), *_marker_rows(verdict)]
        details = verdict.details
    else:
        rows = [*_value_rows(verdict), *_limit_rows(verdict), *_marker_rows(verdict), *_accept_rows(verdict)]
        details = verdict.measurement.details if verdict.measurement is not None else ()
    return block(title, [*rows, *(("in full", text) for text in details if whole)])


def block(title: str, rows: Iterable[tuple[str, str]]) -> str:
    """A title and its rows, aligned; empty ones are left out."""
    return "\n".join([printable(title), *(_row(label, text) for label, text in rows if text)])


def _marker_rows(verdict: Verdict) -> list[tuple[str, str]]:
    """Why the user set this limit, and where."""
    return [("because", verdict.limit.reason), ("marker", verdict.limit.where)]


def _accept_rows(verdict: Verdict) -> list[tuple[str, str]]:
    """Of a breach: up to which value a commit accepts it, and the line with which one would."""
    if verdict.outcome is not Outcome.FAIL:
        return []
    rows = [("accepted", _accepted(verdict.accepted, verdict.limit.unit))] if verdict.accepted else []
    if verdict.trailer and verdict.measurement is not None and not verdict.measurement.instead:
        ends = verdict.measurement.high, verdict.measurement.value
        most = next(filter(math.isfinite, ends), None)
        if most is not None:  # what is without end, such as outputs of another shape, is under no limit
            amount = verdict.limit.unit.at_least(most)
            rows.append(("to accept", f"{TRAILER}: {verdict.trailer} <= {amount}: <why>"))
    return rows


def _accepted(accepted: Acceptance, unit: Unit) -> str:
    """`up to 12.3 MFLOPs, by commit 1a2b3c4d5e6f: the head is wider`."""
    return (f"up to {unit.format(accepted.limit)}, " if accepted.limit is not None else "") + str(accepted)


def metric_title(metric: Metric, options: Mapping[str, object]) -> str:
    """`FLOPs (backward)`, `translation shift`; options at their defaults are left out."""
    words, left = metric.told(options)
    extra = option_words(left)
    return words + (f" ({', '.join(extra)})" if extra else "")


def option_words(options: Mapping[str, object]) -> list[str]:
    """`backward`, `threads=2`: the options that say something."""
    said = {key: value for key, value in options.items() if value not in (None, FORWARD)}
    return [value if isinstance(value, str) else f"{key}={value}" for key, value in said.items()]


def value_text(measurement: Measurement | None, verdict: Verdict) -> str:
    """The value, short, in the unit of its limit; with its interval where it has one, and what is said beside it."""
    if measurement is None:
        return _no_value(verdict)
    text = _shown(measurement, verdict.limit.shown)
    twin, plain = verdict.limit.shown.twin, verdict.limit.shown.format(measurement.value)
    return f"{text} ({twin.format(measurement.value)})" if twin is not None and text == plain else text


def _shown(measurement: Measurement, unit: Unit) -> str:
    if measurement.instead:
        return measurement.instead
    text = unit.format(measurement.value)
    if measurement.interval:
        text += f" ({unit.span(*measurement.interval)})"
    if math.isinf(measurement.value) and measurement.beside:
        return measurement.beside.strip("()")  # what has no number
    return f"{text} {measurement.beside}".rstrip()


def _no_value(verdict: Verdict) -> str:
    return verdict.instead or "not measured"


def _value_rows(verdict: Verdict) -> list[tuple[str, str]]:
    measurement = verdict.measurement
    if measurement is None:
        return []
    unit, text = verdict.limit.shown, _shown(measurement, verdict.limit.shown)
    exact = unit.exact(measurement.value) if float(measurement.value).is_integer() else ""
    twin = unit.twin.exact(measurement.value) if unit.twin is not None else ""
    told = dict.fromkeys(part for part in (exact, twin, measurement.aka) if part not in ("", text))
    details = " = ".join(told)
    rows = [("measured", text + (f"   ({details})" if details else ""))]
    word, lines = (
        ("changed", _changed(verdict)) if verdict.changes else ("heaviest", _heaviest(verdict, measurement))
    )
    rows += [(word if i == 0 else "", line) for i, line in enumerate(lines)]
    return [
        rows[0],
        *_outcome_row(verdict),
        *rows[1:],
        ("protocol", measurement.protocol),
        *(("note", note) for note in (measurement.caveat, *measurement.notes) if note),
    ]


def _outcome_row(verdict: Verdict) -> list[tuple[str, str]]:
    unit = verdict.limit.shown
    rows = [("limit", str(verdict.limit))]
    if verdict.base is not None:
        rows.append(("base", unit.exact(verdict.base)))
    has_number = verdict.measurement is not None and not verdict.measurement.instead
    if verdict.outcome in (Outcome.FAIL, Outcome.ACCEPTED) and verdict.excess > 0 and has_number:
        words = "under by" if verdict.at_minimum else "past line" if verdict.limit.has_line else "over by"
        excess = _excess(verdict)
        by = unit.exact(excess) + _share(verdict) if math.isfinite(excess) else "more than any limit"
        rows.append((words, by))
    return rows


def _share(verdict: Verdict) -> str:
    """What the excess is a part of: ` (+16.9 %)`; of a relative limit how far the value is from the base."""
    measurement, base = verdict.measurement, verdict.base
    if base and measurement is not None and verdict.limit.max_regression is not None:
        most = RATIO.format(verdict.limit.max_regression)
        return f" ({signed(measurement.value / base - 1)} of base, limit +{most})"
    if not verdict.bound or verdict.limit.unit is RATIO:
        return ""
    sign = -1 if verdict.at_minimum else 1
    return f" ({signed(sign * abs(verdict.excess) / verdict.bound)})"


def signed(share: float) -> str:
    """`+16.9 %`, `-3 %`."""
    return f"{'+' if share > 0 else ''}{RATIO.format(share, 3)}"


def _excess(verdict: Verdict) -> float:
    """How far past the bound; of what is counted as many as there are too many, not a part of one."""
    excess = abs(verdict.excess)
    known = verdict.measurement
    counted = verdict.limit.unit not in (SECONDS, RATIO) and known and float(known.value).is_integer()
    return math.ceil(excess) if counted else excess


def _limit_rows(verdict: Verdict) -> list[tuple[str, str]]:
    if verdict.outcome is Outcome.NOT_GATED:
        return [("not gated", verdict.reason or NO_BASE)]
    if verdict.outcome is Outcome.ACCEPTED:
        return [("accepted", verdict.reason)]
    if verdict.outcome is Outcome.INCONCLUSIVE:
        return [("inconclusive", "the interval contains the limit: the measurement could not tell")]
    return []


class Group(NamedTuple):
    """Modules that differ alike: their names as one, and each of them."""

    name: str
    members: tuple[Change, ...]


def _label(name: str, size: int) -> str:
    """`12 x layers.{0..11}.attention`."""
    return f"{size} x {printable(name)}" if size > 1 else printable(name)


def _heaviest(verdict: Verdict, measurement: Measurement) -> list[str]:
    """The modules that contribute most; repeated layers that contribute alike in one line, with their sum."""
    parts = [part for part in measurement.heaviest if part.value]
    sums = [
        (sum(parts[row].value for row in found.rows), _label(found.names[0], len(found.rows)))
        for found in alike((part.value, (part.module,)) for part in parts)
    ]
    shown = sorted(sums, key=lambda pair: -pair[0])[:TOP]
    width = max((len(label) for _, label in shown), default=0)
    unit = verdict.limit.shown
    return [
        f"{label:<{width}}  {unit.format(value):>12}  {share(value, measurement):>7}"
        for value, label in shown
    ]


def changed_groups(changes: Sequence[Change]) -> list[Group]:
    """The modules that differ from the base's; those that differ alike as one. What differs most comes first."""
    groups = [
        Group(found.names[0], tuple(changes[row] for row in found.rows))
        for found in alike(((c.base, c.value), (c.module,)) for c in changes)
    ]
    return sorted(groups, key=lambda group: -abs(sum(c.value - c.base for c in group.members)))


def _changed(verdict: Verdict) -> list[str]:
    unit, groups = verdict.limit.shown, changed_groups(verdict.changes)
    shown = [(_label(group.name, len(group.members)), group.members[0]) for group in groups[:TOP]]
    width = max((len(label) for label, _ in shown), default=0)
    lines = [f"{label:<{width}}  {_was(part, unit)} -> {_is(part, unit)}" for label, part in shown]
    rest = sum(len(group.members) for group in groups[TOP:])
    return [*lines, f"and {count(rest, 'module')} more"] if rest else lines


def _is(change: Change, unit: Unit) -> str:
    return unit.format(change.value) if change.value else "gone"


def _was(change: Change, unit: Unit) -> str:
    return unit.format(change.base) if change.base else "new"


def share(value: float, measurement: Measurement) -> str:
    """Which part of the whole a value is."""
    return RATIO.format(value / measurement.value, 3) if measurement.value else ""


def _row(label: str, text: str) -> str:
    indent = " " * 15
    return f"  {label:<13}" + printable(text, keep="\n").replace("\n", "\n" + indent)
