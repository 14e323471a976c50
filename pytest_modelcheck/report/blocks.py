"""Markdown in blocks: a table, and what fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..text import count

ROWS = 60


def fit(blocks: Iterable[str], max_bytes: int) -> str:
    """The blocks, an empty line between them; whole blocks that do not fit are left out, and it says so."""
    kept: list[str] = []
    room, left_out = max_bytes - 200, 0
    for block in filter(None, blocks):
        size = len(block.encode("utf-8", "replace")) + 2
        if size <= room:
            kept.append(block)
            room -= size
        else:
            left_out += 1
    if left_out:
        kept.append(f"_{count(left_out, 'part')} left out for size; the report has them all._")
    return "\n\n".join(kept) + "\n"


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A table of cells that are Markdown already; long ones end with how many rows are missing."""
    rules = ["--:" if kind == "r" else "---" for kind in align.ljust(len(columns), "l")[-len(columns) :]]
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, rules, *rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"\nand {len(rows) - ROWS:,} more")
    return "\n".join(lines)


def once(rows: Iterable[Sequence[str]]) -> list[list[str]]:
    """Rows whose first cell is said where it begins, and not again below."""
    found: list[list[str]] = []
    last = None
    for first, *rest in rows:
        found.append(["" if first == last else first, *rest])
        last = first
    return found


def folded(title: str, text: str) -> str:
    """`text` behind a line to open; `title` is HTML."""
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
