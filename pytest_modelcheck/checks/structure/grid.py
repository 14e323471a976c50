"""Rows and columns for the inside of a box, and the ways of its edges. Knows no sizes.

Rows: the longest path from above. Columns: chains, the longest one in column 0, the others alternating right and left
of it. An edge that passes rows runs down a column that is free there; all edges of one source share theirs. In the gap
below a row horizontal pieces get tracks, so that pieces of different sources never lie on each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

IN, OUT = -1, -2
Edge = tuple[int, int, str]


@dataclass(frozen=True)
class Route:
    """An edge's way: down to `track` in the gap below its source, over to `rail`, down, over to its target.

    `rail` is the column it runs down; `track` and `last` are the tracks of its first and last horizontal piece.
    """

    source: int
    target: int
    shape: str
    rail: int
    track: int
    last: int


@dataclass(frozen=True)
class Grid:
    """`cells`: child -> (row, column), ports included; `tracks`: how many the gap below each row has."""

    cells: dict[int, tuple[int, int]]
    routes: list[Route]
    tracks: list[int]


def lay_out(children: list[int], edges: list[Edge]) -> Grid:
    """The grid of a box."""
    order = [*([IN] if any(u == IN for u, _, _ in edges) else []), *children]
    order += [OUT] if any(v == OUT for _, v, _ in edges) else []
    place = {child: index for index, child in enumerate(order)}
    forward = [e for e in edges if place[e[0]] < place[e[1]]]
    rows = _rows(order, forward)
    columns = _Columns(rows)
    for chain in _chains(order, forward, rows):
        columns.place(chain, forward)
    rails = _rails(forward, rows, columns)
    return _with_tracks(order, forward, rows, columns.of, rails)


def _rows(order: list[int], edges: list[Edge]) -> dict[int, int]:
    rows = dict.fromkeys(order, 0)
    out: dict[int, list[int]] = {}
    fed = set()
    for u, v, _ in edges:
        out.setdefault(u, []).append(v)
        fed.add(v)
    for u in order:
        for v in out.get(u, ()):
            rows[v] = max(rows[v], rows[u] + 1)
    if OUT in rows:
        rows[OUT] = max(rows.values()) if max(rows.values()) == rows[OUT] else max(rows.values()) + 1
    for u in order:  # what nothing feeds stands right above what it feeds
        if u not in fed and u != IN and out.get(u) and any(v in fed for v in order):
            rows[u] = max(rows[u], min(rows[v] for v in out[u]) - 1)
    return rows


def _chains(order: list[int], edges: list[Edge], rows: dict[int, int]) -> Iterator[list[int]]:
    """Each child in one chain: from the first free one on, always to the follower with the longest way to go."""
    out: dict[int, list[int]] = {}
    for u, v, _ in edges:
        out.setdefault(u, []).append(v)
    height = dict.fromkeys(order, 0)
    for u in reversed(order):
        height[u] = max((height[v] + 1 for v in out.get(u, ())), default=0)
    free = set(order)
    for start in sorted(order, key=lambda c: (rows[c], -height[c])):
        if start not in free:
            continue
        chain = [start]
        free.discard(start)
        while following := [v for v in out.get(chain[-1], ()) if v in free]:
            chain.append(max(following, key=lambda v: height[v]))
            free.discard(chain[-1])
        yield chain


class _Columns:
    """Which rows of which column are taken."""

    def __init__(self, rows: dict[int, int]) -> None:
        self.rows = rows
        self.of: dict[int, int] = {}
        self.taken: dict[int, set[int]] = {}
        self.ends: set[int] = set()  # of chains: their columns are theirs down to the next row they feed

    def place(self, chain: list[int], edges: list[Edge]) -> None:
        """Give a chain the free column nearest to the middle; the rows between it and its neighbours are its too."""
        first, last = self.rows[chain[0]], self.rows[chain[-1]]
        above = [self.rows[u] for u, v, _ in edges if v == chain[0]]
        below = [self.rows[v] for u, v, _ in edges if u == chain[-1]]
        top = min(first, max(above) + 1) if above else first
        bottom = max(last, min(below) - 1) if below else last
        column = self.free(range(top, bottom + 1))
        self.ends.add(chain[-1])
        for child in chain:
            self.of[child] = column

    def free(self, rows: range) -> int:
        """The nearest column that is free in these rows; takes them."""
        column = 0
        while self.taken.get(column, set()) & set(rows):
            column = -column if column > 0 else 1 - column
        self.taken.setdefault(column, set()).update(rows)
        return column

    def is_free(self, column: int, rows: range) -> bool:
        return not self.taken.get(column, set()) & set(rows)


def _rails(edges: list[Edge], rows: dict[int, int], columns: _Columns) -> dict[tuple[int, int], int]:
    """The column that each edge runs down."""
    rails: dict[tuple[int, int], int] = {}
    far: dict[int, list[int]] = {}
    chain_rows = columns.of
    filled: dict[int, set[int]] = {}
    for child, row in rows.items():
        filled.setdefault(chain_rows[child], set()).add(row)
    for u, v, _ in edges:
        between = range(rows[u] + 1, rows[v])
        if not between or (
            filled[chain_rows[v]].isdisjoint(between) and _keeps(u, v, edges, columns, between)
        ):
            rails[u, v] = chain_rows[v]
        elif u in columns.ends and rows[v] == min(rows[b] for a, b, _ in edges if a == u):
            rails[u, v] = chain_rows[u]
        else:
            far.setdefault(u, []).append(v)
    for u, targets in sorted(far.items(), key=lambda item: rows[item[0]]):
        column = columns.free(range(rows[u] + 1, max(rows[v] for v in targets)))
        rails |= {(u, v): column for v in targets}
    return rails


def _keeps(u: int, v: int, edges: list[Edge], columns: _Columns, between: range) -> bool:
    """Whether the rows above v in its column are free for this edge; takes them if they were nobody's."""
    column = columns.of[v]
    if columns.of[u] == column:
        return True
    nearest = max((columns.rows[a] for a, b, _ in edges if b == v), default=0)
    if columns.rows[u] == nearest:
        return True
    if columns.is_free(column, between):
        columns.taken.setdefault(column, set()).update(between)
        return True
    return False


def _with_tracks(
    order: list[int],
    edges: list[Edge],
    rows: dict[int, int],
    columns: dict[int, int],
    rails: dict[tuple[int, int], int],
) -> Grid:
    """Horizontal pieces by gap and source, then a track for each."""
    pieces: dict[int, dict[int, list[int]]] = {}  # gap -> source -> columns it spans
    for u, v, _ in edges:
        rail = rails[u, v]
        for gap, a, b in ((rows[u], columns[u], rail), (rows[v] - 1, rail, columns[v])):
            if a != b:
                pieces.setdefault(gap, {}).setdefault(u, []).extend((a, b))
    out: dict[int, list[int]] = {}
    for u, v, _ in edges:
        out.setdefault(u, []).append(v)
    tracks = {gap: _tracks(gap, found, out, rows, columns, rails) for gap, found in pieces.items()}
    routes = [
        Route(
            u,
            v,
            shape,
            rails[u, v],
            tracks.get(rows[u], {}).get(u, 0),
            tracks.get(rows[v] - 1, {}).get(u, 0),
        )
        for u, v, shape in edges
    ]
    depth = max(rows.values(), default=0) + 1
    counts = [max(tracks.get(row, {}).values(), default=-1) + 1 for row in range(depth)]
    return Grid({c: (rows[c], columns[c]) for c in order}, routes, counts)


def _tracks(
    gap: int,
    found: dict[int, list[int]],
    out: dict[int, list[int]],
    rows: dict[int, int],
    columns: dict[int, int],
    rails: dict[tuple[int, int], int],
) -> dict[int, int]:
    """A piece that leaves a column downwards lies above one that arrives in it from elsewhere."""
    start = {u: rails_column(u, gap, rows, columns, out, rails) for u in found}
    arrives = {u: {c for c in span if c not in start[u]} for u, span in found.items()}
    above: dict[int, set[int]] = {
        u: {w for w in found if w != u and start[w] & arrives[u] and not start[u] & arrives[w]} for u in found
    }
    given: dict[int, int] = {}
    taken: list[list[tuple[int, int]]] = []
    todo = sorted(found, key=lambda u: (min(found[u]), u))
    while todo:
        u = next((w for w in todo if not above[w] & set(todo)), todo[0])
        todo.remove(u)
        low, high = min(found[u]), max(found[u])
        track = max((given[w] + 1 for w in above[u] if w in given), default=0)
        while track < len(taken) and any(a <= high and low <= b for a, b in taken[track]):
            track += 1
        while len(taken) <= track:
            taken.append([])
        taken[track].append((low, high))
        given[u] = track
    return given


def rails_column(
    u: int,
    gap: int,
    rows: dict[int, int],
    columns: dict[int, int],
    out: dict[int, list[int]],
    rails: dict[tuple[int, int], int],
) -> set[int]:
    """Where a source comes down into a gap: under its box, or on its rails."""
    if rows[u] == gap:
        return {columns[u]}
    return {rails[u, b] for b in out[u] if rows[b] - 1 >= gap}
