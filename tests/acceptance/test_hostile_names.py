"""Names of tests, models and modules come from outside: nothing they hold may break or run anywhere.

A run has all names of a sort, a test file for each.
"""

import html.parser
import json
import xml.etree.ElementTree as ElementTree

import pytest

from pytest_modelcheck.cli import main

HOSTILE = {
    "script": "</script><script>alert(1)</script>",
    "quotes": "\"'` onload=alert(1) <img src=x onerror=alert(1)>",
    "newline": "first\nsecond\r\x1b[31mred\x00",
    "non-ascii": "Größe 模型 🦆 \u202eright-to-left",
    "long": "x" * 300,
}
IMPORTS = "import pytest, torch\nfrom torch import nn\n"
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


DATA = ("application/json", "application/octet-stream")  # no browser runs these


class Elements(html.parser.HTMLParser):
    """Counts elements, and event handlers among their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag, attrs):
        is_data = tag == "script" and dict(attrs).get("type") in DATA
        self.tags.append("data" if is_data else tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def suites(source, names):
    """A test file for each name."""
    return {f"test_{i}": IMPORTS + source.format(name=name) for i, name in enumerate(names)}


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_they_are_inert_everywhere(project, workers, monkeypatch):
    monkeypatch.setenv("CI", "true")  # pytest prints failures in full there
    project.pytester.makepyfile(**suites(SUITE, HOSTILE.values()))
    result = project.run("--modelcheck-report", "--junitxml=out.xml", *workers)
    result.assert_outcomes(passed=len(HOSTILE), failed=len(HOSTILE))

    record = project.record()
    names = {*HOSTILE.values()}
    assert {s["name"] for s in record["subjects"]} == names
    assert {c["subject"] for c in record["checks"]} == names
    assert {p["content"] for p in record["panels"] if isinstance(p["content"], str)} == names

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


COMMANDS = (
    "::error title=x::evil",
    "\t ::warning::evil",
    "a ##[error]evil",
    "x\n::error::evil",
    "x\r::error::evil",
)
MODEL = """
NAME = {name!r}

class Evil(nn.Module):
    def __init__(self):
        super().__init__()
        self.add_module(NAME.replace(".", ""), nn.Linear(2, 2))
    def forward(self, x):
        return next(self.children())(x)
    def extra_repr(self):
        return NAME

ON = pytest.mark.modelcheck(model=Evil, input_size=(1, 2), name=NAME)
"""
# Ways in which a name comes to be printed: the test, and the arguments.
PRINTED = {
    "failed, warned and skipped": (
        """
@ON
@pytest.mark.macs_budget(1, reason=NAME)
def test_fails(): ...

@ON
@pytest.mark.macs_budget(1, level="warn", reason=NAME)
def test_warns(): ...

@pytest.mark.skip(reason=NAME)
@ON
@pytest.mark.macs_budget(1)
def test_skips(): ...
""",
        ("-ra", "-v"),
    ),
    "snapshots": (
        """
@ON
def test_structure(modelcheck, structure_snapshot):
    import pathlib
    assert modelcheck.structure() == structure_snapshot

@ON
def test_complexity(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot
""",
        ("--tb=native", "-vv"),
    ),
    "errors, all of a traceback": (
        """
@ON
def test_layer(modelcheck):
    shown = NAME
    modelcheck.gradcam(layer=NAME)

@ON
def test_reprs(modelcheck):
    assert modelcheck.structure().diff(modelcheck.structure()) == [NAME, "\\n" + NAME]
""",
        ("--showlocals", "--tb=long", "-vv"),
    ),
    "a wrong marker": ("@ON\n@pytest.mark.macs_budget(NAME)\ndef test_it(): ...", ()),
}
NO_TEST = ("--modelcheck-model=evil:make", "-rA")  # of one name in a run


def is_command(line: str) -> bool:
    """As the runner reads lines, which end at carriage returns too."""
    return "##[" in line or any(part.lstrip().startswith("::") for part in line.split("\r"))


def commands(text):
    return [line for line in text.split("\n") if is_command(line)]


@pytest.mark.parametrize(
    ("source", "names", "arguments"),
    [
        *(pytest.param(source, COMMANDS, given, id=name) for name, (source, given) in PRINTED.items()),
        *(pytest.param("make = Evil\n", [name], NO_TEST, id=f"no test: {name!r}") for name in COMMANDS[2:]),
    ],
)
def test_no_way_of_printing_runs_a_command(project, monkeypatch, source, names, arguments):
    """GitHub's runner takes a line for a command."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    made = suites(MODEL + source, names)
    project.pytester.makepyfile(**({"evil": made["test_0"]} if "make" in source else made))
    for i, name in enumerate(names):
        for kind in ("structure", "complexity"):
            stored = project.pytester.path / f"__snapshots__/test_{i}/test_{kind}.{kind}.txt"
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_text(f"old\n{name}\n", newline="")
    result = project.run("--modelcheck-github=off", "--modelcheck-report", *arguments)
    out = result.stdout.str()
    assert out.count("evil") >= len(names)
    # the runner's lines, and pytest's own words about a parameter or a test's source
    assert commands(out) == []


def test_the_command_line_runs_none_either(project, monkeypatch, capsys):
    source, _ = PRINTED["failed, warned and skipped"]
    project.pytester.makepyfile(**suites(MODEL + source, COMMANDS))
    project.run("--modelcheck-report")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    report = str(project.pytester.path / "modelcheck-report" / "report.json")
    capsys.readouterr()
    for arguments in (
        ["summary", report],
        ["summary", report, "--format=json"],
        ["compare", report, report],
        ["compare", report, report, "--format=json"],
        ["history", report],
        ["history", report, "--format=html"],
        *(["summary", f"{name}.json"] for name in COMMANDS),
    ):
        main(arguments)
        printed = "".join(capsys.readouterr())
        assert commands(printed) == [], arguments
        if arguments[-1] == "--format=json" and arguments[0] == "summary":
            assert {check["subject"] for check in json.loads(printed)["checks"]} == {*COMMANDS}
