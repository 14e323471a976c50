"""One step as inline SVG: a bar for each call, below the one that called it, as long as it took."""

from __future__ import annotations

import re
from html import escape

from ...text import count, printable
from ...verdict.measurement import ROOT
from ...verdict.units import SECONDS
from .step import Bar, Step

WIDTH, ROW, AXIS = 1000, 20, 22
LETTER = 6.6  # width of one, at the size of panel.css
TICKS = 5
KINDS = {  # of operators: class in panel.css -> what it is called, and names that begin so
    "c0": ("convolutions and matrix products", r"conv|.*(mm|matmul|linear|einsum|attention|dot)"),
    "c1": ("normalisation", r".*norm"),
    "c2": ("activation functions", r".*(relu|elu|silu|sigmoid|tanh|softmax|hardswish|mish|softplus)"),
    "c3": (
        "pooling and reductions",
        r".*pool|(sum|mean|max(?!imum)|min(?!imum)|amax|amin|var|std|cumsum|arg)",
    ),
    "c5": ("other operators", ""),
}


def flame_plot(step: Step) -> str:
    """An SVG of the step's bars over an axis of time, and a legend of the kinds of operators in it."""
    bars, whole = step["bars"], max(step["seconds"], 1e-9)
    height = AXIS + ROW * (1 + max((bar["depth"] for bar in bars), default=0))
    operators = [bar for bar in bars if bar["kind"] != "module"]
    kinds = {kind_of(bar["name"]) for bar in operators}
    label = f"One step of {SECONDS.format(whole)} on the time axis: {count(len(bars), 'call')}"
    legend = "".join(
        f'<li><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="{kind}" width="1" height="1"/></svg>{name}</li>'
        for kind, (name, _) in KINDS.items()
        if kind in kinds
    )
    parts = [*_axis(whole, height), *(_drawn(bar, whole) for bar in bars)]
    return (
        f'<div class="scroll"><svg class="flame" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        f'{"".join(parts)}</svg></div><ul class="kinds">{legend}</ul>'
    )


def kind_of(operator: str) -> str:
    """The class of an operator, by its name."""
    name = _short(operator).lstrip("_").lower()
    return next(kind for kind, (_, pattern) in KINDS.items() if re.match(pattern, name))


def _short(operator: str) -> str:
    """`conv2d` of `aten::conv2d`, `ReluBackward0` of what autograd calls its functions."""
    return operator.rpartition("::")[2].rpartition(": ")[2] or operator


def _axis(whole: float, height: int) -> list[str]:
    parts = []
    for tick in range(TICKS):
        x = WIDTH * tick / (TICKS - 1)
        anchor = "start" if tick == 0 else "end" if tick == TICKS - 1 else "middle"
        text = SECONDS.format(whole * tick / (TICKS - 1), 3) if tick else "0"
        parts.append(f'<path class="grid" d="M{x:.1f} {AXIS - 6}V{height}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="11" text-anchor="{anchor}">{text}</text>')
    return parts


def _drawn(bar: Bar, whole: float) -> str:
    """A rectangle with its title, and its short name where there is room."""
    x, width = bar["start"] / whole * WIDTH, max(bar["seconds"] / whole * WIDTH, 0.5)
    y = AXIS + bar["depth"] * ROW
    is_module = bar["kind"] == "module"
    name = printable(bar["name"] or ROOT)
    style = "m" if is_module else kind_of(bar["name"])
    told = f"{name}: {SECONDS.format(bar['seconds'], 3)}, {bar['seconds'] / whole * 100:.3g} %"
    short = name.rpartition(".")[2] if is_module else _short(name)
    room = int((width - 6) / LETTER)
    text = short if len(short) <= room else f"{short[: room - 1]}…" if room > 3 else ""
    label = f'<text x="{x + 4:.1f}" y="{y + 13}">{escape(text)}</text>' if text else ""
    return (
        f'<g class="{style}"><title>{escape(told)}</title>'
        f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{ROW - 2}" rx="2"/>{label}</g>'
    )
