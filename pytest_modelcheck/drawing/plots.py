"""Line plots as inline SVG: no library, colours of the page (light and dark), readable without a script."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 38
At = Callable[[float, float], str]  # a point of the plot as SVG writes it
COLOURS = 6  # classes c0..c5 in plots.css; more lines use them again, dashed
LONGEST = 32  # letters of a mark's name


def line_plot(
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    *,
    x_label: str = "",
    y_label: str = "",
    x_names: Sequence[str] | None = None,
    x_ticks: Sequence[float] | None = None,
    y_range: tuple[float, float] | None = None,
    y_log: bool = False,
    mark: tuple[float, str] | None = None,
) -> str:
    """An SVG of `lines` (name -> one value for each of `x`), with axes and a legend below; all text is escaped.

    `x_names` writes names under the axis in place of numbers; `x_ticks`: where it has numbers, None: at round ones.
    `y_range`: None takes the values' own, from 0 on. `y_log`: powers of ten, what is not above 0 on the lowest line.
    `mark`: a place on the x-axis, and its name.
    """
    values = [v for line in lines.values() for v in line]
    low, high = y_range or (min(0.0, *values, 0.0), max([*values, 1e-9]))
    if y_log:
        low, high = _decades(values)
    left, right = min(x, default=0.0), max(x, default=1.0)

    def at(px: float, py: float) -> str:
        share_x = (px - left) / ((right - left) or 1)
        share_y = math.log(max(py, low) / low, high / low) if y_log else (py - low) / ((high - low) or 1)
        across, down = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
        return f"{LEFT + share_x * across:.1f},{TOP + (1 - share_y) * down:.1f}"

    ticks = _powers(low, high, min(values, default=1.0) <= 0) if y_log else _even(low, high)
    parts = [*_grid(ticks, at, left, right), *_x_ticks(x, x_names, x_ticks, at, low)]
    for index, (name, line) in enumerate(lines.items()):
        points = " ".join(at(px, py) for px, py in zip(x, line, strict=True))
        parts.append(
            f'<polyline class="{_style(index)}" points="{points}"><title>{escape(name)}</title></polyline>'
        )
    if mark is not None:
        parts += _mark(mark[1], at(mark[0], low), at(mark[0], high))
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


def _even(low: float, high: float) -> list[tuple[float, str]]:
    values = round_ticks(low, high, most=6)
    return list(zip(values, _numbers(values), strict=True))


def _decades(values: Sequence[float]) -> tuple[float, float]:
    """Powers of ten around the values above 0, with one more for what is not."""
    above = [value for value in values if value > 0] or [1.0]
    low, high = math.floor(math.log10(min(above))), math.ceil(math.log10(max(above)))
    return 10.0 ** (low - (min(values, default=1.0) <= 0)), 10.0 ** max(high, low + 1)


def _powers(low: float, high: float, has_zero: bool) -> list[tuple[float, str]]:
    """A tick for each power of ten, or for every other one; the lowest line stands for 0 where there is one."""
    first, last = round(math.log10(low)), round(math.log10(high))
    every = -(-(last - first) // 6)
    ticks = [(10.0**power, f"1e{power}") for power in range(last, first - 1, -every)]
    if not has_zero:
        return ticks
    return [*(tick for tick in ticks if tick[0] > 1.5 * low), (low, "0")]


def _grid(ticks: Sequence[tuple[float, str]], at: At, left: float, right: float) -> list[str]:
    parts = []
    for value, text in ticks:
        start, end = at(left, value), at(right, value)
        y = start.split(",")[1]
        parts.append(f'<polyline class="grid" points="{start} {end}"/>')
        parts.append(f'<text class="tick y" x="{LEFT - 6}" y="{y}">{text}</text>')
    return parts


def _mark(name: str, foot: str, head: str) -> list[str]:
    """An upright line with its name, on the side where there is room."""
    x, top = map(float, head.split(","))
    end = ' class="mark end"' if x > (LEFT + WIDTH - RIGHT) / 2 else ' class="mark"'
    short = name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"
    return [
        f'<polyline class="mark" points="{foot} {head}"><title>{escape(name)}</title></polyline>',
        f'<text{end} x="{x + (-5 if "end" in end else 5):.1f}" y="{top + 9:.1f}">{escape(short)}</text>',
    ]


def _x_ticks(
    x: Sequence[float], names: Sequence[str] | None, places: Sequence[float] | None, at: At, low: float
) -> list[str]:
    if names:
        every = max(1, -(-len(x) // 7))
        ticks = [(x[i], str(names[i])) for i in range(0, len(x), every)]
    else:
        shown = round_ticks(min(x, default=0.0), max(x, default=1.0)) if places is None else places
        ticks = list(zip(shown, _numbers(shown), strict=True))
    parts = []
    for value, text in ticks:
        place, down = at(value, low).split(",")
        parts.append(f'<text class="tick" x="{place}" y="{float(down) + 14:.1f}">{escape(text)}</text>')
    return parts


def _numbers(ticks: Sequence[float]) -> list[str]:
    """All with as many digits behind the point as the longest of them needs."""
    shortest = [f"{value:.6g}" for value in ticks]
    if any("e" in text for text in shortest):
        return shortest
    digits = max((len(text.partition(".")[2]) for text in shortest), default=0)
    return [f"{value:.{digits}f}" for value in ticks]


def round_ticks(low: float, high: float, steps: Sequence[float] = (), most: int = 7) -> list[float]:
    """At most so many round numbers from `low` to `high`, all multiples of one step: of `steps`, or 1, 2, 5, 10, …"""
    span = high - low
    if not math.isfinite(span) or span <= 0:
        return [low]
    least = 10 ** math.floor(math.log10(span / most))
    known = [step for step in steps if span / step <= most] or [n * least for n in (1, 2, 5, 10, 20, 50)]
    for step in known:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [float(f"{i * step:.12g}") for i in range(first, last + 1)]
    return [low, high]
