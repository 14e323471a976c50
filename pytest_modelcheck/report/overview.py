"""Key figures of a subject, and all subjects in one table: how each ended, its figures, how far these moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..records.causes import Cause
from ..records.compare import Figures
from ..records.outcome import BAD, shown_outcome
from ..records.section import Catalogue
from ..records.types import FigureEntry, Record
from ..text import printable
from .causes import origin_words, origins
from .subjects import PageSubject
from .text import SYMBOLS, amount, change, short_name, worsened


class KeyFigure(NamedTuple):
    """A figure of a subject, and how far it moved since the base; `kind`: "more" where it got worse, "less" where
    better.
    """

    text: str
    moved: str = ""
    kind: str = ""


class Row(NamedTuple):
    """A subject. `state`: "changed" where it did. The page's script reads rows by these places."""

    slug: str
    name: str
    symbol: str
    outcome: str
    state: str
    checks: str
    modules: str
    figures: Sequence[KeyFigure]


class Overview(NamedTuple):
    """The titles of the figures, and a row for each subject, in their order."""

    columns: Sequence[str]
    rows: Sequence[Row]


class KeyFigures:
    """The few figures that say most of a model: those that sections call key, then times."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.catalogue, self.figures = catalogue, Figures(record, catalogue)
        self.titles = dict(self._titles())

    def _titles(self) -> Iterator[tuple[str, str]]:
        for section in self.catalogue.sections.values():
            yield from ((total.metric.name, total.metric.words) for total in section.totals if total.key)
        yield from ((m.name, m.words) for m in self.catalogue.metrics.values() if m.nature == "time")

    def of(self, subject: PageSubject) -> dict[str, KeyFigure]:
        """By metric; of a metric with options the first one."""
        rows = subject.change["metrics"] if subject.change is not None else []
        moved = {row["metric"]: row for row in reversed(rows)}
        known = {metric: figure for (metric, _), figure in reversed(self.figures.of(subject.entry).items())}
        return {
            name: KeyFigure(
                amount(self.catalogue, known[name].unit, known[name].value), *self._change(moved.get(name))
            )
            for name in self.titles
            if name in known
        }

    def _change(self, row: FigureEntry | None) -> tuple[str, str]:
        known = self.catalogue.metrics.get(row["metric"]) if row is not None else None
        if row is None or not row["share"] or (known is not None and known.nature == "time"):
            return ("", "")
        return change(row["share"]), worsened(row, self.catalogue)


def overview(subjects: Sequence[PageSubject], figures: KeyFigures) -> Overview:
    """The table of subjects; a figure that none of them has is no column."""
    found = {subject.slug: figures.of(subject) for subject in subjects}
    shown = [name for name in figures.titles if any(name in known for known in found.values())]
    rows = [_row(s, [found[s.slug].get(name, KeyFigure("")) for name in shown]) for s in subjects]
    return Overview([figures.titles[name] for name in shown], rows)


def _row(subject: PageSubject, figures: Sequence[KeyFigure]) -> Row:
    bad = sum(shown_outcome(check) in BAD for check in subject.checks) + len(subject.failures)
    many = len(subject.checks) + len(subject.failures)
    outcome = subject.outcome or "not checked"
    return Row(
        subject.slug,
        short_name(subject.name),
        SYMBOLS.get(outcome, "–"),
        outcome,
        "changed" if subject.change is not None else "",
        f"{bad} of {many}",
        printable(_modules(subject.cause)),
        figures,
    )


def _modules(cause: Cause | None) -> str:
    if cause is None:
        return ""
    named, more = origins(cause)
    told = ", ".join([*map(origin_words, named[:2]), *([more] if more else [])])
    return told.replace(" -> ", " → ")
