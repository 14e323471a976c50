"""Line plots as inline SVG: no library, colours of the page (light and dark), readable without a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38
At = Callable[[float, float], str]  # a point of the plot as SVG writes it
COLOURS = 6  # classes c0..c5 in plots.css; more lines use them again, dashed
TICKS = 5


def line_plot(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    x_label: str = "",
    y_label: str = "",
    x_names: Sequence[str] | None = None,
    y_range: tuple[float, float] | None = None,
) -> str:
    """An SVG of `lines` (name -> one value for each of `x`), with axes and a legend below; all text is escaped.

    `x_names` writes names under the axis in place of numbers. `y_range`: None takes the values' own, from 0 on.
    """
    values = [v for line in lines.values() for v in line]
    low, high = y_range or (min(0.0, *values, 0.0), max([*values, 1e-9]))
    left, right = min(x, default=0.0), max(x, default=1.0)

    def at(px: float, py: float) -> str:
        share_x = (px - left) / ((right - left) or 1)
        share_y = (py - low) / ((high - low) or 1)
        across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return f"{LEFT + share_x * across:.1f},{TOP + (1 - share_y) * down:.1f}"

    parts = [*_grid(low, high, at, left, right), *_x_ticks(x, x_names, at, low)]
    for index, (name, line) in enumerate(lines.items()):
        points = " ".join(at(px, py) for px, py in zip(x, line, strict=True))
        parts.append(
            f'<polyline class="{_style(index)}" points="{points}"><title>{escape(name)}</title></polyline>'
        )
    parts.append(
        f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}">{escape(x_label)}</text>'
    )
    label = escape(f"{y_label} over {x_label}: {', '.join(lines)}")
    legend = "".join(
        f'<li><svg viewBox="0 0 18 8" aria-hidden="true"><path class="{_style(i)}" d="M0 4h18"/></svg>'
        f"{escape(name)}</li>"
        for i, name in enumerate(lines)
    )
    return (
        f'<div class="plot"><p class="quiet">{escape(y_label)}</p>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
        f"<ul>{legend}</ul></div>"
    )


def _style(index: int) -> str:
    return f"c{index % COLOURS}" + (" dashed" if index >= COLOURS else "")


def _grid(low: float, high: float, at: At, left: float, right: float) -> list[str]:
    parts = []
    for step in range(TICKS):
        value = low + (high - low) * step / (TICKS - 1)
        start, end = at(left, value), at(right, value)
        y = start.split(",")[1]
        parts.append(f'<polyline class="grid" points="{start} {end}"/>')
        parts.append(f'<text class="tick y" x="{LEFT - 6}" y="{y}">{value:.3g}</text>')
    return parts


def _x_ticks(x: Sequence[float], names: Sequence[str] | None, at: At, low: float) -> list[str]:
    every = max(1, -(-len(x) // 7))
    ticks = []
    for index in range(0, len(x), every):
        place, down = at(x[index], low).split(",")
        text = names[index] if names else f"{x[index]:.4g}"
        ticks.append(f'<text class="tick" x="{place}" y="{float(down) + 14:.1f}">{escape(str(text))}</text>')
    return ticks
