"""structure_snapshot: module tree and operators as text; a change reads as itself."""

import pytest

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
    assert text.splitlines()[:2] == ["format 2", "(the model): Net"]
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
            "*relu: class ReLU(inplace=False) -> GELU(approximate=none)",
            "*accept it: pytest *test_it.py::test_it --snapshot-update *",
            "FAILED test_it.py::test_it - Net structure differs: relu: class ReLU*",
        ]
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("Conv2d(3, 8, 3)", "Conv2d(3, 8, 3, bias=False)", "conv: parameter bias removed: 8"),
        ("x)).flatten(1)", "x)).add(1).flatten(1)", "(the model itself): operator add added"),
        ("x)).flatten(1)", "x)).flatten(1).sub(self.fc.weight[0])", "*operators *sub* added"),
        (
            "nn.Conv2d(3, 8, 3)",
            "nn.Conv2d(3, 8, 3, dilation=1, padding_mode='circular')",
            "conv: padding_mode *",
        ),
    ],
)
def test_a_mismatch_is_told_in_the_words_of_a_comparison(project, before, after, words):
    project.conftest(FIXTURES).tests(SUITE)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    nets = project.pytester.path / "nets.py"
    nets.write_text(nets.read_text().replace(before, after))
    result = project.run()
    result.stdout.fnmatch_lines(
        ["*assert structure of Net == structure_snapshot", f"*{words}", "*accept it: pytest *"]
    )


def test_operands_that_change_places_are_told_without_a_fingerprint(project):
    project.conftest(FIXTURES).tests(SUITE)
    nets = project.pytester.path / "nets.py"
    text = nets.read_text()
    nets.write_text(text.replace("x)).flatten(1)", "x)).flatten(1) - self.fc.weight[:1]"))
    project.run("--snapshot-update").assert_outcomes(passed=1)
    nets.write_text(
        text.replace(
            "self.relu(self.conv(x)).flatten(1)", "self.fc.weight[:1] - self.relu(self.conv(x)).flatten(1)"
        )
    )
    result = project.run()
    result.stdout.fnmatch_lines(["*(the model itself): what the operators read*changed"])


def test_the_wrong_type_is_explained(project):
    project.conftest(FIXTURES).tests("def test_it(structure_snapshot):\n    assert 3 == structure_snapshot")
    project.run().stdout.fnmatch_lines(["*structure_snapshot cannot compare a int*"])
