"""Kept records in the order of time: a figure per metric and run, as a table and as small plots."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ..records.compare import metrics_of, share
from ..text import printable
from .markdown import fit, table
from .neutral import code, words
from .text import amount, change

Record = Mapping[str, Any]
BARS = "▁▂▃▄▅▆▇█"


def trends(records: Iterable[Record]) -> dict[str, Any]:
    """`runs` (commit, created) from the oldest to the newest, and `rows`: per subject and metric a value per run."""
    ordered = sorted(records, key=lambda record: record["created"])
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for position, record in enumerate(ordered):
        for entry in record["subjects"]:
            for (metric, title), figure in metrics_of(record, entry["name"]).items():
                facts = {"subject": entry["name"], "metric": metric, "title": title, "unit": figure["unit"]}
                row = rows.setdefault(
                    (entry["name"], metric, title), {**facts, "values": [None] * len(ordered)}
                )
                row["values"][position] = figure["value"]
    runs = [{"commit": r["environment"].get("commit", ""), "created": r["created"]} for r in ordered]
    return {"runs": runs, "rows": list(rows.values())}


def history_markdown(history: Mapping[str, Any], max_bytes: int) -> str:
    """A line per metric: first and last value, the change between them, and the way there in block signs."""
    runs, rows = history["runs"], history["rows"]
    cells = [
        (code(row["subject"]), words(row["title"]), *_ends(row), f"`{sparkline(row['values'])}`")
        for row in rows
    ]
    columns = ("subject", "metric", "first", "last", "change", "trend")
    first, last = (code(runs[i]["created"]) if runs else "" for i in (0, -1))
    blocks = [f"## History of {len(runs):,} runs", f"{first} to {last}", table(columns, cells, "llrrrl")]
    return fit(blocks, max_bytes)


def history_html(history: Mapping[str, Any]) -> str:
    """A page with a line plot per metric and the values below it; complete without scripts, links nowhere."""
    plots = "\n".join(_figure(row, history["runs"]) for row in history["rows"])
    return _PAGE.format(title=f"History of {len(history['runs']):,} runs", plots=plots)


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


def _ends(row: Mapping[str, Any]) -> tuple[str, str, str]:
    known = [value for value in row["values"] if value is not None]
    first, last = known[0], known[-1]
    return words(amount(row["unit"], first)), words(amount(row["unit"], last)), change(share(first, last))


def _figure(row: Mapping[str, Any], runs: Sequence[Record], width: int = 320, height: int = 64) -> str:
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
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{_text(amount(row["unit"], v))} · '
        f"{_text(runs[round(x / step)]['created'])} {_text(runs[round(x / step)]['commit'][:12])}</title></circle>"
        for x, y, v in points
    )
    first, last, moved = _ends(row)
    scale = f"{_text(amount(row['unit'], low))} to {_text(amount(row['unit'], low + spread))}"
    return (
        f"<figure><figcaption><b>{_text(row['subject'])}</b> {_text(row['title'])}<br>"
        f"{first} → {last} {moved}<br><small>scale {scale}</small></figcaption>"
        f'<svg viewBox="-6 -6 {width + 12} {height + 12}" role="img" aria-label="{_text(row["title"])}">'
        f'<polyline points="{line}"/>{dots}</svg></figure>'
    )


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
