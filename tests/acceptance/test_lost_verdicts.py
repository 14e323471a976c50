"""Ways to lose a verdict, and what each surface says then: the same as pytest, and never that all is well."""

from __future__ import annotations

import html
import subprocess
import sys
from typing import NamedTuple

import pytest

from pytest_modelcheck.cli import main

from ..features import ENDS_A_GROUP
from .conftest import FIXTURES, HEAD, MACS

WITHOUT_MODEL = FIXTURES.replace("return net()", 'raise RuntimeError("no weights here")')
CHECKED = f"""
@pytest.mark.macs_budget({MACS})
@pytest.mark.params_budget("1 M")
def test_checked(): ...
"""
LEAVING = """
class Leaving(Net):
    def forward(self, x):
        {way}
"""
ELSEWHERE = f"@pytest.mark.modelcheck(model=Leaving, input_size=(1, 3, 8, 8)){CHECKED}"
UNITTEST = """
import unittest

@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget({limit})
class TestIt(unittest.TestCase):
    def setUp(self):
        {before}

    {mark}
    def test_checked(self):
        {body}
"""


def unit(limit=1, before="pass", mark="", body="pass"):
    return UNITTEST.format(limit=limit, before=before, mark=mark, body=body)


FAILING_FIRST = """
@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_runtest_call(item):
    raise OSError("disk")
    yield
"""


class Way(NamedTuple):
    """A suite; pytest's exit status, the outcomes of its checks, and words that record and page have."""

    tests: str
    exit_status: int
    outcomes: list[str]
    words: str = ""
    conftest: str = FIXTURES
    options: tuple[str, ...] = ()

    def numbered(self, number: int) -> Way:
        """The same with words of its own."""
        words = f"{self.words} {number}." if self.words else ""
        tests, conftest = (
            source.replace(self.words, words) if words else source for source in (self.tests, self.conftest)
        )
        return self._replace(tests=tests, words=words, conftest=conftest)


WAYS = {
    "the fixture raises": Way(CHECKED, 1, ["error"] * 2, "no weights here", WITHOUT_MODEL),
    "another fixture raises": Way(
        CHECKED,
        1,
        ["error"] * 2,
        "OSError: disk",
        FIXTURES + "@pytest.fixture(autouse=True)\ndef data(): raise OSError('disk')",
    ),
    "the fixture exits": Way(
        CHECKED, 1, ["error"] * 2, "SystemExit", FIXTURES.replace("return net()", "raise SystemExit(3)")
    ),
    "the forward exits": Way(
        LEAVING.format(way="raise SystemExit(3)") + ELSEWHERE, 1, ["pass", "error"], "SystemExit"
    ),
    "the process dies, in a forward and in a fixture": Way(
        LEAVING.format(way="import os; os._exit(3)")
        + ELSEWHERE
        + CHECKED.replace("test_checked", "test_by_fixture"),
        1,
        ["error"] * 4,
        "died",
        FIXTURES.replace("return net()", "import os; os._exit(3)"),
        ("-n1",),
    ),
    "the file does not import": Way("import nowhere" + CHECKED, 2, [], "No module named 'nowhere'"),
    "another file does not import": Way(CHECKED, 2, ["not run"] * 2, "No module named 'nowhere'"),
    "an earlier test stops the run": Way(
        "def test_a(): assert not 'a bird'\n" + CHECKED, 1, ["not run"] * 2, "a bird", options=("-x",)
    ),
    "an earlier test exits pytest": Way(
        "def test_a(): pytest.exit('enough', 7)\n" + CHECKED, 7, ["not run"] * 2, "exit status 7"
    ),
    "an earlier test exits pytest as if all were well": Way(
        "def test_a(): pytest.exit('enough', 0)\n" + CHECKED, 1, ["not run"] * 2, "exit status 1"
    ),
    "an earlier test is interrupted": Way(
        "def test_a(): raise KeyboardInterrupt\n" + CHECKED, 2, ["not run"] * 2, "interrupted"
    ),
    "its own assertion fails": Way(CHECKED.replace("...", "assert not 'a bird'"), 1, ["pass"] * 2, "a bird"),
    "its teardown fails": Way(
        CHECKED.replace("()", "(late)"),
        1,
        ["pass"] * 2,
        "OSError: disk",
        FIXTURES + "@pytest.fixture\ndef late():\n    yield\n    raise OSError('disk')",
    ),
    "a doctest fails": Way(
        f'def net_of():\n    """\n    >>> net() is None\n    True\n    """\n{CHECKED}',
        1,
        ["pass"] * 2,
        "DocTestFailure",
        options=("--doctest-modules",),
    ),
    "a test without checks fails": Way(
        CHECKED + "def test_b(): assert not 'a bird'", 1, ["pass"] * 2, "a bird"
    ),
    "it passes and was to fail": Way(
        f"@pytest.mark.xfail(strict=True, reason='a bug')\n{CHECKED.strip()}",
        1,
        ["pass"] * 2,
        "XPASS(strict)",
    ),
    "it is expected to fail": Way(
        f"@pytest.mark.xfail(reason='a bug')\n{CHECKED.strip().replace(str(MACS), '1')}",
        0,
        ["pass", "expected"],
        "a bug",
    ),
    "a fixture says so": Way(
        CHECKED.replace(str(MACS), "1").replace("()", "(known)"),
        0,
        ["pass", "expected"],
        "a bug",
        FIXTURES
        + "@pytest.fixture\ndef known(request):"
        + " request.applymarker(pytest.mark.xfail(reason='a bug'))",
    ),
    "it is expected to fail and not run": Way(
        f"@pytest.mark.xfail(run=False, reason='a bug')\n{CHECKED.strip()}", 0, ["expected"] * 2, "a bug"
    ),
    "its fixture is expected to fail": Way(
        f"@pytest.mark.xfail(reason='a bug')\n{CHECKED.strip()}", 0, ["expected"] * 2, "a bug", WITHOUT_MODEL
    ),
    "it is skipped": Way(
        f"@pytest.mark.skip(reason='no GPU')\n{CHECKED.strip()}", 0, ["skipped"] * 2, "no GPU"
    ),
    "it is skipped and has no model": Way(
        f"@pytest.mark.skip(reason='no GPU')\n{CHECKED.strip()}", 0, ["skipped"] * 2, "no GPU", ""
    ),
    "its fixture skips": Way(
        CHECKED, 0, ["skipped"] * 2, "no GPU", FIXTURES.replace("return net()", "pytest.skip('no GPU')")
    ),
    "its model skips": Way(
        LEAVING.format(way="pytest.skip('no GPU')") + ELSEWHERE, 0, ["skipped"] * 2, "no GPU"
    ),
    "another plugin fails first": Way(
        CHECKED,
        1,
        ["error"] * 2,
        "no verdict",
        FIXTURES + FAILING_FIRST,
    ),
    "unittest skips": Way(unit(mark="@unittest.skip('no GPU')"), 0, ["skipped"], "no GPU"),
    "unittest skips before": Way(unit(before="self.skipTest('no GPU')"), 0, ["skipped"], "no GPU"),
    "unittest expects it": Way(unit(mark="@unittest.expectedFailure"), 0, ["expected"]),
    "unittest expects too much": Way(
        unit(MACS, mark="@unittest.expectedFailure"), 1, ["pass"], "Unexpected success"
    ),
    "unittest cannot begin": Way(unit(MACS, before="raise OSError('disk')"), 1, ["error"], "OSError: disk"),
    "unittest fails": Way(unit(MACS, body="self.fail('a bird')"), 1, ["pass"], "a bird"),
    "no terminal is there": Way(
        CHECKED.replace(str(MACS), "1"), 1, ["pass", "fail"], "MACs", options=("-p", "no:terminal")
    ),
    "all is well": Way(CHECKED, 0, ["pass"] * 2),
    "no test is there": Way("", 5, [], "no test ran"),
}


GREEN = {name: way for name, way in WAYS.items() if way.exit_status == 0}
RED = {name: way for name, way in WAYS.items() if way.exit_status != 0}


def shown_by_all(project, capsys, red):
    """What the page and the commands say of the record, after a look at their colour."""
    page = (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
    capsys.readouterr()
    report = str(project.pytester.path / "modelcheck-report")
    merged = f"--output={project.pytester.path / 'merged'}"
    told = {}
    for command in (["summary", report], ["compare", report, report], ["merge", report, merged]):
        assert main(command) == red, command
        told[command[0]] = capsys.readouterr().out
        assert told[command[0]].startswith(f"## {'✗' if red else '✓'} Model check"), command
    assert f'<header class="banner {"bad" if red else "good"}' in page
    return [html.unescape(shown).casefold() for shown in (page, told["summary"], told["merge"])]


@pytest.mark.parametrize("name", RED, ids=[name.replace(" ", "-") for name in RED])
def test_no_surface_says_more_than_pytest(name, project, capsys):
    way = WAYS[name]
    if way.conftest:
        project.conftest(way.conftest)
    more = {"test_more": "import nowhere"} if name == "another file does not import" else {}
    project.tests(way.tests, **more)
    apart = "-n1" in way.options or "KeyboardInterrupt" in way.tests
    result = project.run("--modelcheck-report", *way.options, subprocess=apart)
    record = project.record()
    assert result.ret == record["run"]["exit_status"] == way.exit_status
    assert [check["outcome"] for check in record["checks"]] == way.outcomes
    for shown in shown_by_all(project, capsys, red=1):
        assert way.words.casefold() in shown


def test_what_is_no_failure_is_none_on_any_surface(project, capsys):
    """All ways at once, each in a folder of its own: where one were red, all would be."""
    ways = [way.numbered(number) for number, way in enumerate(GREEN.values())]
    for number, way in enumerate(ways):
        folder = project.pytester.path / f"way{number}"
        folder.mkdir()
        (folder / f"test_{number}.py").write_text(f"{HEAD}{way.tests}")
        (folder / "conftest.py").write_text(f"{HEAD}{way.conftest}")
    result = project.run("--modelcheck-report")
    record = project.record()
    assert result.ret == record["run"]["exit_status"] == 0
    surfaces = shown_by_all(project, capsys, red=0)
    for number, (name, way) in enumerate(zip(GREEN, ways, strict=True)):
        own = [c["outcome"] for c in record["checks"] if c["nodeid"].startswith(f"way{number}/")]
        assert own == way.outcomes, name
        for shown in surfaces:
            assert way.words.casefold() in shown, name


@pytest.mark.parametrize("workers", [(), ("-n2", "--dist=loadgroup")], ids=["one process", "two workers"])
def test_what_was_not_reached_is_told(project, workers):
    """`-x` in front of checks; under xdist the workers know what they would have run, and in which group: that is no
    part of a test's name.
    """
    tests = "".join(
        f"@pytest.mark.xdist_group('{'ab'[i % 2]}')\n"
        f"@pytest.mark.macs_budget({MACS}, model=net, input_size=(1, 3, 8, 8))\ndef test_{i}(): time.sleep(0.5)\n"
        for i in range(40)
    )
    stops = "@pytest.mark.xdist_group('a')\ndef test_0_stops(): assert False\n"
    project.tests(f"import time\n{stops}{tests}")
    result = project.run("--modelcheck-report", "-x", *workers, subprocess=bool(workers))
    record = project.record()
    outcomes = [check["outcome"] for check in record["checks"]]
    assert {check["nodeid"] for check in record["checks"]} == {f"test_it.py::test_{i}" for i in range(40)}
    assert [failure["nodeid"] for failure in record["failures"]] == ["test_it.py::test_0_stops"]
    assert len(outcomes) == 40
    least = 40 if not workers else 20 if ENDS_A_GROUP else 21
    assert outcomes.count("not run") >= least
    result.stdout.fnmatch_lines(["40 checks: * not run*"])


def test_a_failure_lies_in_the_users_code(project):
    """Where a fixture raises, and the test where ours fail: no place and no frame of this package's."""
    hook = "def pytest_runtest_call(item):\n    if item.name == 'test_hook': raise OSError('of a hook')"
    project.conftest(WITHOUT_MODEL + hook)
    marker = "@pytest.mark.macs_budget(1, model=net, input_size=(1, 3, 8, 8))"
    project.tests(
        f"{CHECKED}{marker}\ndef test_it(): ...\n{marker.replace('1', '10**6', 1)}\ndef test_hook(): ..."
    )
    out = project.run("--modelcheck-report").stdout.str()
    assert "pytest_modelcheck" not in out.replace("modelcheck-report", "")
    places = {failure["nodeid"]: failure["where"] for failure in project.record()["failures"]}
    assert places["test_it.py::test_checked"] == "conftest.py:6"
    assert places["test_it.py::test_it"] == "test_it.py:8"
    assert places["test_it.py::test_hook"].startswith("conftest.py:")


def test_expected_failures_are_no_errors_for_github(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.pytester.path / "summary.md"))
    way = WAYS["it is expected to fail"]
    result = project.conftest(way.conftest).tests(way.tests).run()
    assert result.ret == 0
    assert "::error" not in result.stdout.str()
    assert (project.pytester.path / "summary.md").read_text("utf-8").startswith("## ✓ Model check: 2 checks")


def test_a_lost_verdict_is_an_annotation(project, monkeypatch):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    out = project.conftest(WITHOUT_MODEL).tests(CHECKED).run().stdout.str()
    found = [line for line in out.splitlines() if line.startswith("::error")]
    assert len(found) == 2
    assert all("no weights here" in line for line in found)


def test_deselected_and_collected_only_tests_leave_no_entry(project):
    project.conftest(FIXTURES).tests(CHECKED + "def test_other(): ...")
    project.run("--modelcheck-report", "-k", "other")
    assert project.record()["checks"] == []
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--co", "--modelcheck-report", "--modelcheck-output=co"],
        cwd=project.pytester.path,
        check=True,
        capture_output=True,
    )
    assert not (project.pytester.path / "co").exists()


def test_reruns_of_a_test_count_once(project):
    """As pytest-rerunfailures does it: the phases of a test again, the last attempt counts."""
    project.conftest(
        FIXTURES.replace('scope="session"', "")
        + """
from _pytest.runner import runtestprotocol
tries = []

@pytest.fixture(autouse=True)
def flaky():
    tries.append(1)
    if len(tries) == 1: raise OSError("the first time")

def pytest_runtest_protocol(item, nextitem):
    for reports in (runtestprotocol(item, nextitem=nextitem, log=False) for _ in range(2)):
        if all(report.passed for report in reports): break
    for report in reports: item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
    )
    project.tests(CHECKED)
    assert project.run("--modelcheck-report").ret == 0
    record = project.record()
    assert [check["outcome"] for check in record["checks"]] == ["pass", "pass"]
    assert record["failures"] == []


@pytest.mark.parametrize("option", ["--setup-only", "--setup-plan"])
def test_what_pytest_only_sets_up_leaves_no_entry(project, option):
    result = project.conftest(FIXTURES).tests(CHECKED).run("--modelcheck-report", option)
    assert result.ret == 0
    assert not (project.pytester.path / "modelcheck-report").exists()
