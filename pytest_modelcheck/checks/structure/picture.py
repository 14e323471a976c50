"""The diagram as a still SVG, for documents: the same grid as the viewer's, opened down to a depth."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from ...text import printable
from .diagram import MARKS, Box, Diagram
from .grid import IN, OUT, Route

HEAD, PAD, GAP, TRACK, LABEL = 28, 14, 20, 8, 17
STYLE = (
    "text{font:600 12px sans-serif;fill:#1c2128}.n{font:10px monospace;fill:#59636e}"
    "rect{fill:#fff;stroke:#8b95a3}.o{fill:#f2f4f7}.w{fill:none;stroke:#7c8794;stroke-width:1.3}"
    ".added{fill:#e6f4ea;stroke:#1a7f45}.removed{fill:#fdecee;stroke:#c2293a;stroke-dasharray:5 3}"
    ".changed{stroke:#8f5f00}.w.added,.w.removed{fill:none}"
)


@dataclass
class _Plan:
    """A box with sizes: `left` and `right` of its chain."""

    box: Box
    label: str
    left: float
    right: float
    height: float
    x: dict[int, float] = field(default_factory=dict)  # of columns, from the chain
    top: list[float] = field(default_factory=list)  # of rows
    rows: list[float] = field(default_factory=list)
    inside: dict[int, _Plan] = field(default_factory=dict)


def svg(diagram: Diagram, depth: int) -> str:
    """The picture; modules deeper than `depth` levels stay closed."""
    plan = _measure(diagram, 0, depth)
    width, height = plan.left + plan.right + 8, plan.height + 8
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="-4 -4 {width:.0f} {height:.0f}" style="background:#fff"><style>{STYLE}</style>'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#7c8794"/></marker></defs>'
    )
    lines = _inside(plan, plan.left, 0.0, root=True)
    return "\n".join([head, *lines, "</svg>"])


def _text_width(text: str, size: float = 7.9) -> float:
    return len(text) * size


def _title(box: Box) -> str:
    return MARKS.get(box.status, "") + box.title + (f" ×{box.repeat}" if box.repeat else "")


def _measure(diagram: Diagram, number: int, depth: int) -> _Plan:
    box = diagram.boxes[number]
    label = diagram.label(box)
    head = _text_width(_title(box)) + 24
    if box.grid is None or depth < 0 or box.view:
        width = max(72.0, head, _text_width(label, 6.2) + 24)
        return _Plan(box, label, width / 2, width / 2, 40 if label else 26)
    return _measure_open(diagram, box, label, depth, head + _text_width(label, 6.2) + 16)


def _measure_open(diagram: Diagram, box: Box, label: str, depth: int, head: float) -> _Plan:
    grid = box.grid
    assert grid is not None
    reach: dict[int, tuple[float, float]] = {route.rail: (5, 5) for route in grid.routes}
    rows = [0.0] * len(grid.tracks)
    shapes = {route.source: route.shape for route in reversed(grid.routes)}
    inside = {}
    for child, (row, column) in grid.cells.items():
        plan = _measure(diagram, child, depth - 1) if child >= 0 else _Plan(box, "", 6, 6, 0)
        shape = shapes.get(child, "") if child >= 0 else ""
        left, right = reach.get(column, (0, 0))
        reach[column] = (max(left, plan.left), max(right, plan.right, _text_width(shape, 6.2) + 10))
        rows[row] = max(rows[row], plan.height + (LABEL if shape else 0))
        if child >= 0:
            inside[child] = plan
    x, edge = {}, 0.0
    for column in sorted(reach):
        x[column] = edge + reach[column][0]
        edge += sum(reach[column]) + 14
    middle = x.get(0, 0.0)
    root = box.parent < 0
    top, y = [], 6.0 if root else HEAD + 6.0
    for row, height in enumerate(rows):
        top.append(y)
        y += height + (GAP + TRACK * grid.tracks[row] if row + 1 < len(rows) else 0)
    left = middle + PAD
    right = max(edge - 14 - middle + PAD, head - left)
    return _Plan(box, label, left, right, y + PAD, {c: v - middle for c, v in x.items()}, top, rows, inside)


def _inside(plan: _Plan, x: float, y: float, *, root: bool = False) -> list[str]:
    grid = plan.box.grid
    assert grid is not None
    lines = []
    for route in grid.routes:
        points = " ".join(f"{x + a:.1f},{y + b:.1f}" for a, b in _way(plan, route, root))
        tip = "" if route.target == OUT else ' marker-end="url(#tip)"'
        names = f"w {plan.box.way_status(route.source, route.target)}".strip()
        lines.append(f'<polyline class="{names}" points="{points}"{tip}/>')
    shapes = {route.source: route.shape for route in reversed(grid.routes)}
    for child, inner in plan.inside.items():
        row, column = grid.cells[child]
        cx, cy = x + plan.x[column], y + plan.top[row]
        lines += _box(inner, cx, cy)
        if shapes.get(child):
            place = f'x="{cx + 7:.1f}" y="{cy + inner.height + 12:.1f}"'
            lines.append(f'<text class="n" {place}>{escape(shapes[child])}</text>')
    return lines


def _way(plan: _Plan, route: Route, root: bool) -> list[tuple[float, float]]:
    grid = plan.box.grid
    assert grid is not None
    (row, column), (below, aim) = grid.cells[route.source], grid.cells[route.target]

    def foot(gap: int, track: int) -> float:
        return plan.top[gap] + plan.rows[gap] + 9 + TRACK * track

    start = (0 if root else HEAD) if route.source == IN else plan.top[row] + plan.inside[route.source].height
    rail = plan.x[route.rail]
    points = [(plan.x[column], start)]
    if route.rail != column:
        points += [(plan.x[column], foot(row, route.track)), (rail, foot(row, route.track))]
    if route.rail != aim:
        points += [(rail, foot(below - 1, route.last)), (plan.x[aim], foot(below - 1, route.last))]
    return [*points, (plan.x[aim], plan.height if route.target == OUT else plan.top[below])]


def _box(plan: _Plan, x: float, y: float) -> list[str]:
    box = plan.box
    left, width = x - plan.left, plan.left + plan.right
    names = " ".join(filter(None, ("o" if plan.inside else "", box.status)))
    lines = [
        f'<rect class="{names}" x="{left:.1f}" y="{y:.1f}" width="{width:.1f}" height="{plan.height:.1f}" rx="6"/>',
        f'<text x="{left + 12:.1f}" y="{y + 17:.1f}">{escape(printable(_title(box)))}</text>',
    ]
    if plan.label:
        at = (left + 20 + _text_width(_title(box)), y + 17) if plan.inside else (left + 12, y + 32)
        lines.append(
            f'<text class="n" x="{at[0]:.1f}" y="{at[1]:.1f}">{escape(printable(plan.label))}</text>'
        )
    return lines + (_inside(plan, x, y) if plan.inside else [])
