"""structure_snapshot: module tree and operators as text; a change reads as itself."""

from .conftest import FIXTURES

SUITE = """
def test_it(modelcheck, structure_snapshot):
    assert modelcheck.structure() == structure_snapshot
"""


def test_the_file_reads_well_and_a_changed_attribute_shows(project):
    project.conftest(FIXTURES).tests(SUITE)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    stored = project.pytester.path / "__snapshots__" / "test_it" / "test_it.structure.txt"
    text = stored.read_text("utf-8")
    assert text.splitlines()[0] == "(the model): Net"
    assert "  . flatten(start_dim=1, end_dim=-1) -> 1×288" in text
    assert "groups=1" in text
    assert "weight 8×3×3×3" in text
    project.run().assert_outcomes(passed=1)
    nets = project.pytester.path / "nets.py"
    nets.write_text(nets.read_text().replace("nn.ReLU()", "nn.GELU()"))
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert structure of Net == structure_snapshot",
            "*relu: class ReLU(inplace=False) -> GELU(approximate=none), operator relu removed, operator gelu added",
            "*accept it: pytest *test_it.py::test_it --snapshot-update *",
            "FAILED test_it.py::test_it - Net structure differs: relu: class ReLU*",
        ]
    )


def test_the_wrong_type_is_explained(project):
    project.conftest(FIXTURES).tests("def test_it(structure_snapshot):\n    assert 3 == structure_snapshot")
    project.run().stdout.fnmatch_lines(["*structure_snapshot cannot compare a int*"])
