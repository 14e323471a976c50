"""The memory plot: where the peak is, and names that want to break out."""

import re

import pytest

from pytest_modelcheck.checks.memory.timeline import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, timeline_plot

POINTS = [(0, 10), (2, 40), (5, 80), (7, 20)]


def plot(where: str = "conv", parts=()) -> str:
    return timeline_plot(POINTS, (5, 80), 10, parts, 10, lambda value: f"{value:g} B", where)


def test_the_peak_is_where_it_was():
    cx, cy = map(float, re.search(r'<circle class="peak" cx="([\d.]+)" cy="([\d.]+)"', plot()).groups())
    assert cx == pytest.approx(LEFT + 0.5 * (WIDTH - LEFT - RIGHT))  # the fifth of ten operators
    assert cy == pytest.approx(TOP)  # the axis ends at 80
    assert "at most 80 B, after 5, in conv" in plot()


def test_the_line_goes_in_steps_to_the_end():
    (path,) = re.findall(r'<path class="line" d="([^"]+)"', plot())
    assert path.startswith(f"M{LEFT:.1f} {HEIGHT - BOTTOM - 10 / 80 * (HEIGHT - TOP - BOTTOM):.1f}H")
    assert path.endswith(f"H{WIDTH - RIGHT:.1f}")


def test_parts_are_named_where_there_are_several():
    assert "backward" in plot(parts=[("forward", 0), ("backward", 5)])
    assert "forward" not in plot(parts=[("forward", 0)])


def test_names_are_escaped():
    assert "<script" not in plot('"><script>alert(1)</script>')
