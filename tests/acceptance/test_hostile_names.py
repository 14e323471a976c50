"""Names of tests, models and modules come from outside: nothing they hold may break or run anywhere."""

import html.parser
import xml.etree.ElementTree as ElementTree

import pytest

HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "quotes": "\"'` onload=alert(1) <img src=x onerror=alert(1)>",
    "newline": "first\nsecond\r\x1b[31mred\x00",
    "non-ascii": "Größe 模型 🦆 \u202eright-to-left",
    "long": "x" * 300,
}
SUITE = """
NAME = {name!r}

class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module(NAME.replace(".", ""), nn.Conv2d(3, 4, 3))

    def forward(self, x):
        return next(self.children())(x).mean((2, 3))

    def extra_repr(self):
        return NAME

@pytest.mark.parametrize("text", [NAME])
@pytest.mark.modelcheck(model=Odd, input_size=(1, 3, 8, 8), name=NAME)
@pytest.mark.macs_budget(1)
@pytest.mark.params_budget("1 M")
def test_it(text): ...

@pytest.mark.modelcheck(model=Odd, input_size=(1, 3, 8, 8), name=NAME)
def test_show(modelcheck):
    modelcheck.show(NAME, NAME)
    modelcheck.show(NAME, [{{NAME: NAME}}])
"""


class Elements(html.parser.HTMLParser):
    """Counts elements, and event handlers among their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag, attrs):
        is_data = tag == "script" and ("type", "application/json") in attrs
        self.tags.append("data" if is_data else tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_they_are_inert_everywhere(project, name, workers, monkeypatch):
    monkeypatch.setenv("CI", "true")  # pytest prints failures in full there
    project.tests(SUITE.format(name=name))
    result = project.run("--modelcheck-report", "--junitxml=out.xml", *workers)
    result.assert_outcomes(passed=1, failed=1)

    record = project.record()
    assert record["subjects"][0]["name"] == name
    assert {c["subject"] for c in record["checks"]} == {name}
    assert record["panels"][0]["content"] == name

    page = (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
    elements = Elements()
    elements.feed(page)
    assert elements.tags.count("script") == 1
    assert "onerror" not in elements.handlers
    assert elements.handlers == []

    ElementTree.parse(project.pytester.path / "out.xml")
    summary = result.stdout.str().split("= modelcheck =", 1)[1]
    assert "\x1b[31mred" not in summary
    assert "\x00" not in summary
