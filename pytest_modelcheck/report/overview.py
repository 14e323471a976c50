"""All subjects in one table: how each ended, its key figures, and how far these moved since the base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ..records.causes import Cause
from ..records.compare import Figures
from ..records.outcome import BAD, shown_outcome
from ..records.section import Catalogue
from ..records.types import FigureEntry, Record
from ..text import printable
from .causes import origin_words, origins
from .subjects import PageSubject
from .text import SYMBOLS, amount, change


class Figure(NamedTuple):
    """A figure of a subject, and how far it moved; `kind`: "more" where it got worse, "less" where better."""

    text: str
    moved: str = ""
    kind: str = ""


class Row(NamedTuple):
    """A subject. `state`: what it can be filtered by, besides its outcome: "changed", "new"."""

    slug: str
    name: str
    symbol: str
    outcome: str
    state: str
    checks: str
    modules: str
    figures: Sequence[Figure]


class Overview(NamedTuple):
    """The columns of figures, and a row for each subject, failures first."""

    columns: Sequence[str]
    rows: Sequence[Row]


def overview(subjects: Sequence[PageSubject], record: Record, catalogue: Catalogue) -> Overview:
    """The table of subjects that have an entry."""
    titles = dict(_columns(catalogue))
    figures = Figures(record, catalogue)
    found = {}
    for subject in subjects:
        known = figures.of(subject.entry)
        found[subject.slug] = {metric: figure for (metric, _), figure in reversed(known.items())}
    shown = [name for name in titles if any(name in known for known in found.values())]
    rows = []
    for subject in subjects:
        moved = _moved(subject)
        cells = [
            Figure(amount(catalogue, figure.unit, figure.value), *_change(moved.get(name), catalogue))
            if (figure := found[subject.slug].get(name)) is not None
            else Figure("")
            for name in shown
        ]
        rows.append(_row(subject, cells))
    return Overview([titles[name] for name in shown], rows)


def _columns(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """The key figures of the sections, then times."""
    for section in catalogue.sections.values():
        yield from ((total.metric.name, total.metric.words) for total in section.totals if total.key)
    yield from ((m.name, m.words) for m in catalogue.metrics.values() if m.nature == "time")


def _moved(subject: PageSubject) -> Mapping[str, FigureEntry]:
    rows = subject.change["metrics"] if subject.change is not None else []
    return {row["metric"]: row for row in reversed(rows)}


def _change(row: FigureEntry | None, catalogue: Catalogue) -> tuple[str, str]:
    known = catalogue.metrics.get(row["metric"]) if row is not None else None
    if row is None or not row["share"] or (known is not None and known.nature == "time"):
        return ("", "")
    worse = (row["share"] > 0) == (known is None or known.more == "worse")
    return change(row["share"]), "more" if worse else "less"


def _row(subject: PageSubject, figures: Sequence[Figure]) -> Row:
    bad = sum(shown_outcome(check) in BAD for check in subject.checks) + len(subject.failures)
    many = len(subject.checks) + len(subject.failures)
    outcome = subject.outcome or "not checked"
    return Row(
        subject.slug,
        printable(subject.name),
        SYMBOLS.get(outcome, "–"),
        outcome,
        "changed" if subject.change is not None else "",
        f"{bad} of {many}" if bad else f"{many}",
        printable(_modules(subject.cause)),
        figures,
    )


def _modules(cause: Cause | None) -> str:
    if cause is None:
        return ""
    named, more = origins(cause)
    return ", ".join([*map(origin_words, named[:2]), *([more] if more else [])])
