"""What a run prints: each failure whole once and in one line elsewhere, in units as written, in our own words."""

from __future__ import annotations

import re

import pytest

from .conftest import FIXTURES

BUDGETS = """
@pytest.mark.params_budget("1,300 params")
@pytest.mark.flops_budget("2 kMACs")
@pytest.mark.activations_budget("1 M")
def test_it():
    pass
"""
LINE = "FAILED test_it.py::test_it - Net FLOPs 8.928 kMACs, max 2 kMACs (2 of 3 checks failed)"


@pytest.mark.parametrize("ci", [False, True], ids=["", "ci"])
@pytest.mark.parametrize(
    ("arguments", "blocks"),
    [
        ((), 1),
        (("-rA",), 1),
        (("--tb=short",), 1),
        (("--tb=native",), 1),
        (("-vv",), 1),
        (("--tb=line",), 0),
        (("--tb=no",), 0),
        (("-n1",), 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_failure_is_told_whole_once_and_in_one_line_elsewhere(project, monkeypatch, ci, arguments, blocks):
    monkeypatch.setenv("COLUMNS", "120")
    if ci:
        monkeypatch.setenv("CI", "true")
    project.conftest(FIXTURES).tests(BUDGETS)
    result = project.run(*arguments)
    result.assert_outcomes(failed=1)
    out = result.stdout.str()
    assert out.count("  over by  ") == 2 * blocks
    assert out.splitlines().count(LINE) == 1
    assert out.count("modelcheck: 2 of 3 checks failed: ") == blocks


def test_what_others_say_of_the_same_test_is_theirs(project, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    fixture = """
@pytest.fixture(autouse=True)
def leaks():
    yield
    pytest.fail("a file is still open", pytrace=False)
"""
    project.conftest(FIXTURES).tests("import pytest\n" + fixture + BUDGETS)
    result = project.run()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines([LINE, "ERROR test_it.py::test_it - *a file is still open"])


def test_without_a_terminal_nothing_is_lost(project):
    project.conftest(FIXTURES).tests(BUDGETS)
    assert project.run("-p", "no:terminal", "--modelcheck-report").ret == 1
    assert [check["outcome"] for check in project.record()["checks"]] == ["pass", "fail", "fail"]


def test_a_limit_is_told_in_the_unit_in_which_it_was_written(project):
    project.conftest(FIXTURES).tests(BUDGETS)
    result = project.run("-v", "--modelcheck-report")
    result.stdout.fnmatch_lines(
        [
            "Net: FLOPs",
            "  measured     8.928 kMACs   (8,928 MACs = 17,856 FLOPs)",
            "  limit        max 2 kMACs",
            "  over by      6,928 MACs (+346 %)",
            "  heaviest     conv * 7.776 kMACs * 87.1 %",
            "  FLOPs  *8.928 kMACs (17.86 kFLOPs)  <= 2 kMACs  *346 % over *✗ fail",
        ]
    )
    told = {check["metric"]: check for check in project.record()["checks"]}
    assert (told["flops"]["limit_text"], told["flops"]["limit"]) == ("max 2 kMACs", 4000)
    assert told["params"]["limit_text"] == "max 1,300 params"


@pytest.mark.parametrize("workers", [(), ("-n1",)], ids=["alone", "xdist"])
def test_colour_is_the_terminals_alone(project, monkeypatch, workers):
    project.conftest(FIXTURES).tests(BUDGETS)
    plain = project.run("--color=no", *workers).stdout.str()
    monkeypatch.setenv("PY_COLORS", "1")
    told = project.run(
        "--color=yes", "--junitxml=junit.xml", "--modelcheck-report", *workers, subprocess=True
    ).stdout.str()
    assert re.search(r"\x1b\[(1|31)m(\x1b\[(1|31)m)?modelcheck: 2 of 3", told)
    assert "\x1b[2m  limit        \x1b[0mmax 2 kMACs" in told
    assert "\x1b" not in plain
    for file in ("junit.xml", "modelcheck-report/report.json"):
        text = (project.pytester.path / file).read_text("utf-8")
        assert "over by      6,928 MACs" in text.replace("\\n", "\n")
        assert not re.search(r"\x1b|\\u001b|#x1B|\[31m", text)


SNAPSHOTS = """
def test_it(modelcheck, {kind}_snapshot):
    assert {assertion}
"""
DEEPER = """
import nets

class Net(nets.Net):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, stride=2, padding=3)
        self.more = torch.nn.Sequential(*[torch.nn.Linear(4, 4 + i) for i in range(20)])

def net():
    torch.manual_seed(0)
    return Net()
"""
KINDS = {
    "structure": (
        "modelcheck.structure()",
        ["*conv: stride 1 -> 2, padding 0 -> 3", "*more: module added: Sequential (20 modules)"],
    ),
    "complexity": (
        "modelcheck.complexity()",
        [
            "*(total): +1.35 k parameters (1,380 -> 2,730)",
            "*more.19 (Linear): *, new",
            "*and 9 more: -vv shows all",
        ],
    ),
    "heatmap": (
        "modelcheck.gradcam(target=1, layer='conv')",
        ["*heatmap differs (preset 'default')", "*places *1 - Pearson *(at most 0.001)*", "*strength *"],
    ),
}


@pytest.mark.parametrize("swapped", [False, True], ids=["", "swapped"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_that_differs_is_one_block_with_the_command(project, monkeypatch, kind, swapped):
    data, told = KINDS[kind]
    sides = [data, f"{kind}_snapshot"]
    suite = SNAPSHOTS.format(kind=kind, assertion=" == ".join(sides[::-1] if swapped else sides))
    project.conftest(FIXTURES).tests(suite)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.conftest(DEEPER + FIXTURES)
    monkeypatch.setenv("CI", "true")  # where pytest cuts nothing
    result = project.run()
    result.assert_outcomes(failed=1)
    command = "*accept it: pytest test_it.py::test_it --snapshot-update *"
    result.stdout.fnmatch_lines([f"*assert {kind} of Net == {kind}_snapshot", *told, command])
    out = result.stdout.str()
    assert sum(line.startswith("E ") for line in out.splitlines()) <= 18
    assert len(re.findall(f"FAILED test_it.py::test_it - Net {kind} differs: ", out)) == 1
    assert out.count("accept it: ") == 1
    assert "Full output truncated" not in out
    whole = project.run("-vv").stdout.str()
    assert "more: -vv" not in whole
    assert len(whole) >= len(out)


def test_a_snapshot_in_a_local_run_fits_into_what_pytest_shows(project):
    project.conftest(FIXTURES).tests(
        SNAPSHOTS.format(
            kind="complexity", assertion=" == ".join(("modelcheck.complexity()", "complexity_snapshot"))
        )
    )
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.conftest(DEEPER + FIXTURES)
    out = project.run().stdout.str()
    assert "Full output truncated" not in out
    assert "accept it: pytest test_it.py::test_it --snapshot-update" in out


ASSERTIONS = {
    "by_module": (
        'modelcheck.complexity().by_module()["conv"].macs < 1e3',
        [
            "*assert 7776 < 1000.0",
            "*ModuleCost(Conv2d: 7.776 kMACs = 15.55 kFLOPs, *output 1x8x6x6*.macs",
        ],
    ),
    "no module": (
        'modelcheck.complexity().by_module()["cnv"]',
        ["*KeyError: \"no module 'cnv'; did you mean 'conv'*"],
    ),
    "points_at": (
        "modelcheck.gradcam(target=1, layer='conv').points_at((0, 0, 1, 1)).all()",
        ["*where * = Hits([[]False[]]: hottest at x=*, y=*, to be in box (0, 0, 1, 1)).all"],
    ),
    "a total": (
        "modelcheck.peak_memory().total < 10",
        ["*PeakMemory(peak memory (forward) * KiB, at *).total"],
    ),
    "layer": ("modelcheck.gradcam(layer='cnov')", ["*no layer 'cnov'; did you mean 'conv'*"]),
    "phase": ("modelcheck.complexity(phase='foward')", ["*did you mean 'forward'?*"]),
}


@pytest.mark.parametrize("case", ASSERTIONS)
def test_an_assertion_about_a_result_explains_itself(project, monkeypatch, case):
    assertion, told = ASSERTIONS[case]
    monkeypatch.setenv("COLUMNS", "200")
    project.conftest(FIXTURES).tests(f"def test_it(modelcheck):\n    assert {assertion}")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(told)
    assert "def __missing__" not in result.stdout.str()


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("torchvision:resnet1888", "torchvision has no model 'resnet1888'; did you mean 'resnet18'*"),
        ("nets:nett", "*nets has no 'nett'; did you mean 'net'?"),
    ],
)
def test_a_model_that_is_not_there(project, spec, told):
    result = project.run(f"--modelcheck-model={spec}", "--modelcheck-input-size=1,3,8,8")
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{told}*"])


TALKATIVE = """
REST = "Here is all about it, at length: 0x7f. " * 20 + "THE END"

class Talks(nn.Module):
    def forward(self, x):
        raise RuntimeError("The operator is not there. " + REST)

@pytest.mark.macs_budget("1 kMACs")
@pytest.mark.modelcheck(model=Talks(), inputs=torch.ones(1))
def test_it():
    pass
"""


@pytest.mark.parametrize("verbose", [(), ("-v",), ("-vv",)], ids=["", "v", "vv"])
def test_what_others_say_at_length_is_told_in_a_sentence(project, verbose):
    out = project.tests(TALKATIVE).run(*verbose).stdout.str()
    assert "RuntimeError in its forward: The operator is not there\n" in out
    assert ("THE END" in out) == (verbose == ("-vv",))
