"""Verdicts in words: subject, metric, value, limit, by how much, which modules, what to do next."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ..alike import alike
from ..text import count, printable
from .judge import Acceptance, Change, Outcome, Verdict
from .measurement import Contributor, Measurement
from .metric import Metric
from .phases import FORWARD
from .units import RATIO, SECONDS, Unit

TOP = 5
TRAILER = "Modelcheck-Accept"
NO_BASE = (
    "a relative limit needs a base to compare with: --modelcheck-base=REV, or --modelcheck-base-report=PATH"
)


class Told(NamedTuple):
    """A verdict with its block of lines, which message, warning and record all show."""

    verdict: Verdict
    text: str


def tell(verdict: Verdict) -> Told:
    """A verdict, explained."""
    return Told(verdict, explain(verdict))


def failure_text(
    told: Sequence[Told], nodeid: str, *, strict: bool = False, options: Sequence[str] = ()
) -> str:
    """All failed verdicts of one test, and the command that shows more; it fails again only with `options`."""
    failed = [one for one in told if fails(one.verdict, strict)]
    title = f"modelcheck: {'; '.join(headline(one.verdict) for one in failed)}"
    if len(told) > 1:
        title = f"modelcheck: {len(failed)} of {len(told)} checks failed{title.removeprefix('modelcheck')}"
    blocks = [one.text for one in failed]
    again = shlex.join([nodeid, *options, "--modelcheck-report"])
    command = f"next: pytest {again}   (every module, in the report)"
    return "\n\n".join([title, *blocks, command])


def headline(verdict: Verdict) -> str:
    """One verdict in a few words: `resnet18 FLOPs 3.64 GFLOPs, max 3.5 GFLOPs`."""
    value = value_text(verdict.measurement, verdict)
    title = metric_title(verdict.limit.metric, verdict.limit.options)
    return f"{printable(verdict.subject) or '?'} {title} {value}, {verdict.limit}"


def fails(verdict: Verdict, strict: bool) -> bool:
    """Whether the test fails for it; under --modelcheck-strict nothing undecided passes."""
    undecided = verdict.outcome in (Outcome.INCONCLUSIVE, Outcome.NOT_GATED)
    return verdict.fails or (strict and undecided)


def explain(verdict: Verdict) -> str:
    """One verdict as a block of aligned lines."""
    title = f"{verdict.subject}: {metric_title(verdict.limit.metric, verdict.limit.options)}"
    if verdict.error or verdict.outcome is Outcome.ERROR:
        word = "error" if verdict.outcome is Outcome.ERROR else "reason"
        rows = [(word, verdict.error), ("limit", str(verdict.limit))]
        rows += [*_limit_rows(verdict), *_marker_rows(verdict)]
    else:
        rows = [*_value_rows(verdict), *_limit_rows(verdict), *_marker_rows(verdict), *_accept_rows(verdict)]
    return block(title, rows)


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
    if verdict.trailer and verdict.measurement is not None:
        most = verdict.measurement.high
        amount = verdict.limit.unit.at_least(most if math.isfinite(most) else verdict.measurement.value)
        rows.append(("to accept", f"{TRAILER}: {verdict.trailer} <= {amount}: <why>"))
    return rows


def _accepted(accepted: Acceptance, unit: Unit) -> str:
    """`up to 12.3 MFLOPs, by commit 1a2b3c4d5e6f: the head is wider`."""
    return (f"up to {unit.format(accepted.limit)}, " if accepted.limit is not None else "") + str(accepted)


def metric_title(metric: Metric, options: Mapping[str, object]) -> str:
    """`FLOPs (backward)`; options at their defaults are left out."""
    extra = option_words(options)
    return metric.words + (f" ({', '.join(extra)})" if extra else "")


def option_words(options: Mapping[str, object]) -> list[str]:
    """`backward`, `threads=2`: the options that say something."""
    said = {key: value for key, value in options.items() if value not in (None, FORWARD)}
    return [value if isinstance(value, str) else f"{key}={value}" for key, value in said.items()]


def value_text(measurement: Measurement | None, verdict: Verdict) -> str:
    """The value, short; with its interval where it has one, and what is said beside it."""
    if measurement is None:
        return "not measured"
    unit = verdict.limit.unit
    text = unit.format(measurement.value)
    if measurement.interval:
        text += f" ({unit.span(*measurement.interval)})"
    return f"{text} {measurement.beside}".rstrip()


def _value_rows(verdict: Verdict) -> list[tuple[str, str]]:
    measurement = verdict.measurement
    if measurement is None:
        return []
    exact = verdict.limit.unit.exact(measurement.value) if float(measurement.value).is_integer() else ""
    details = " = ".join(part for part in (exact, measurement.aka) if part)
    rows = [("measured", value_text(measurement, verdict) + (f"   ({details})" if details else ""))]
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
    rows = [("limit", str(verdict.limit))]
    if verdict.base is not None:
        rows.append(("base", verdict.limit.unit.exact(verdict.base)))
    if verdict.outcome in (Outcome.FAIL, Outcome.ACCEPTED) and verdict.excess > 0:
        share = f" ({_signed_share(verdict)})" if verdict.bound and verdict.limit.unit is not RATIO else ""
        words = "under by" if verdict.at_minimum else "past line" if verdict.limit.has_line else "over by"
        rows.append((words, verdict.limit.unit.exact(_excess(verdict)) + share))
    return rows


def _excess(verdict: Verdict) -> float:
    """How far past the bound; of what is counted as many as there are too many, not a part of one."""
    excess = abs(verdict.excess)
    known = verdict.measurement
    counted = verdict.limit.unit not in (SECONDS, RATIO) and known and float(known.value).is_integer()
    return math.ceil(excess) if counted else excess


def _signed_share(verdict: Verdict) -> str:
    """How far the value is from the bound: `+16.9 %`, `-3 %`."""
    sign = "-" if verdict.at_minimum else "+"
    return sign + RATIO.format(abs(verdict.excess) / (verdict.bound or 1), 3)


def _limit_rows(verdict: Verdict) -> list[tuple[str, str]]:
    if verdict.outcome is Outcome.NOT_GATED:
        return [("not gated", verdict.reason or NO_BASE)]
    if verdict.outcome is Outcome.ACCEPTED:
        return [("accepted", verdict.reason)]
    if verdict.outcome is Outcome.INCONCLUSIVE:
        return [("inconclusive", "the interval contains the limit: the measurement could not tell")]
    return []


def _heaviest(verdict: Verdict, measurement: Measurement) -> list[str]:
    shown: list[Contributor] = [c for c in measurement.heaviest[:TOP] if c.value]
    names = [printable(c.module) for c in shown]
    width = max(map(len, names), default=0)
    unit = verdict.limit.unit
    return [
        f"{name:<{width}}  {unit.format(c.value):>12}  {share(c, measurement):>7}"
        for name, c in zip(names, shown, strict=True)
    ]


def _changed(verdict: Verdict) -> list[str]:
    """The modules that differ from the base's; repeated layers that differ alike in one line."""
    unit = verdict.limit.unit
    groups = alike(((c.base, c.value), (c.module,)) for c in verdict.changes)
    cells = [(found.names[0], len(found.rows), verdict.changes[found.rows[0]]) for found in groups]
    ranked = sorted(cells, key=lambda cell: -abs(cell[2].value - cell[2].base) * cell[1])
    shown = [(printable(name), size, part) for name, size, part in ranked[:TOP]]
    width = max((len(name) for name, *_ in shown), default=0)
    lines = [
        f"{name:<{width}}  {f'{size} x ' if size > 1 else ''}{_was(part, unit)} -> {_is(part, unit)}"
        for name, size, part in shown
    ]
    rest = sum(size for _, size, _ in ranked[TOP:])
    return [*lines, f"and {count(rest, 'module')} more"] if rest else lines


def _is(change: Change, unit: Unit) -> str:
    return unit.format(change.value) if change.value else "gone"


def _was(change: Change, unit: Unit) -> str:
    return unit.format(change.base) if change.base else "new"


def share(contributor: Contributor, measurement: Measurement) -> str:
    """The contributor's part of the value."""
    return RATIO.format(contributor.value / measurement.value, 3) if measurement.value else ""


def _row(label: str, text: str) -> str:
    indent = " " * 15
    return f"  {label:<13}" + printable(text, keep="\n").replace("\n", "\n" + indent)
