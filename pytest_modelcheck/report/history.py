"""Kept records in the order of time: a figure per metric and run, as a table and as small plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from typing_extensions import TypedDict

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

BARS = "▁▂▃▄▅▆▇█"


class Trend(TypedDict):
    """A figure of a subject: a value per run, None where it was not measured, or counted differently."""

    subject: str
    metric: str
    title: str
    unit: str
    values: list[float | None]


class PastRun(RevisionEntry):
    """A run; in a red one some figures may be missing."""

    is_red: bool


class History(TypedDict):
    """Runs from the oldest to the newest."""

    runs: list[PastRun]
    rows: list[Trend]


def trends(records: Iterable[Record], catalogue: Catalogue) -> History:
    """The figures of each subject over the runs; it is the same subject while its tests say so, whatever its name."""
    ordered = sorted(records, key=lambda record: record["created"])
    rows: dict[tuple[int, str, str], Trend] = {}
    known: list[SubjectEntry] = []  # each subject as it was last seen; its place in the list is its number
    for position, record in enumerate(ordered):
        figures = Figures(record, catalogue)
        twins = matched(known, record["subjects"])
        numbers = {id(entry): number for number, entry in enumerate(known)}
        for entry in record["subjects"]:
            twin = twins.get(entry["signature"])
            number = numbers[id(twin)] if twin is not None else len(known)
            known[number : number + 1] = [entry]
            for (metric, title), figure in figures.of(entry).items():
                facts: Trend = {
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
    return {"runs": runs, "rows": [row for row in rows.values() if any(v is not None for v in row["values"])]}


def history_markdown(history: History, catalogue: Catalogue, max_bytes: int) -> str:
    """A line per metric: first and last value, the change between them, and the way there in block signs."""
    runs, rows = history["runs"], history["rows"]
    cells = [
        (code(row["subject"]), words(row["title"]), *_ends(row, catalogue), f"`{sparkline(row['values'])}`")
        for row in rows
    ]
    columns = ("subject", "metric", "first", "last", "change", "trend")
    first, last = (code(runs[i]["created"]) if runs else "" for i in (0, -1))
    blocks = [f"## {_title(runs)}", f"{first} to {last}", table(columns, cells, "llrrrl")]
    return fit(blocks, max_bytes)


def history_html(history: History, catalogue: Catalogue) -> str:
    """A page with a line plot per metric and the values below it; complete without scripts, links nowhere."""
    plots = "\n".join(_figure(row, history["runs"], catalogue) for row in history["rows"])
    return _PAGE.format(title=_title(history["runs"]), plots=plots)


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


def _ends(row: Trend, catalogue: Catalogue) -> tuple[str, str, str]:
    known = [value for value in row["values"] if value is not None]
    first, last = known[0], known[-1]
    return (
        words(amount(catalogue, row["unit"], first)),
        words(amount(catalogue, row["unit"], last)),
        change(share(first, last)),
    )


def _figure(
    row: Trend, runs: Sequence[PastRun], catalogue: Catalogue, width: int = 320, height: int = 64
) -> str:
    """One plot; each point says its value and its run, and the ends of the scale are written beside it."""
    low, spread = _range(row["values"])
    step = width / max(len(runs) - 1, 1)
    points = [
        (i * step, height - ((v - low) / spread if spread else 0.5) * height, v)
        for i, v in enumerate(row["values"])
        if v is not None
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{_text(amount(catalogue, row["unit"], v))} · '
        f"{_about(runs[round(x / step)])}</title></circle>"
        for x, y, v in points
    )
    first, last, moved = _ends(row, catalogue)
    scale = f"{_text(amount(catalogue, row['unit'], low))} to {_text(amount(catalogue, row['unit'], low + spread))}"
    return (
        f"<figure><figcaption><b>{_text(row['subject'])}</b> {_text(row['title'])}<br>"
        f"{first} → {last} {moved}<br><small>scale {scale}</small></figcaption>"
        f'<svg viewBox="-6 -6 {width + 12} {height + 12}" role="img" aria-label="{_text(row["title"])}">'
        f'<polyline points="{line}"/>{dots}</svg></figure>'
    )


def _about(run: PastRun) -> str:
    return _text(f"{run['created']} {run['commit'][:12]}{' (red)' if run['is_red'] else ''}")


def _text(text: object) -> str:
    return escape(printable(str(text)))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(18rem, 1fr)); gap: 1.5rem; }}
figure {{ margin: 0; overflow-wrap: anywhere; }}
small {{ opacity: .8; }}
svg {{ width: 100%; }}
polyline {{ fill: none; stroke: #2563eb; stroke-width: 2; vector-effect: non-scaling-stroke; }}
circle {{ fill: #2563eb; }}
@media (prefers-color-scheme: dark) {{ polyline {{ stroke: #7aa2ff; }} circle {{ fill: #7aa2ff; }} }}
</style></head>
<body><h1>{title}</h1><main>
{plots}
</main></body></html>
"""
