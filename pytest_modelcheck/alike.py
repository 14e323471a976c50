"""Names that differ in their numbers alone, as one: `layers.{0..11}.0`, for rows that say the same of each."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

_NUMBER = re.compile(r"(?<![0-9])[0-9]{1,9}(?![0-9])")
Values = tuple[str, ...]  # of one number in a name, over the rows that are joined
Box = tuple[Values, ...]  # all names that take one value of each


class Alike(NamedTuple):
    """Rows that say the same: their names as one, and their places among the rows."""

    names: tuple[str, ...]
    rows: tuple[int, ...]


def alike(rows: Iterable[tuple[Hashable, tuple[str, ...]]]) -> list[Alike]:
    """Rows joined whose keys are equal and whose names differ in their numbers alone, each where its first one was.

    A row is (key, names): the names of one row vary together, as in "a.0 was b.0". What is joined is exact: the names
    that `blocks.{0,1}.{0..3}` stands for are the rows' names, no more.
    """
    rows = list(rows)
    kinds: dict[Hashable, list[int]] = {}
    for number, (key, names) in enumerate(rows):
        kinds.setdefault((key, tuple([tuple(_NUMBER.split(name)) for name in names])), []).append(number)
    found = [
        joined for members in kinds.values() for joined in _joined([rows[m][1] for m in members], members)
    ]
    return sorted(found, key=lambda joined: joined.rows[0])


def _joined(names: list[tuple[str, ...]], members: list[int]) -> list[Alike]:
    """Names that are the same but for their numbers."""
    columns = [*zip(*([n for name in row for n in _NUMBER.findall(name)] for row in names), strict=True)]
    first = len(_NUMBER.findall(names[0][0]))
    # a number of a further name that is always the same as one of the first name is that one
    places = [columns.index(c) if i >= first else i for i, c in enumerate(columns)]
    kept = sorted({*places})
    points = [tuple([columns[i][row] for i in kept]) for row in range(len(names))]
    found = []
    for box, rows in _boxes(points):
        told = {place: braces(values) for place, values in zip(kept, box, strict=True)}
        shown = _filled(names[rows[0]], [told[place] for place in places])
        found.append(Alike(shown, tuple([members[row] for row in rows])))
    return found


def _filled(names: tuple[str, ...], values: list[str]) -> tuple[str, ...]:
    """The names with these in the places of their numbers."""
    left = iter(values)
    return tuple([_NUMBER.sub(lambda _: next(left), name) for name in names])


def _boxes(points: Sequence[Values]) -> list[tuple[Box, list[int]]]:
    """Different points as few boxes, each a product of values: exact, and of the two orders of joining the better."""
    places = range(len(points[0]))
    return min((_merged(points, order) for order in (places, places[::-1])), key=len)


def _merged(points: Sequence[Values], order: Iterable[int]) -> list[tuple[Box, list[int]]]:
    boxes: dict[Box, list[int]] = {}
    for row, point in enumerate(points):
        boxes.setdefault(tuple([(value,) for value in point]), []).append(row)
    for place in order:
        merged: dict[Box, tuple[Values, list[int]]] = {}
        for box, rows in boxes.items():
            rest = (*box[:place], *box[place + 1 :])
            values, known = merged.get(rest, ((), []))
            merged[rest] = ((*values, *box[place]), known + rows)
        boxes = {(*rest[:place], values, *rest[place:]): rows for rest, (values, rows) in merged.items()}
    return [(box, sorted(rows)) for box, rows in boxes.items()]


def braces(values: Values) -> str:
    """`{0..11}`, `{0,2}`, `{0..3,7}`; a single value stands alone."""
    if len(values) == 1:
        return values[0]
    runs: list[list[str]] = []
    for value in sorted(values, key=lambda text: (int(text), text)):
        follows = runs and str(int(value)) == value and runs[-1][-1] == str(int(value) - 1)
        if follows:
            runs[-1].append(value)
        else:
            runs.append([value])
    told = [f"{run[0]}..{run[-1]}" if len(run) > 2 else ",".join(run) for run in runs]
    return f"{{{','.join(told)}}}"
