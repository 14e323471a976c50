"""What changed since the base, in Markdown: by module, then the figures; the tables behind them are folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from ..records.section import Catalogue, Cell, Line, Table
from ..records.types import Changes, FigureEntry, SubjectChanges
from ..text import count
from .blocks import ROWS, folded, once, table
from .neutral import code, fenced, html_code, words
from .text import change, change_lines, differing, sides

MODULES = 5  # of a subject, with what changed in each
NAMES = 3  # of what else a line names
NOTE = 600  # characters


def gravest_first(changes: Changes, names: Iterable[str]) -> Changes:
    """The same with subjects of these names first, in that order."""
    rank = {name: i for i, name in enumerate(names)}
    ranked = sorted(changes["subjects"], key=lambda subject: rank.get(subject["name"], len(rank)))
    return {**changes, "subjects": ranked}


def changes_blocks(changes: Changes, catalogue: Catalogue) -> Iterator[str]:
    """What changed: modules, then figures, then what a reader should bear in mind."""
    yield f"### Changes since the base{_revisions(changes)}"
    if "error" in changes:
        yield fenced(changes["error"])
        return
    rows = [row for subject in changes["subjects"] for row in _subject_rows(subject, catalogue)]
    if rows:
        yield table(("subject", "module", "what", "cost"), once(rows))
    figures = [row for subject in changes["subjects"] for row in _metric_rows(subject, catalogue)]
    if figures:
        yield table(("subject", "metric", "base", "head", "change"), once(figures), "llrrr")
    else:
        yield "No figure changed." if changes["subjects"] else "Nothing to compare."
    gone = changes.get("gone", [])
    if gone:
        yield f"No longer checked: {', '.join(code(name) for name in gone[:ROWS])}"
    yield from _notes(changes)


def _notes(changes: Changes) -> Iterator[str]:
    notes = changes.get("notes", [])
    if notes:
        lines = [f"- {words(note, NOTE)}" for note in notes[:ROWS]]
        lines += [f"- and {len(notes) - ROWS:,} more"] if len(notes) > ROWS else []
        yield "Notes on the comparison:\n\n" + "\n".join(lines)
    if changes["environment"]:
        listed = [
            (words(e["name"]), words(e["base"] or "–"), words(e["head"] or "–"))
            for e in changes["environment"]
        ]
        yield "The two runs differ in more than their sources:\n\n" + table(("", "base", "head"), listed)


def changes_tables(changes: Changes, catalogue: Catalogue) -> Iterator[str]:
    """All that the sections know of it, folded, subject by subject."""
    for subject in changes["subjects"]:
        if subject["status"] == "changed":
            content = cast("Mapping[str, Any]", subject)
            compared = [section.changes for section in catalogue.sections.values() if section.changes]
            found = [_titled(one) for each in compared for one in each.tables(content)]
            if found:
                yield folded(f"{html_code(subject['name'])}: changes in full", "\n\n".join(found))


def _titled(found: Table) -> str:
    size = len(found.rows) if found.size is None else found.size
    rows = [[_cell(cell) for cell in row] for row in found.rows]
    return f"{count(size, *found.title)}:\n\n{table(found.columns, rows, found.align)}"


def _subject_rows(subject: SubjectChanges, catalogue: Catalogue) -> Iterator[tuple[str, ...]]:
    """Modules first, then what is worse, then the rest."""
    name = code(subject["name"])
    if subject["status"] in ("new", "removed"):
        yield (name, "", f"**{subject['status']}**", "")
    if subject["status"] != "changed":
        return
    if "from" in subject:
        yield (name, "", f"was called {code(subject['from'])} at the base", "")
    for line in sorted(change_lines(subject, catalogue, MODULES), key=_rank):
        yield (name, code(line.name) if line.name else "", _told(line), words(line.cost) if line.cost else "")


def _rank(line: Line) -> int:
    return 0 if line.name or line.cost else 1 if line.strong or line.worse else 2


def _told(line: Line) -> str:
    """Our own words with names of the user's in them."""
    text = _plain(line.text) if line.name or not line.detail else line.text
    parts = [f"**{text}**" if line.strong else text, _plain(line.detail) if line.detail else ""]
    names = ", ".join(map(code, line.names[:NAMES])) + (", …" if len(line.names) > NAMES else "")
    return ": ".join(part for part in (*parts, names) if part)


def _plain(text: str) -> str:
    return words(text.replace(" -> ", " → "), 300)


def _metric_rows(subject: SubjectChanges, catalogue: Catalogue) -> list[tuple[str, ...]]:
    if subject["status"] in ("new", "removed"):
        return [(code(subject["name"]), f"**{subject['status']}**", "", "", "")]
    return [figures(subject["name"], row, catalogue) for row in differing(subject["metrics"], catalogue)]


def figures(subject: str, row: FigureEntry, catalogue: Catalogue) -> tuple[str, ...]:
    """A row of the table of figures."""
    values = map(words, sides(catalogue, row))
    return (code(subject), words(row["title"]), *values, change(row["share"]) or words(row.get("note", "")))


def _cell(cell: Cell) -> str:
    return code(cell.text) if cell.code and cell.text else words(cell.text)


def _revisions(changes: Changes) -> str:
    sides = [side["commit"][:12] for side in (changes["base"], changes["head"])]
    return f": {code(sides[0])} → {code(sides[1])}" if all(sides) else ""
