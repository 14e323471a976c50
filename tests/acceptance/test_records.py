"""Records across releases and runs: what a run writes, reads, and is compared by."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from pytest_modelcheck.checks.complexity import metrics
from pytest_modelcheck.verdict.metric import Definition

from .conftest import FIXTURES, MACS

ROOT = Path(__file__).parents[2]
PLAIN = ROOT / "tests/base/data/first_release.json"
STRIDED = 4 * 27 * 9 + 8  # MACs of its 8x8 subject, by hand


def test_a_run_writes_a_valid_report(project):
    project.conftest(FIXTURES).tests("""
@pytest.mark.macs_budget("1 MMACs", max_regression="2%")
@pytest.mark.latency_budget("10 s")
@pytest.mark.peak_memory_budget("1 MB")
@pytest.mark.operator_budget("aten::*", 100)
@pytest.mark.invariance_budget("rotation", min_probability=0, values=[0, 90])
def test_it(modelcheck):
    modelcheck.structure(autograd=True), modelcheck.deconvnet(target=1), modelcheck.weights(against=net())
    modelcheck.faithfulness(modelcheck.gradcam(), steps=2)
    modelcheck.show("mine", "text")
""")
    project.run("--modelcheck-report").assert_outcomes(passed=1)
    schema = json.loads((ROOT / "docs/report.schema.json").read_text("utf-8"))
    jsonschema.validate(project.record(), schema)


def test_it_is_a_base_for_a_run_of_today(project):
    """A test of which the old report knows neither the marker's place nor what it says of its subject."""
    shutil.copy(PLAIN, project.pytester.path / "kept.json")
    project.pytester.makepyfile(
        test_net="""
import pytest
from nets import Net

@pytest.mark.modelcheck(model=Net, input_size=(1, 3, 8, 8))
class TestNet:
    @pytest.mark.macs_budget(max_regression="2%")
    @pytest.mark.params_budget(max_regression="2%")
    def test_cost(self): ...
"""
    )
    project.run("--modelcheck-base-report=kept.json", "--modelcheck-report").assert_outcomes(failed=1)
    checks = {c["metric"]: c for c in project.record()["checks"]}
    assert (checks["macs"]["base"], checks["macs"]["outcome"]) == (STRIDED, "fail")
    assert (checks["params"]["base"], checks["params"]["outcome"]) == (122, "fail")


RELATIVE = """
@pytest.mark.macs_budget(max_regression="2%", model=net, input_size=(1, 3, 8, 8))
@pytest.mark.params_budget(max_regression="2%", model=net, input_size=(1, 3, 8, 8))
def test_it(): ...
"""


def test_figures_of_another_definition_are_not_compared(project, monkeypatch):
    """Kept by this release; then MACs are counted in another way."""
    project.tests(RELATIVE).run("--modelcheck-report", "--modelcheck-output=kept")
    monkeypatch.setitem(vars(metrics.MACS), "definition", Definition(2, "0.2"))
    result = project.run("--modelcheck-base-report=kept", "--modelcheck-report")
    result.assert_outcomes(passed=1)
    checks = {check["metric"]: check for check in project.record()["checks"]}
    assert (checks["macs"]["outcome"], checks["macs"]["definition"]) == ("not gated", 2)
    assert checks["macs"]["reason"] == "counted differently since 0.2: not compared"
    assert checks["params"]["outcome"] == "pass"
    (subject,) = project.record()["changes"]["subjects"]
    rows = {row["metric"]: row for row in subject["metrics"]}
    assert (rows["macs"]["base"], rows["macs"]["head"]) == (None, MACS)
    assert rows["macs"]["note"] == "counted differently since 0.2: not compared"
    assert subject["status"] == "unchanged"


TEXT = """
def test_it(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot
"""
MAP = """
def test_it(modelcheck, heatmap_snapshot):
    assert modelcheck.gradcam(target=1) == heatmap_snapshot
"""


@pytest.mark.parametrize(
    ("test", "place"),
    [
        (TEXT, "pytest_modelcheck.snapshots.complexity.ComplexityExtension.format"),
        (MAP, "pytest_modelcheck.snapshots.png.FORMAT"),
    ],
    ids=["text", "heatmap"],
)
def test_a_snapshot_of_another_format_says_so_and_is_taken_anew(project, monkeypatch, test, place):
    project.conftest(FIXTURES).tests(test)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)
    monkeypatch.setattr(place, 2)
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*format changed (1 stored, 2 now): --snapshot-update*"])
    project.run("--snapshot-update").assert_outcomes(passed=1)
    project.run().assert_outcomes(passed=1)


def test_subjects_of_one_name_are_told_apart_by_what_differs(project):
    project.tests("""
SIZES = [(1, 3, 8, 8), (2, 3, 8, 8)]

@pytest.mark.parametrize("n", [pytest.param(0, marks=pytest.mark.modelcheck(model=net, input_size=SIZES[0])),
                               pytest.param(1, marks=pytest.mark.modelcheck(model=net, input_size=SIZES[1]))])
@pytest.mark.macs_budget(10**6)
def test_it(n): ...
""")
    project.run("--modelcheck-report").assert_outcomes(passed=2)
    names = ["net (1x3x8x8)", "net (2x3x8x8)"]
    assert [subject["name"] for subject in project.record()["subjects"]] == names
    assert [check["subject"] for check in project.record()["checks"]] == names


def test_two_subjects_of_one_name_in_one_test_are_not_mixed_up(project):
    project.tests("""
@pytest.mark.macs_budget(10**6, model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget(10**6, model=net, input_size=(2, 3, 8, 8))
def test_it(): ...
""")
    project.run("--modelcheck-report", "--modelcheck-output=kept").assert_outcomes(passed=1)
    told = {(c["subject"], c["value"]) for c in project.record("kept")["checks"]}
    assert told == {("net (1x3x8x8)", MACS), ("net (2x3x8x8)", 2 * MACS)}


def test_each_of_them_is_held_to_its_own_figure_of_the_base(project):
    """They are told apart by what the test says of each: not by a name, nor by their order."""
    markers = [f"@pytest.mark.macs_budget({{}}, model=net, input_size=({n}, 3, 8, 8))" for n in (1, 2)]
    project.tests("\n".join([*(one.format("10**6") for one in markers), "def test_it(): ..."]))
    project.run("--modelcheck-report", "--modelcheck-output=kept")
    swapped = [one.format('max_regression="0%"') for one in reversed(markers)]
    project.tests("\n".join([*swapped, "def test_it(): ..."]))
    project.run("--modelcheck-base-report=kept", "--modelcheck-report").assert_outcomes(passed=1)
    assert sorted(check["base"] for check in project.record()["checks"]) == [MACS, 2 * MACS]


@pytest.mark.parametrize(
    "marker", ["onnx_export(opset=18, {})", 'invariance_budget("rotation", min_probability=0, {})']
)
def test_every_marker_takes_a_reason(project, marker):
    marker = marker.format('reason="as agreed"')
    project.tests(f"@pytest.mark.{marker}\ndef test_it(): ...").run().stdout.fnmatch_lines(
        ["*no model to check*"]
    )


def test_a_reason_that_is_no_text_is_refused(project):
    result = project.tests("@pytest.mark.macs_budget(1, reason=3, model=net)\ndef test_it(): ...").run()
    assert result.ret == 2
    result.stdout.fnmatch_lines(["*macs_budget: reason=3 is not a text*"])
