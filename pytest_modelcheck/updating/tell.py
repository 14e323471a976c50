"""What was written into the source, and what was left alone, as a table for the terminal and for a job summary."""

from __future__ import annotations

from collections.abc import Iterator

from ..report.blocks import table
from ..report.neutral import code, words
from ..text import count, printable
from .update import Updates

NONE = "none"  # a limit that was not there


def lines(updates: Updates) -> Iterator[str]:
    """For the terminal."""
    if updates.written:
        yield f"{count(len(updates.written), 'limit')} written, by which the next run is judged:"
        yield from _columns([(w.where, w.title, f"{w.before or NONE} -> {w.after}") for w in updates.written])
    if updates.left:
        yield f"{count(len(updates.left), 'limit')} left alone:"
        for left in updates.left:
            figure = f" (would be {left.figure})" if left.figure else ""
            yield printable(f"  {left.where}  {left.title}{figure}: {left.reason}")
    if not updates.written and not updates.left:
        yield "no limit to write"


def markdown(updates: Updates) -> str:
    """For a job summary."""
    blocks = []
    if updates.written:
        rows = [
            (code(w.where), code(w.title), code(w.before or NONE), code(w.after)) for w in updates.written
        ]
        blocks += ["### Limits written", table(("where", "limit", "old", "new"), rows)]
    if updates.left:
        rows = [(code(x.where), code(x.title), words(x.figure), words(x.reason, 300)) for x in updates.left]
        blocks += ["### Limits left alone", table(("where", "limit", "would be", "why"), rows)]
    return "".join(f"{block}\n\n" for block in blocks)


def _columns(rows: list[tuple[str, str, str]]) -> Iterator[str]:
    wide = [max(len(printable(row[column])) for row in rows) for column in (0, 1)]
    for where, title, text in rows:
        yield f"  {printable(where):<{wide[0]}}  {printable(title):<{wide[1]}}  {printable(text)}"
