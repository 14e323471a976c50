"""Names of tests, models and modules come from outside: nothing they hold may break or run anywhere."""

import html.parser
import json
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


COMMANDS = (
    "::error title=x::evil",
    "\t ::warning::evil",
    "a ##[error]evil",
    "x\n::error::evil",
    "x\r::error::evil",
)
HEAD = """
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
    "no test": ("from nets import Net as net_of_tests", ("--modelcheck-model=evil:make", "-rA")),
}


def is_command(line: str) -> bool:
    """As the runner reads lines, which end at carriage returns too."""
    return "##[" in line or any(part.lstrip().startswith("::") for part in line.split("\r"))


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(("source", "arguments"), PRINTED.values(), ids=PRINTED)
def test_no_way_of_printing_runs_a_command(project, monkeypatch, source, arguments, name):
    head = HEAD.format(name=name)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.tests(head + source, evil="import pytest\nfrom torch import nn\n" + head + "make = Evil\n")
    stored = project.pytester.path / "__snapshots__" / "test_it"
    stored.mkdir(parents=True)
    for kind in ("structure", "complexity"):
        (stored / f"test_{kind}.{kind}.txt").write_text(f"old\n{name}\n", newline="")
    result = project.run("--modelcheck-github=off", "--modelcheck-report", *arguments)
    assert "evil" in result.stdout.str()
    # the runner's lines, and pytest's own words about a parameter or a test's source
    assert [line for line in result.stdout.str().split("\n") if is_command(line)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_runs_none_either(project, monkeypatch, capsys, name):
    from pytest_modelcheck.cli import main

    source, _ = PRINTED["failed, warned and skipped"]
    project.tests(HEAD.format(name=name) + source)
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
        ["summary", f"{name}.json"],
    ):
        main(arguments)
        printed = "".join(capsys.readouterr())
        assert [line for line in printed.split("\n") if is_command(line)] == [], arguments
        if "--format=json" in arguments and "summary" in arguments:
            assert name in json.loads(printed)["checks"][0]["subject"]
