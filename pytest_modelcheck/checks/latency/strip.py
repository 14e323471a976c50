"""A strip plot as inline SVG: one dot for each sample along an axis, with an interval and a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT, SIDE, AXIS = 640, 96, 14, 66
ROWS = 12  # dots are spread over so many rows, in turn, so that equal ones do not hide each other
TICKS = 4


def strip_plot(
    values: Sequence[float],
    interval: Sequence[float],
    limit: float | None,
    text: Callable[[float], str],
    what: str,
) -> str:
    """An SVG of `values`, the `interval` as a band and `limit` as a line; `text` writes a value. All is escaped.

    Samples beyond the 99th percentile stay outside unless the limit lies there: a few of them would squeeze the rest.
    """
    low, high = _range(values, limit)

    def at(value: float) -> float:
        return SIDE + (min(max(value, low), high) - low) / ((high - low) or 1) * (WIDTH - 2 * SIDE)

    shown = [value for value in values if low <= value <= high]
    dots = "".join(
        f'<circle cx="{at(v):.1f}" cy="{10 + i % ROWS * 4.5:.1f}" r="2"/>' for i, v in enumerate(shown)
    )
    parts = [
        _band(interval, at),
        f'<g class="dots">{dots}</g>',
        f'<path class="axis" d="M{SIDE} {AXIS}H{WIDTH - SIDE}"/>',
    ]
    parts += [_tick(low + (high - low) * k / TICKS, at, text) for k in range(TICKS + 1)]
    if limit is not None:
        parts.append(
            f'<path class="limit" d="M{at(limit):.1f} 2V{AXIS}"><title>limit {escape(text(limit))}</title></path>'
        )
    label = escape(f"{what}: {len(values)} samples, {text(min(values))} to {text(max(values))}")
    return f'<svg class="strip" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _range(values: Sequence[float], limit: float | None) -> tuple[float, float]:
    ordered = sorted(values)
    ends = [ordered[0], ordered[int(0.99 * (len(ordered) - 1))], *([limit] if limit is not None else [])]
    margin = (max(ends) - min(ends)) * 0.04 or abs(ends[0]) * 0.01 or 1e-9
    return max(0.0, min(ends) - margin), max(ends) + margin


def _band(interval: Sequence[float], at: Callable[[float], float]) -> str:
    low, high = at(interval[0]), at(interval[1])
    return (
        f'<rect class="interval" x="{low:.1f}" y="2" width="{max(high - low, 1.5):.1f}" height="{AXIS - 2}"/>'
    )


def _tick(value: float, at: Callable[[float], float], text: Callable[[float], str]) -> str:
    x = at(value)
    anchor = "start" if x < WIDTH * 0.1 else "end" if x > WIDTH * 0.9 else "middle"
    return f'<text x="{x:.1f}" y="{AXIS + 18}" text-anchor="{anchor}">{escape(text(value))}</text>'
