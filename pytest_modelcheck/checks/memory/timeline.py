"""Memory over a phase as inline SVG: the bytes alive after each operator, what stays all along, the peak marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 74, 14, 26, 34
TICKS = 4


def timeline_plot(
    points: Sequence[tuple[float, float]],
    peak: tuple[float, float],
    stays: float,
    parts: Sequence[tuple[str, float]],
    end: float,
    text: Callable[[float], str],
    where: str,
) -> str:
    """An SVG of `points` (operators so far, bytes), in steps. `peak` is marked and named by `where`, `stays` is a
    dashed line, `parts` are where the parts of the phase begin, `end` the last operator; `text` writes bytes.
    """
    points = sorted({*((a, b) for a, b in points), (peak[0], peak[1])})
    last = max(end, points[-1][0], 1)
    top = _round_up(max(size for _, size in points))

    def x(operators: float) -> float:
        return LEFT + operators / last * (WIDTH - LEFT - RIGHT)

    def y(size: float) -> float:
        return TOP + (1 - size / top) * (HEIGHT - TOP - BOTTOM)

    steps = f"M{x(points[0][0]):.1f} {y(points[0][1]):.1f}" + "".join(
        f"H{x(a):.1f}V{y(b):.1f}" for a, b in points[1:]
    )
    floor = f"{y(0):.1f}"
    shape = [
        *_grid(top, y, text),
        f'<path class="area" d="{steps}H{x(last):.1f}V{floor}H{LEFT}z"/>',
        f'<path class="line" d="{steps}H{x(last):.1f}"/>',
        f'<path class="stays" d="M{LEFT} {y(stays):.1f}H{WIDTH - RIGHT}">'
        f"<title>stays: {escape(text(stays))}</title></path>",
        *(_part(name, x(begin)) for name, begin in (parts if len(parts) > 1 else ())),
        _mark(x(peak[0]), y(peak[1]), f"{text(peak[1])}, {where}"),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"operators run ({last:g} in all)</text>",
    ]
    label = escape(
        f"live tensors over {last:g} operators: at most {text(peak[1])}, after {peak[0]:g}, in {where}"
    )
    box = f'class="timeline" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}"'
    return f"<svg {box}>{''.join(shape)}</svg>"


def _round_up(value: float) -> float:
    """The next of a few round figures in its binary unit: its quarters are short to write."""
    scale = 1.0
    while scale * 1024 <= value:
        scale *= 1024
    while scale * 10 <= value:
        scale *= 10
    return next((scale * k for k in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 5, 6, 8) if scale * k >= value), scale * 10)


def _grid(top: float, y: Callable[[float], float], text: Callable[[float], str]) -> list[str]:
    parts = []
    number, _, unit = text(top).rpartition(" ")
    for step in range(TICKS + 1):
        value = top * step / TICKS
        down = y(value)
        told = f"{float(number) * step / TICKS:g} {unit}" if step else "0"  # all in the unit of the largest
        parts.append(f'<path class="grid" d="M{LEFT} {down:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{down + 4:.1f}" text-anchor="end">{escape(told)}</text>')
    return parts


def _part(name: str, x: float) -> str:
    bottom = HEIGHT - BOTTOM
    line = f'<path class="part" d="M{x:.1f} {TOP}V{bottom}"/>'
    side = f'x="{x - 3:.1f}" text-anchor="end"' if x > WIDTH - RIGHT - 7 * len(name) else f'x="{x + 3:.1f}"'
    return f'{line}<text {side} y="{bottom + 14}">{escape(name)}</text>'


def _mark(x: float, y: float, words: str) -> str:
    anchor = "start" if x < WIDTH * 0.35 else "end" if x > WIDTH * 0.65 else "middle"
    return (
        f'<circle class="peak" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        f'<text class="peak" x="{x:.1f}" y="{TOP - 12}" text-anchor="{anchor}">{escape(_short(words))}</text>'
        f'<path class="part" d="M{x:.1f} {TOP - 8}V{y - 5:.1f}"/>'
    )


def _short(words: str, most: int = 70) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
