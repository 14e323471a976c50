"""The design note says what is: its colours are the page's, with enough contrast, and its example is a panel."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_modelcheck.drawing.html import asset, panel_styles
from pytest_modelcheck.drawing.panel import TextPanel

NOTE = (Path(__file__).parents[2] / "docs" / "design.md").read_text("utf-8")
SCHEMES = ("light", "dark")
GROUNDS = {
    "quiet": ("ground", "card", "soft"),
    "accent": ("ground", "card", "soft"),
    "good": ("card", "good-ground"),
    "bad": ("card", "bad-ground"),
    "warn": ("card", "warn-ground"),
}
GROUNDS |= {f"c{i}": ("card",) for i in range(6)}


def colours(scheme: str) -> dict[str, str]:
    """The variables of a scheme."""
    css = asset("pytest_modelcheck.report", "style/tokens.css") + asset(
        "pytest_modelcheck.drawing", "plots.css"
    )
    dark = r"@media \(prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}"
    found = re.findall(dark if scheme == "dark" else r"^:root \{(.*?)\}", css, re.S | re.M)
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", "".join(found)))


def luminance(colour: str) -> float:
    """WCAG 2's relative luminance."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_stands_out_from_its_ground(scheme):
    known = colours(scheme)
    for text, grounds in GROUNDS.items():
        for ground in grounds:
            low, high = sorted(luminance(known[name]) for name in (text, ground))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, ground)


@pytest.mark.parametrize("column", [0, 1], ids=SCHEMES)
def test_the_note_has_the_values_of_the_style(column):
    told = re.findall(r"^\| `--(\w+)`[^|]*\| (#\w{6}) \| (#\w{6}) \|", NOTE, re.M)
    known = colours(SCHEMES[column])
    assert len(told) > 8
    assert {name: values[column] for name, *values in told} == {name: known[name] for name, *_ in told}


@pytest.mark.parametrize(("thin", "rows"), [(0, 1), (1, 0)])
def test_the_example_is_a_panel(thin, rows):
    (example,) = re.findall(r"```html\n(.*?)```", NOTE, re.S)
    row = {"name": "<b>cat", "error": 0.125}
    content = {"error": 0.03, "confidence": [0, 1], "accuracy": [0, 0.9], "classes": [row], "file": "x/y.csv"}
    html = TextPanel(example).render(content, {"thin": thin, "s": SimpleNamespace(id="net")})
    assert html.count("&lt;b&gt;cat") == rows
    assert '<a href="x/y.csv">' in html
    assert ("left-out" in html) == bool(thin)


def test_the_classes_of_the_note_have_a_style():
    css = asset("pytest_modelcheck.report", "style/frame.css") + "".join(panel_styles())
    css += asset("pytest_modelcheck.drawing", "plots.css")
    css += asset("pytest_modelcheck.checks.explain", "panel.css")
    table = NOTE[NOTE.index("| class |") :]
    names = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.M) for name in re.findall(r"`([\w-]+)", row)
    }
    assert {name for name in names if f".{name}" not in css} <= {"sortable"}  # a script's
