"""Kept records in the order of time: a figure per metric and run, as a table and as small plots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from ..drawing.html import asset, environment
from ..records.compare import Figures, other_definition
from ..records.match import matched
from ..records.outcome import is_red
from ..records.plain import share
from ..records.section import Catalogue
from ..records.types import Record, RevisionEntry, SubjectEntry
from ..text import count, printable
from .markdown import fit, table
from .neutral import code, words
from .text import amount, change

if TYPE_CHECKING:
    from markupsafe import Markup

BARS = "▁▂▃▄▅▆▇█"


class Trend(TypedDict):
    """A figure of a subject: a value per run, None where it was not measured, or counted differently.

    `place`: where its subject stands in the history's `subjects`.
    """

    place: int
    subject: str
    metric: str
    title: str
    unit: str
    values: list[float | None]


class PastRun(RevisionEntry):
    """A run; in a red one some figures may be missing."""

    is_red: bool


class SubjectSpan(TypedDict):
    """A subject under its latest name, and the places in `runs` of the first and the last run that had it."""

    name: str
    first: int
    last: int


class History(TypedDict):
    """Runs from the oldest to the newest; subjects and their rows as the latest run has them, then those gone."""

    runs: list[PastRun]
    subjects: list[SubjectSpan]
    rows: list[Trend]


def trends(records: Iterable[Record], catalogue: Catalogue) -> History:
    """The figures of each subject over the runs; it is the same subject while its tests say so, whatever its name."""
    ordered = sorted(records, key=lambda record: record["created"])
    rows: dict[tuple[int, str, str], Trend] = {}
    known: list[SubjectEntry] = []  # each subject as it was last seen; its place in the list is its number
    spans: list[SubjectSpan] = []
    places: list[int] = []  # of each subject, in the record that had it last
    for position, record in enumerate(ordered):
        figures = Figures(record, catalogue)
        twins = matched(known, record["subjects"])
        numbers = {id(entry): number for number, entry in enumerate(known)}
        for place, entry in enumerate(record["subjects"]):
            twin = twins.get(entry["signature"])
            number = numbers[id(twin)] if twin is not None else len(known)
            known[number : number + 1] = [entry]
            first = spans[number]["first"] if number < len(spans) else position
            spans[number : number + 1] = [{"name": entry["name"], "first": first, "last": position}]
            places[number : number + 1] = [place]
            for (metric, title), figure in figures.of(entry).items():
                facts: Trend = {
                    "place": 0,
                    "subject": entry["name"],
                    "metric": metric,
                    "title": title,
                    "unit": figure.unit,
                    "values": [None] * len(ordered),
                }
                row = rows.setdefault((number, metric, title), facts)
                row["subject"] = entry["name"]
                if not other_definition(catalogue.metrics.get(metric), figure.definition):
                    row["values"][position] = figure.value
    runs: list[PastRun] = [
        {
            "commit": record["environment"].get("commit", ""),
            "created": record["created"],
            "is_red": is_red(record),
        }
        for record in ordered
    ]
    order = sorted(range(len(known)), key=lambda number: (-spans[number]["last"], places[number]))
    ranks = {number: rank for rank, number in enumerate(order)}
    for (number, *_), row in rows.items():
        row["place"] = ranks[number]
    found = [row for row in rows.values() if any(v is not None for v in row["values"])]
    subjects = [spans[number] for number in order]
    return {"runs": runs, "subjects": subjects, "rows": sorted(found, key=lambda row: row["place"])}


class Told:
    """What there is to say of a history: of each subject the figures that changed, and those that did not."""

    def __init__(self, history: History, catalogue: Catalogue) -> None:
        self.runs, self.catalogue = history["runs"], catalogue
        self.subjects = list(enumerate(history["subjects"]))
        self.rows: list[list[Trend]] = [[] for _ in self.subjects]
        for row in history["rows"]:
            self.rows[row["place"]].append(row)

    def is_gone(self, span: SubjectSpan) -> bool:
        """Whether the latest run has it no more."""
        return span["last"] < len(self.runs) - 1

    def is_new(self, span: SubjectSpan) -> bool:
        """Whether the latest run alone has it."""
        return 0 < span["first"] == len(self.runs) - 1

    def changed(self, place: int, span: SubjectSpan) -> list[Trend]:
        """Its figures that came, went or changed; all of them where there is nothing to compare."""
        return [row for row in self.rows[place] if not _is_flat(span, row)]

    def flat(self, place: int, span: SubjectSpan) -> list[Trend]:
        """The others."""
        return [row for row in self.rows[place] if _is_flat(span, row)]

    def amount(self, row: Trend, value: float | None) -> str:
        """A figure in its unit."""
        return amount(self.catalogue, row["unit"], value)

    def first(self, row: Trend) -> float | None:
        """The first value that there is."""
        return next(value for value in row["values"] if value is not None)

    def scale(self, row: Trend) -> str:
        """From the smallest to the largest."""
        low, spread = _range(row["values"])
        return f"{self.amount(row, low)} to {self.amount(row, low + spread)}"

    def cells(self, row: Trend) -> tuple[str, str, str, str]:
        """The latest value, how far it is from the one before and from the first, and the first."""
        known = [value for value in row["values"] if value is not None]
        if row["values"][-1] is None:
            return "gone", "", "", self.amount(row, known[0])
        if len(known) == 1:
            return self.amount(row, known[0]), "", "", "new" if len(self.runs) > 1 else ""
        moves = (change(share(value, known[-1])) for value in (known[-2], known[0]))
        before, since = moves
        return self.amount(row, known[-1]), before, since, self.amount(row, known[0])


def _is_flat(span: SubjectSpan, row: Trend) -> bool:
    """Whether a figure is the same in all runs that had its subject."""
    ends = row["values"][span["first"]], row["values"][span["last"]]
    same = len({value for value in row["values"] if value is not None}) == 1
    return same and None not in ends and span["first"] < span["last"]


def history_markdown(history: History, catalogue: Catalogue, max_bytes: int) -> str:
    """A line per figure that changed: the latest value, the changes, the first one, and the way there in block signs;
    then what came, what is gone, and how many figures never changed.
    """
    told, runs = Told(history, catalogue), history["runs"]
    cells = [
        (
            code(row["subject"]),
            words(row["title"]),
            *map(words, told.cells(row)),
            f"`{sparkline(row['values'])}`",
        )
        for place, span in told.subjects
        if not told.is_gone(span)
        for row in told.changed(place, span)
    ]
    columns = ("subject", "metric", "latest", "since the run before", "since the first", "first", "trend")
    first, last = (code(runs[i]["created"]) if runs else "" for i in (0, -1))
    notes = "\n".join(f"- {line}" for line in _notes(told))
    blocks = [f"## {_title(runs)}", f"latest {last}, first {first}"]
    blocks += filter(None, [table(columns, cells, "llrrrrl") if cells else "", notes])
    return fit(blocks, max_bytes)


def _notes(told: Told) -> Iterator[str]:
    """What came and went, and what stayed as it was."""
    for _, span in told.subjects:
        if told.is_gone(span):
            yield f"gone: {code(span['name'])}, last seen in the run of {code(told.runs[span['last']]['created'])}"
        elif told.is_new(span):
            yield f"new: {code(span['name'])}"
    flat = sum(len(told.flat(*subject)) for subject in told.subjects if not told.is_gone(subject[1]))
    if flat:
        yield f"{count(flat, 'figure')} never changed"


def history_html(history: History, catalogue: Catalogue) -> str:
    """A page with the runs, the latest first, and of each subject a line plot per figure that changed, the others
    folded; complete without scripts, links nowhere.
    """
    template = environment().get_template(f"{__package__}:templates/history.html.j2")
    told, style = Told(history, catalogue), asset(__package__, "style/tokens.css")
    return template.render(told=told, title=_title(told.runs), plot=_plot, about=about, style=style)


def _title(runs: Sequence[PastRun]) -> str:
    red = sum(run["is_red"] for run in runs)
    return f"History of {count(len(runs), 'run')}" + (f", {red:,} of them red" if red else "")


def sparkline(values: Sequence[float | None]) -> str:
    """The values as block signs between their minimum and maximum; a gap where there is none."""
    low, spread = _range(values)
    top = len(BARS) - 1
    return "".join(
        " " if v is None else BARS[round((v - low) / spread * top) if spread else top // 2] for v in values
    )


def _range(values: Sequence[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    return (min(known), max(known) - min(known)) if known else (0.0, 0.0)


def _plot(told: Told, row: Trend, width: int = 320, height: int = 64) -> Markup:
    """The values as an SVG: each point says its value and its run."""
    from markupsafe import Markup

    low, spread = _range(row["values"])
    step = width / max(len(told.runs) - 1, 1)
    points = [
        (i * step, height - ((v - low) / spread if spread else 0.5) * height, v, told.runs[i])
        for i, v in enumerate(row["values"])
        if v is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, *_ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3">'
        f"<title>{escape(printable(f'{told.amount(row, v)} · {about(run)}'))}</title></circle>"
        for x, y, v, run in points
    )
    label = escape(printable(f"{row['title']} of {row['subject']} in {count(len(points), 'run')}"))
    box = f'viewBox="-6 -6 {width + 12} {height + 12}" role="img" aria-label="{label}"'
    return Markup(f'<svg {box}><polyline points="{line}"/>{dots}</svg>')


def about(run: PastRun) -> str:
    """`2026-07-01T12:00:00 1a2b3c4d5e6f (red)`."""
    return f"{run['created']} {run['commit'][:12]}{' (red)' if run['is_red'] else ''}"
