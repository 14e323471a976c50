"""`--modelcheck-only`, `--modelcheck-off`: what was left out is skipped, and said."""

from __future__ import annotations

import pytest

from .conftest import FIXTURES

SUITE = """
@pytest.mark.macs_budget("1 MMACs")
@pytest.mark.params_budget(10)
@pytest.mark.latency_budget("1 ns")
def test_marked(): ...

def test_structure(modelcheck, structure_snapshot):
    assert modelcheck.structure() == structure_snapshot

def test_complexity(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot

def test_outputs(modelcheck, output_snapshot):
    assert modelcheck.outputs() == output_snapshot

def test_body(modelcheck):
    assert modelcheck.complexity().macs
"""
ALL = {"macs", "params", "latency"}


def outcomes(project):
    return {check["metric"]: check["outcome"] for check in project.record()["checks"]}


@pytest.mark.parametrize(
    ("only", "run"),
    [
        ("macs", {"macs"}),
        ("macs_budget", {"macs"}),
        ("latency,params_budget", {"latency", "params"}),
        ("complexity", {"macs", "params"}),
        ("weights", set()),
    ],
)
def test_markers_that_are_not_named_are_skipped_and_said(project, only, run):
    project.tests(FIXTURES + SUITE)
    result = project.run(f"--modelcheck-only={only}", "--modelcheck-report", "-k", "marked")
    seen = outcomes(project)
    assert {metric for metric, outcome in seen.items() if outcome != "skipped"} == run
    assert set(seen) == ALL
    assert result.ret == bool(run - {"macs"})
    result.stdout.fnmatch_lines([f"*{len(ALL - run)} skipped*"])
    assert f"left out by --modelcheck-only={only}" in str(project.record()["checks"])


def test_under_xdist_too(project):
    project.tests(FIXTURES + SUITE)
    project.run("--modelcheck-only=macs", "--modelcheck-report", "-k", "marked", "-n1", subprocess=True)
    assert outcomes(project) == {"macs": "pass", "params": "skipped", "latency": "skipped"}


@pytest.mark.parametrize(
    ("option", "passed", "skipped"),
    [
        (
            "--modelcheck-only=structure",
            ["test_structure", "test_marked", "test_body"],
            ["test_complexity", "test_outputs"],
        ),
        (
            "--modelcheck-only=complexity_snapshot",
            ["test_marked", "test_complexity"],
            ["test_structure", "test_outputs"],
        ),
        ("--modelcheck-only=outputs", ["test_marked", "test_outputs"], ["test_structure", "test_complexity"]),
        (
            "--modelcheck-off",
            ["test_marked"],
            ["test_structure", "test_complexity", "test_outputs", "test_body"],
        ),
    ],
)
def test_tests_whose_snapshot_is_left_out_are_skipped(project, option, passed, skipped):
    project.tests(FIXTURES + SUITE.replace("@pytest.mark.params_budget(10)", ""))
    project.run("--modelcheck-only=macs,structure,complexity,outputs", "--snapshot-update")
    result = project.run(option, "-rA")
    result.stdout.fnmatch_lines_random([f"PASSED*::{name}" for name in passed])
    result.stdout.fnmatch_lines_random(["SKIPPED* is left out by --modelcheck-*"])
    result.assert_outcomes(passed=5 - len(skipped), skipped=len(skipped))
    assert "unused" not in result.stdout.str()


def test_a_model_is_not_made_where_nothing_runs(project):
    project.tests(SUITE).conftest("@pytest.fixture\ndef model(): raise AssertionError\n")
    project.run("--modelcheck-off", "-k", "marked").assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["flop", "latency,,macs", ""])
def test_a_name_that_no_check_has_is_a_wrong_option(project, name):
    project.tests("def test(): ...")
    result = project.run(f"--modelcheck-only={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    if name == "flop":
        result.stderr.fnmatch_lines(["*--modelcheck-only: check='flop' is not one of *did you mean 'flops'*"])


@pytest.mark.parametrize("there", [False, True], ids=["new", "the user's"])
def test_a_folder_that_we_made_tells_git_to_ignore_it(project, there):
    folder = project.pytester.path / "modelcheck-report"
    if there:
        folder.mkdir()
    project.tests(FIXTURES + SUITE)
    for _ in range(2):
        project.run("--modelcheck-only=macs", "--modelcheck-report", "-k", "marked")
        assert (folder / ".gitignore").is_file() is not there
    if not there:
        assert (folder / ".gitignore").read_text().splitlines()[-1] == "*"
