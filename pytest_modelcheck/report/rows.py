"""Checks as rows for a terminal: by subject, the worst first; whatever the width, no figure is ever cut."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ..records.outcome import shown_outcome
from ..records.plain import number
from ..records.types import CheckEntry
from ..text import printable, shorten_subject
from ..verdict.units import DIFFERENCES, RATIO
from .text import FAR, SYMBOLS, change

GAP, INDENT, HANGING = "  ", "  ", "      "
NAME = (16, 40)  # least and most characters of a metric's name: names are what may be cut
CAPS = ((34, 28, 18), (27, 20, 15), (14, 16, 11), (12, 13, 9))
"""The widest value, limit and margin that a column is made for: what is longer goes on beyond it. The first that leave
room for names."""
_GRAVITY = {outcome: number for number, outcome in enumerate(dict.fromkeys(("fail", *SYMBOLS)))}
_PAIR = re.compile(r"(?<=\d) (?=[^\s(])|(?<=[<>]=) ")  # blanks within a figure: "3.5 GFLOPs", "<= 2 %"
_JOINED = "\N{NO-BREAK SPACE}"


class Row(NamedTuple):
    """A check in words: its metric, then its figures, then its outcome."""

    name: str
    figures: tuple[str, str, str]
    ending: str
    outcome: str


def check_lines(checks: Iterable[CheckEntry], width: int) -> Iterator[tuple[str, str]]:
    """Lines within `width` characters, each with the outcome that it tells of: "" for a subject's name."""
    ranked = sorted(checks, key=_rank)
    rows: dict[str, list[Row]] = {}  # by subject, the one with the worst first
    for check in ranked:
        rows.setdefault(check["subject"], []).append(_row(check))
    widths = _widths([row for found in rows.values() for row in found], width)
    for subject, found in rows.items():
        yield shorten_subject(printable(subject or "?"), width), ""
        for row in found:
            yield from ((line, row.outcome) for line in _lines(row, widths, width))


def _rank(check: CheckEntry) -> tuple[int, float]:
    """Sorts what exceeds its limit by the largest share first."""
    share = check["headroom"]
    if share is None:  # nothing is allowed; or there is no figure, or only a number of differences
        share = -math.inf if check.get("limit") == 0 and check["unit"] != DIFFERENCES.noun else 0.0
    return _GRAVITY.get(shown_outcome(check), len(_GRAVITY)), share


def _row(check: CheckEntry) -> Row:
    outcome = shown_outcome(check)
    figures = (check["value_text"], check.get("limit_short") or check["limit_text"], margin(check))
    return Row(
        printable(check["title"] or check["metric"]),
        (printable(figures[0]), printable(figures[1]), figures[2]),
        f"{SYMBOLS.get(outcome, '')} {outcome}".strip(),
        outcome,
    )


def margin(check: CheckEntry) -> str:
    """How far the value is from the limit, or from the base where the limit is relative to it."""
    share, value, base, limit = (
        number(known) for known in (check["headroom"], check["value"], check.get("base"), check.get("limit"))
    )
    if check.get("max_regression") is not None and value is not None and base:
        return change(value / base - 1)
    if share is None or value is None:
        return ""
    least, most = check.get("min"), check.get("max")
    is_least = least is not None and limit == least and (share < 0 or least != most)
    if share < FAR:
        return f"{1 - share:,.0f} x limit"
    amount = RATIO.format(abs(share), 3)
    if check["unit"] == RATIO.noun and limit is not None:  # a share of a share is hard to read
        amount = f"{abs(share * limit) * 100:.3g} points"
    if is_least:
        return f"{amount} {'above' if share >= 0 else 'below'}"
    return f"{amount} {'free' if share >= 0 else 'over'}"


def _widths(rows: Sequence[Row], width: int) -> list[int]:
    """Of name, value, limit, margin; empty where they do not fit beside each other."""
    most = NAME[1] if width >= 100 else NAME[1] - 16
    names = min(max((len(row.name) for row in rows), default=0), most)
    ending = max((len(row.ending) for row in rows), default=0)
    for caps in CAPS:
        figures = [
            max((len(row.figures[i]) for row in rows if len(row.figures[i]) <= most), default=0)
            for i, most in enumerate(caps)
        ]
        left = width - len(INDENT) - sum(figures) - ending - len(GAP) * 4
        if left >= min(names, NAME[0]):
            return [min(names, left), *figures]
    return []


def _lines(row: Row, widths: Sequence[int], width: int) -> Iterator[str]:
    if not widths:
        yield INDENT + f"{row.ending}  {_cut(row.name, width - len(INDENT + row.ending + GAP))}"
        yield from _flowing(row.figures, HANGING, width)
        return
    name = INDENT + _cut(row.name, widths[0]).ljust(widths[0])
    if all(len(cell) <= most for cell, most in zip(row.figures, widths[1:], strict=True)):
        cells = [cell.ljust(most) for cell, most in zip(row.figures, widths[1:], strict=True)]
        yield GAP.join([name, *cells, row.ending])
        return
    whole = GAP.join(filter(None, (*row.figures, row.ending)))
    start = len(name + GAP)
    if (
        len(INDENT + row.name + GAP) <= width - len(whole) < start
    ):  # beside its own name, if not beside the longest
        start = width - len(whole)
    first, *more = _flowing((*row.figures, row.ending), " " * start, width)
    yield name[: start - len(GAP)] + GAP + first.lstrip()
    yield from more


def _flowing(cells: Iterable[str], indent: str, width: int) -> Iterator[str]:
    """Cells one after the other, in lines that end between cells, or between words of a long one."""
    room, line = max(width - len(indent), NAME[0]), ""
    for cell in filter(None, cells):
        for part in _wrapped(cell, room):
            joined = f"{line}{GAP}{part}" if line else part
            if len(joined) > room:
                yield indent + line
                joined = part
            line = joined
    if line:
        yield indent + line


def _wrapped(cell: str, room: int) -> list[str]:
    joined = _PAIR.sub(_JOINED, cell)
    parts = textwrap.wrap(joined, room, break_long_words=False, break_on_hyphens=False)
    return [part.replace(_JOINED, " ") for part in parts]


def _cut(name: str, width: int) -> str:
    """A metric's name, cut at its end, where its options stand."""
    return name if len(name) <= width else name[: width - 1].rstrip(" (") + "…"
