"""A strip plot as inline SVG: one dot for each sample along an axis, with an interval and a limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape

WIDTH, HEIGHT, SIDE, AXIS = 640, 96, 14, 66
ROWS = 12  # dots are spread over so many rows, in turn, so that equal ones do not hide each other
TICKS = 5  # at most
LEAST = 1 / 8  # of the width that samples keep; a limit that would leave them less is told at the edge


def strip_plot(
    values: Sequence[float],
    interval: Sequence[float],
    limit: float | None,
    text: Callable[[float], str],
    what: str,
) -> str:
    """An SVG of `values`, the `interval` as a band and `limit` as a line; `text` writes a value. All is escaped.

    Samples beyond the 99th percentile stay outside unless the limit lies there: a few of them would squeeze the rest.
    So would a limit that is far away: it is told at the edge on its side.
    """
    low, high, far = _range(values, limit)

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
    parts += [_tick(value, at, text) for value in _round_values(low, high)]
    if limit is not None and far:
        x, anchor = (WIDTH - 4, "end") if limit > high else (4, "start")
        told = f"limit {text(limit)} →" if limit > high else f"← limit {text(limit)}"
        parts.append(f'<text class="far" x="{x}" y="{AXIS - 6}" text-anchor="{anchor}">{escape(told)}</text>')
    elif limit is not None:
        parts.append(
            f'<path class="limit" d="M{at(limit):.1f} 2V{AXIS}"><title>limit {escape(text(limit))}</title></path>'
        )
    label = escape(f"{what}: {len(values)} samples, {text(min(values))} to {text(max(values))}")
    return f'<svg class="strip" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _range(values: Sequence[float], limit: float | None) -> tuple[float, float, bool]:
    """The ends of the axis, and whether the limit is too far away to lie on it."""
    ordered = sorted(values)
    ends = [ordered[0], ordered[int(0.99 * (len(ordered) - 1))]]
    spread = max(ends[1] - ends[0], 0.02 * ends[1])
    given = [limit] if limit is not None else []
    far = any(spread < LEAST * (max(*ends, value) - min(*ends, value)) for value in given)
    ends += [] if far else given
    margin = (max(ends) - min(ends)) * 0.04 or abs(ends[0]) * 0.01 or 1e-9
    return max(0.0, min(ends) - margin), max(ends) + margin, far


def _round_values(low: float, high: float) -> Iterator[float]:
    """Round values between the two: multiples of 1, 2 or 5 of some power of ten."""
    least = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(least))
    step = next(power * k for k in (1, 2, 5, 10) if power * k >= least)
    yield from (step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1))


def _band(interval: Sequence[float], at: Callable[[float], float]) -> str:
    low, high = at(interval[0]), at(interval[1])
    return (
        f'<rect class="interval" x="{low:.1f}" y="2" width="{max(high - low, 1.5):.1f}" height="{AXIS - 2}"/>'
    )


def _tick(value: float, at: Callable[[float], float], text: Callable[[float], str]) -> str:
    x = at(value)
    anchor = "start" if x < WIDTH * 0.1 else "end" if x > WIDTH * 0.9 else "middle"
    return f'<text x="{x:.1f}" y="{AXIS + 18}" text-anchor="{anchor}">{escape(text(value) if value else "0")}</text>'
