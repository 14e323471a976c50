"""complexity_snapshot: per-module text, exact by default, with a tolerance on request."""

import pytest

from .conftest import ACTIVATIONS, FIXTURES, MACS, PARAMS

SUITE = """
def test_it(modelcheck, complexity_snapshot):
    assert modelcheck.complexity() == complexity_snapshot
"""
TOLERANT = SUITE.replace("== complexity_snapshot", "== complexity_snapshot(tolerance={tolerance!r})")
WORKERS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])


@pytest.fixture
def stored(project):
    return project.pytester.path / "__snapshots__" / "test_it" / "test_it.complexity.txt"


def prepare(project, suite=SUITE):
    project.conftest(FIXTURES).tests(suite)
    project.run("--snapshot-update").assert_outcomes(passed=1)


def widen(project, channels):
    """Another first layer: 8 channels were stored."""
    nets = project.pytester.path / "nets.py"
    nets.write_text(
        nets.read_text().replace("(3, 8, 3)", f"(3, {channels}, 3)").replace("(8 *", f"({channels} *")
    )


@WORKERS
def test_the_file_reads_well(project, stored, workers):
    project.conftest(FIXTURES).tests(SUITE)
    result = project.run(*workers)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*does not exist!*", "*create it: *--snapshot-update*"])
    project.run("--snapshot-update", *workers).assert_outcomes(passed=1)
    lines = stored.read_text().splitlines()
    assert lines[0] == "forward, counted on meta tensors"
    rows = [line.split(None, 5) for line in lines[3:]]
    assert lines[2].split() == ["MACs", "params", "activations", "memory", "access", "output", "module"]
    moved = [4 * (192 + 224 + 288), 4 * (288 + 288), 4 * (288 + 1156 + 4)]  # bytes read and written, by hand
    assert [tuple(row) for row in rows] == [
        (f"{MACS:,}", f"{PARAMS:,}", f"{ACTIVATIONS:,}", f"{sum(moved):,}", "-", "(total)"),
        ("7,776", "224", "288", f"{moved[0]:,}", "1x8x6x6", "conv (Conv2d)"),
        ("0", "0", "0", f"{moved[1]:,}", "1x8x6x6", "relu (ReLU)"),
        ("1,152", "1,156", "4", f"{moved[2]:,}", "1x4", "fc (Linear)"),
    ]
    project.run(*workers).assert_outcomes(passed=1)


def test_a_change_names_the_modules_that_changed_and_their_figures(project):
    prepare(project)
    widen(project, 9)
    result = project.run(subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert complexity of Net == complexity_snapshot",
            "*(total): +1.116 kMACs (8,928 -> 10,044), +172 parameters *",
            "*conv (Conv2d): +972 MACs (7,776 -> 8,748), +28 parameters (224 -> 252), output 1x8x6x6 -> 1x9x6x6",
            "*accept it: pytest *test_it.py::test_it --snapshot-update *",
            "FAILED test_it.py::test_it - Net complexity differs: conv (Conv2d): +972 *",
        ]
    )


def test_a_tolerance_forgives_numbers_but_no_module(project, stored):
    prepare(project)
    text = stored.read_text()
    stored.write_text(text.replace(" 7,776 ", " 7,700 "))
    project.run().assert_outcomes(failed=1)
    project.tests(TOLERANT.format(tolerance="1%")).run().assert_outcomes(passed=1)
    project.tests(TOLERANT.format(tolerance=0.009)).run().assert_outcomes(failed=1)
    stored.write_text(text.replace("relu (ReLU)", "act (ReLU)"))
    result = project.tests(TOLERANT.format(tolerance="50%")).run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*differs by more than 50 %*", "*relu (ReLU): *, new", "*act (ReLU): *, gone"]
    )


def test_an_update_within_the_tolerance_leaves_the_file_alone(project, stored):
    prepare(project, TOLERANT.format(tolerance="1%"))
    stored.write_text(stored.read_text().replace(" 7,776 ", " 7,700 "))
    before = stored.read_text()
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert stored.read_text() == before


@pytest.mark.parametrize(
    ("assertion", "words"),
    [
        ("assert modelcheck.complexity() == complexity_snapshot(tolerance='1 px')", "tolerance: '1 px'"),
        ("assert modelcheck.complexity() == complexity_snapshot(tolerance='1')", "'1' has no unit"),
        ("assert 3 == complexity_snapshot", "complexity_snapshot cannot compare a int"),
    ],
)
def test_mistakes_are_explained(project, assertion, words):
    project.conftest(FIXTURES).tests(f"def test_it(modelcheck, complexity_snapshot):\n    {assertion}")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"*{words}*"])


def test_both_kinds_of_snapshot_in_one_test_and_unused_ones_found(project, stored):
    both = """
def test_it(modelcheck, complexity_snapshot, heatmap_snapshot):
    assert modelcheck.complexity() == complexity_snapshot
    assert modelcheck.gradcam(target=1, layer="relu") == heatmap_snapshot
"""
    prepare(project, both)
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*2 snapshots passed*"])
    project.tests("def test_it(modelcheck, complexity_snapshot):\n    pass")
    assert project.run().ret == 1
    project.run("--snapshot-update")
    assert not stored.exists()


@WORKERS
def test_the_comparison_is_in_the_record(project, stored, workers):
    prepare(project)
    stored.write_text(stored.read_text().replace(" 7,776 ", " 7,700 "))
    project.run("--modelcheck-report", *workers)
    (check,) = project.record()["checks"]
    assert (check["metric"], check["outcome"], check["subject"]) == ("complexity_snapshot", "fail", "Net")
    assert "conv (Conv2d)" in check["message"]


UNSEEN = {
    "works outside of torch": (
        "forward",
        "return torch.from_numpy(x.numpy() * 2)",
        "saw no operator that counts",
    ),
    "runs on another thread": (
        "training_step",
        """
        found = []
        thread = threading.Thread(target=lambda: found.append(self.layer(x)))
        thread.start()
        thread.join()
        return found[0]""",
        "'layer' ran on another thread",
    ),
}


@pytest.mark.parametrize(("phase", "body", "words"), UNSEEN.values(), ids=UNSEEN)
def test_a_count_that_saw_nothing_is_no_evidence(project, phase, body, words):
    project.tests(
        f"""
import threading
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
    def forward(self, x):
        {body}
def test_it(modelcheck, complexity_snapshot):
    check = modelcheck(Net(), inputs=torch.ones(1, 2))
    assert check.complexity(phase="{phase}") == complexity_snapshot
"""
    )
    for options in (["--snapshot-update"], []):
        result = project.run(*options, "--modelcheck-report")
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"*{words}*"])
        assert project.record()["checks"][0]["outcome"] == "error"
    assert not (project.pytester.path / "__snapshots__").exists()
