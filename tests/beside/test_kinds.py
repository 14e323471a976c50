"""What a plugin is for, done to tests with checks: attempts, interrupts, asynchronous tests, patches, parts."""

from __future__ import annotations

import html
import re
from importlib.metadata import version

import pytest

from pytest_modelcheck.cli import main

HEAD = "import pytest, torch\nfrom torch import nn\nfrom nets import Net\n"
NET = "model=Net, input_size=(1, 3, 8, 8)"


def outcomes(record):
    return [(check["nodeid"].rpartition("::")[2], check["outcome"]) for check in record["checks"]]


ATTEMPTS = """
widths = iter([9, 2, 9, 9])
def narrower():
    return nn.Linear(4, next(widths), bias=False)

@pytest.mark.params_budget(8, model=narrower, input_size=(1, 4))
def test_gets_better(): ...

@pytest.mark.params_budget(8, model=narrower, input_size=(1, 4))
def test_stays_bad(): ...

tries = iter([1, 0])
@pytest.mark.params_budget(2_000, model=Net, input_size=(1, 3, 8, 8))
def test_otherwise(modelcheck):
    modelcheck.show("mine", "text")
    assert not next(tries)
"""


@pytest.mark.parametrize("options", ["-p rerunfailures --reruns=1", "-p flaky --force-flaky"])
def test_the_last_attempt_counts(options, project):
    """It is measured anew, and nothing of those before is left."""
    project.pytester.makepyfile(test_it=HEAD + ATTEMPTS)
    result = project.run(*options.split(), "--modelcheck-report", "--junitxml=junit.xml")
    result.assert_outcomes(passed=2, failed=1)
    record = project.record()
    assert [
        (*told, check["value"]) for told, check in zip(outcomes(record), record["checks"], strict=True)
    ] == [
        ("test_gets_better", "pass", 8),
        ("test_otherwise", "pass", 1380),
        ("test_stays_bad", "fail", 36),
    ]
    assert [subject["type"] for subject in record["subjects"] if "structure" in subject] == [
        "Linear",
        "Net",
        "Linear",
    ]
    assert len(record["panels"]) == 1
    assert len(record["failures"]) == 1
    properties = re.findall("modelcheck.params", (project.pytester.path / "junit.xml").read_text())
    # of each attempt that is reported to its end: junit writes them with a teardown
    cut_short = "rerunfailures" in options and version("pytest-rerunfailures") == "14.0"
    assert len(properties) == (3 if cut_short else 6)


def test_the_page_of_html(project):
    project.pytester.makepyfile(test_it=f"{HEAD}@pytest.mark.params_budget(9, {NET})\ndef test(): ...")
    options = "-p metadata -p html -p html_fixtures --html=page.html"
    assert project.run(*options.split()).ret == 1
    page = html.unescape((project.pytester.path / "page.html").read_text())
    assert "Net: parameters" in page
    assert "max 9" in page


ENDLESS = """
import time, numpy
class Endless(Net):
    def forward(self, x):
        time.sleep(60)
endless = Endless().train()

@pytest.mark.timeout(2)
@pytest.mark.macs_budget("1 MMACs", model=endless, input_size=(1, 3, 8, 8))
@pytest.mark.latency_budget("80 s", model=endless, input_size=(1, 3, 8, 8))
def test_endless(): ...

@pytest.mark.latency_budget("10 s", model=Net, input_size=(1, 3, 8, 8))
def test_other():
    assert endless.training
    assert torch.is_grad_enabled()
"""


def test_an_interrupted_check_is_no_pass(project):
    project.pytester.makepyfile(test_it=HEAD + ENDLESS)
    result = project.run("-p", "timeout", "--modelcheck-report", "--timeout=100")
    result.assert_outcomes(passed=1, failed=1)
    record = project.record()
    assert {told for told in outcomes(record) if told[0] == "test_endless"} == {("test_endless", "error")}
    assert [check["outcome"] for check in record["checks"] if check["nodeid"].endswith("other")] == ["pass"]


def test_a_process_that_a_timeout_ends_leaves_no_report(project):
    """And none of before, which would be taken for its own."""
    project.pytester.makepyfile(test_it=HEAD + ENDLESS)
    (project.pytester.path / "modelcheck-report").mkdir()
    project.run("-k", "other", "--modelcheck-report")
    result = project.run("-p", "timeout", "--timeout-method=thread", "--modelcheck-report", subprocess=True)
    assert result.ret == 1
    assert not (project.pytester.path / "modelcheck-report/report.json").exists()


ASYNC = """
import asyncio
{head}
@pytest.mark.macs_budget(8928)
@pytest.mark.params_budget(9)
{mark}async def test_fails(model):
    await asyncio.sleep(0)

@pytest.mark.macs_budget(8928)
{mark}async def test_passes(modelcheck):
    await asyncio.sleep(0)
    assert modelcheck.complexity().macs == 8928

@pytest.mark.macs_budget(8928)
{mark}async def test_own(model):
    await asyncio.sleep(0)
    assert 0
"""
AUTO = "@pytest.fixture\nasync def model():\n    await asyncio.sleep(0)\n    return Net()\n"
AUTO += "@pytest.fixture\nasync def example_inputs():\n    yield torch.ones(1, 3, 8, 8)\n"
STRICT = AUTO.replace("pytest.fixture", "pytest_asyncio.fixture")
KINDS_OF_ASYNC = {
    "auto": ("-p asyncio -o asyncio_mode=auto", AUTO, ""),
    "strict": ("-p asyncio", "import pytest_asyncio\n" + STRICT, "@pytest.mark.asyncio\n"),
    "shared": (
        "-p asyncio",
        "import pytest_asyncio\n"
        + STRICT.replace("fixture", "fixture(scope='session', loop_scope='session')"),
        "@pytest.mark.asyncio(loop_scope='session')\n",
    ),
    "anyio": (
        "-p anyio",
        AUTO + "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n",
        "@pytest.mark.anyio\n",
    ),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestDeprecationWarning")
@pytest.mark.parametrize("kind", KINDS_OF_ASYNC)
def test_asynchronous(kind, project):
    options, head, mark = KINDS_OF_ASYNC[kind]
    project.pytester.makepyfile(test_it=HEAD + ASYNC.format(head=head, mark=mark))
    result = project.run(*options.split(), "--modelcheck-report")
    result.assert_outcomes(passed=1, failed=2)
    record = project.record()
    assert outcomes(record) == [
        ("test_fails", "pass"),
        ("test_fails", "fail"),
        ("test_own", "pass"),
        ("test_passes", "pass"),
    ] or outcomes(record)[:2] == [("test_fails", "fail"), ("test_fails", "pass")]
    assert "coroutine" not in result.stdout.str()


COMPILED = f"""
@pytest.mark.compile_budget(graph_breaks=0, graphs=1, recompiles=0, {NET})
@pytest.mark.macs_budget(8928, {NET})
@pytest.mark.operator_budget("aten::convolution", 1, {NET})
@pytest.mark.drift_budget("1%", against="compile", {NET})
def test(): ...
"""


def test_coverage_changes_no_count(project):
    """Although it traces each line, the compiler's too; and it sees the model's lines, all but a function of two."""
    project.pytester.makepyfile(test_it=HEAD + COMPILED)
    result = project.run("-p", "pytest_cov", "--cov=nets", "--cov-branch")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["nets.py * 2 * 85%"])


PATCHED = """
def smaller(self, x):
    return self.fc(self.conv(x).flatten(1) * 0)

@pytest.fixture
def patched(model, mocker):
    mocker.patch.object(Net, "forward", lambda self, x: self.conv(x))
    return model

@pytest.fixture(scope="session")
def model(): return Net()
@pytest.fixture(scope="session")
def example_inputs(): return torch.ones(1, 3, 8, 8)

@pytest.mark.macs_budget(7776, model="{first}")
def test_a(modelcheck, mocker, model):
    assert modelcheck.complexity().macs == {macs}

@pytest.mark.macs_budget(8928, model="{second}")
def test_b(modelcheck, mocker, model):
    spy = mocker.spy(model, "forward")
    assert modelcheck.complexity().macs == 8928
    assert modelcheck.latency(cap=1).median.value > 0
    mocker.stopall()
    assert "forward" not in vars(model)
"""


def test_a_patched_model_is_another_one(project):
    """And the same one again afterwards, although figures are shared between tests."""
    source = HEAD + PATCHED
    project.pytester.makepyfile(
        test_one=source.format(first="patched", second="model", macs=7776),
        test_two=source.format(first="patched", second="model", macs=7776).replace("test_a", "test_z"),
    )
    result = project.run("-p", "pytest_mock", "--modelcheck-report")
    result.assert_outcomes(passed=4)


SUBTESTS = """
@pytest.mark.params_budget(9, level="warn")
def test_it(modelcheck, subtests, heatmap_snapshot):
    for limit in (9_000, 1, 10_000):
        with subtests.test(limit=limit):
            modelcheck.show(f"mine {limit}", "text")
            modelcheck.gradcam(target=1, layer="conv")
            assert modelcheck.complexity().macs < limit
"""
MODEL = """
@pytest.fixture
def model(): return Net()
@pytest.fixture
def example_inputs(): return torch.linspace(0, 1, 192).reshape(1, 3, 8, 8)
"""


def test_subtests(project):
    project.pytester.makepyfile(test_it=HEAD + MODEL + SUBTESTS)
    assert project.run("-p", "subtests", "--modelcheck-report").ret == 1
    record = project.record()
    assert outcomes(record) == [("test_it", "fail")]
    assert [panel["title"] for panel in record["panels"]] == ["mine 9000", "mine 1", "mine 10000"]
    assert [subject["complexity"]["macs"] for subject in record["subjects"]] == [8928]


def test_repeated(suite):
    """Each time is a test of its own, with the verdict that it has alone."""
    suite.run("-p", "repeat", "--count=2", "--modelcheck-report", "-k", "not snapshots")
    seen = [
        (re.sub(r"-?\d-2\]|\[1-2\]|\[2-2\]", "", c["nodeid"]), c["value"], c["outcome"])
        for c in suite.told()["checks"]
    ]
    alone = [(c["nodeid"].rstrip("]"), c["value"], c["outcome"]) for c in suite.alone["checks"]]
    alone = [one for one in alone if not one[0].endswith("snapshots")]
    assert sorted(map(str, seen)) == sorted(map(str, alone * 2))


def test_parts_of_a_suite_make_one_report(suite, capsys):
    for group in (1, 2):
        suite.run(
            *f"-p pytest-split --splits=2 --group={group} --modelcheck-report --modelcheck-output=r{group}".split()
        )
    first, second = suite.told("r1"), suite.told("r2")
    assert first["checks"]
    assert second["checks"]
    assert (
        main(["merge", *(str(suite.path / f"r{n}") for n in (1, 2)), f"--output={suite.path / 'all'}"]) == 1
    )
    merged = suite.told("all")
    assert merged["checks"] == suite.alone["checks"]
    assert merged["run"]["tests"] == suite.alone["run"]["tests"]
