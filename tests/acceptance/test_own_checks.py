"""A check of one's own: what it is made of is in one place, and it is seen wherever the package's own are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import pytest_modelcheck.checks
from pytest_modelcheck.checks import registry
from pytest_modelcheck.checks.registry import FOLDERS, Folder
from pytest_modelcheck.records.types import HEAD

TOY = '''
from pytest_modelcheck import Budget, Contributor, Measurement, Metric, Section, Unit

BLOCKS = Unit.counting("block", "blocks")  # of 64 bytes


def blocks(subject):
    return {name: p.nbytes / 64 for name, p in subject.module.named_parameters()}


def read(sizes):
    parts = tuple(Contributor(name, size) for name, size in sizes.items())
    return Measurement(sum(sizes.values()), contributors=parts)


def describe(subject):
    return {"blocks": sum(blocks(subject).values()), "note": "<b>bold</b>"}


def differences(base, head):
    return f"blocks {base['blocks']:g} -> {head['blocks']:g}" if base != head else ()


PANEL = """
<section class="toy"><h3>Blocks of {{ s.name | line }}</h3>
<p>{{ section.blocks | number }} blocks, {{ section.note }}</p></section>
"""


def add(registry):
    metric = Metric("tensor_blocks", BLOCKS, "tensor blocks")
    registry.add(Budget("tensor_blocks_budget", metric, None, "blocks of 64 bytes.", blocks, read))
    registry.add_section("tensor_blocks", describe, panel=PANEL, changes=differences)
'''
PLUGIN = TOY + "\n\ndef pytest_modelcheck_register(registry):\n    add(registry)\n"


@pytest.fixture(params=["as a plugin, in one file", "in the package, a folder and a line"])
def toy(request, monkeypatch, tmp_path):
    """What goes into the user's conftest; the same check either way."""
    if "plugin" in request.param:
        return PLUGIN
    folder = tmp_path / "checks" / "toy"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(TOY + "\n\ndef register(registry):\n    add(registry)\n")
    monkeypatch.setattr(
        pytest_modelcheck.checks, "__path__", [*pytest_modelcheck.checks.__path__, str(folder.parent)]
    )
    line = {"toy": Folder(("tensor_blocks_budget",), ("tensor_blocks",))}
    monkeypatch.setattr(registry, "FOLDERS", {**FOLDERS, **line})
    monkeypatch.delitem(sys.modules, "pytest_modelcheck.checks.toy", raising=False)
    return ""


SUITE = """
@pytest.mark.tensor_blocks_budget({limit}, model=net, input_size=(1, 3, 8, 8), reason="the cache has no more")
def test_it(): ...
"""


def test_it_is_enforced_recorded_and_drawn(project, toy):
    project.conftest(toy).tests(SUITE.format(limit='"80 blocks"'))
    result = project.run("--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(  # 1380 parameters of 4 bytes
        [
            "net: tensor blocks",
            "*measured*86.25 blocks*",
            "*limit*max 80 blocks",
            "*heaviest*fc.weight*",
            "*because*no more",
        ]
    )
    record = project.record()
    (check,) = record["checks"]
    assert (check["value"], check["unit"], check["limit_reason"]) == (
        86.25,
        "blocks",
        "the cache has no more",
    )
    (subject,) = record["subjects"]
    assert subject["tensor_blocks"] == {"blocks": 86.25, "note": "<b>bold</b>"}
    page = (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
    assert "<h3>Blocks of net</h3>\n<p>86.25 blocks, &lt;b&gt;bold&lt;/b&gt;</p>" in page


@pytest.mark.parametrize(("amount", "words"), [(1, "1 block"), ('"2 blocks"', "2 blocks")])
def test_its_unit_agrees_with_the_number(project, toy, amount, words):
    result = project.conftest(toy).tests(SUITE.format(limit=amount)).run()
    result.stdout.fnmatch_lines([f"*limit*max {words}"])


def test_it_is_compared_with_a_base(repository):
    test = (repository.path / "tests/test_net.py").read_text()
    relative = '@pytest.mark.tensor_blocks_budget(max_regression="0%")\n'
    repository.write("tests/conftest.py", PLUGIN)
    repository.write("tests/test_net.py", test.replace("def test_net", f"{relative}def test_net"))
    repository.edit("src/nets/model.py", "nn.Linear(8, 4)", "nn.Linear(8, 20)")
    done = repository.run("--modelcheck-report")
    assert done.returncode == 1, done.out
    assert "net tensor blocks 25.25 blocks" in done.out
    (subject,) = repository.record()["changes"]["subjects"]
    assert subject["tensor_blocks"] == ["blocks 16.25 -> 25.25"]
    assert "blocks 16.25 -> 25.25" in done.out
    assert "blocks 16.25 -&gt; 25.25" in (repository.path / "modelcheck-report/index.html").read_text()


PANELS = {
    "text": "lambda content, context: f\"<i>{content}</i> of {context['s']['name']}\"",
    "markup": 'lambda content, context: Markup("<i>{}</i>").format(content)',
    "file": 'Path(__file__).with_name("mine.html.j2")',
}
SHOWN = {"text": "&lt;i&gt;7&lt;/i&gt; of net", "markup": "<i>7</i>", "file": "<em>7</em>"}


@pytest.mark.parametrize("kind", PANELS)
def test_a_panel_is_a_template_or_a_function(project, kind):
    (Path(project.pytester.path) / "mine.html.j2").write_text("<em>{{ section }}</em>")
    project.conftest(f"""
from pathlib import Path
from markupsafe import Markup

def pytest_modelcheck_register(registry):
    registry.add_section("mine", lambda subject: 7, title="Mine", panel={PANELS[kind]})
""").tests(SUITE.replace("tensor_blocks", "params").format(limit=10**6))
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    page = (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
    assert SHOWN[kind] in page


BROKEN = {
    "describe": "lambda subject: 1 / 0",
    "a ring": "lambda subject: ring",
    "tensors": "lambda subject: {'t': torch.ones(2), 'none': torch.ones(2, device='meta')}, "
    "panel='{{ section.t }}, {{ section.nothing.here }}'",
    "panel": "lambda subject: 1, panel=lambda content, context: 1 / 0",
    "template": 'lambda subject: 1, panel="{{ nothing.here }}"',
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_made_or_drawn_costs_no_more_than_itself(project, what):
    project.conftest(f"""
ring = []
ring.append(ring)

def pytest_modelcheck_register(registry):
    registry.add_section("mine", {BROKEN[what]})
""").tests(SUITE.replace("tensor_blocks", "params").format(limit=10**6))
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    page = (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
    words = {"describe": "ZeroDivisionError", "panel": "ZeroDivisionError", "a ring": "RecursionError"}
    assert words.get(what, "UndefinedError") in page
    assert "<h3>Complexity</h3>" in page


def test_a_comparison_that_raises_costs_no_more_than_itself(repository):
    repository.write(
        "tests/conftest.py",
        "def pytest_modelcheck_register(registry):\n"
        "    registry.add_section('mine', lambda subject: 1, changes=lambda base, head: 1 / 0)\n",
    )
    repository.edit("src/nets/model.py", "STRIDE = 2", "STRIDE = 1")
    done = repository.run("--modelcheck-report")
    assert "mine could not be compared: ZeroDivisionError" in done.out
    assert "conv: stride 2 -> 1" in done.out
    assert "mine could not be compared" in (repository.path / "modelcheck-report/index.html").read_text()


@pytest.mark.parametrize(
    "call",
    [
        *(f'registry.add_section("{name}", lambda subject: 1)' for name in ("latency", "onnx", "heatmaps")),
        *(
            f'registry.add_section("{name}", lambda subject: 1)'
            for name in ("nodeids", "name", "definitions")
        ),
        'registry.add_section("mine", print); registry.add_section("mine", print)',
        'registry.add(Budget("macs_budget", "x", "bytes", "", print, print))',
        'registry.add(Budget("mine", Metric("macs", Unit.counting("x", "xs")), None, "", print, print))',
    ],
)
def test_a_name_that_is_taken_is_refused_as_a_usage_error(project, call):
    project.conftest(f"""
from pytest_modelcheck import Budget, Metric, Unit

def pytest_modelcheck_register(registry):
    {call}
""").tests("def test_it(): ...")
    result = project.run()
    assert result.ret == 4
    taken_by_us = any(f'"{key}"' in call for key in HEAD)
    words = "a key of the subject's own" if taken_by_us else "registered already"
    result.stderr.fnmatch_lines([f"ERROR: pytest_modelcheck_register: *{words}; choose another name"])
    assert "Traceback" not in str(result.stderr)


@pytest.mark.parametrize(("restores", "kept"), [(False, True), (True, False)])
def test_observe_runs_where_nothing_is_restored_unless_it_asks_for_it(project, restores, kept):
    project.conftest(f"""
from pytest_modelcheck import Budget, Measurement

def observe(subject):
    assert subject.module.training is not {restores}
    subject.module.conv.weight.data.zero_()
    subject.module.stray = torch.initial_seed()
    return 1

def pytest_modelcheck_register(registry):
    registry.add(Budget("rude_budget", "rudeness", "calls", "", observe, Measurement, restores={restores}))

MODEL = net().train()
""").tests("""
from conftest import MODEL

@pytest.mark.rude_budget(2, model=MODEL)
def test_it():
    print("kept" if hasattr(MODEL, "stray") and not MODEL.conv.weight.any() else "restored")
""")
    result = project.run("-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"*{'kept' if kept else 'restored'}*"])
