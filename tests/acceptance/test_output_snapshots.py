"""output_snapshot: what the model answers, in one file that a reviewer can read."""

import shutil

import pytest

from .conftest import FIXTURES

SUITE = """
def test_it(modelcheck, output_snapshot):
    assert modelcheck.outputs() == output_snapshot
"""


@pytest.fixture
def stored(project):
    """A project with its snapshot, and the file."""
    project.conftest(FIXTURES).tests(SUITE)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    return project.pytester.path / "__snapshots__" / "test_it" / "test_it.outputs.txt"


def scaled(project, factor):
    nets = project.pytester.path / "nets.py"
    nets.write_text(nets.read_text().replace(".flatten(1))", f".flatten(1)) * {factor}"))


def test_the_file_reads_well_and_a_changed_answer_fails_with_place_and_values(project, stored):
    lines = stored.read_text("utf-8").splitlines()
    assert lines[0] == "output: float32 1×4"
    assert [line.split()[0] for line in lines[1:3]] == ["mean", "largest"]
    project.run().assert_outcomes(passed=1)
    scaled(project, 1.1)
    result = project.run("--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*assert output of Net == output_snapshot",
            "*output differs (rtol 0.001, atol 1e-05)",
            "*output[[]0, ?]: * expected, * measured (* allowed); 4 of 4 differ by more than allowed",
            "*the new file: modelcheck-report*test_it.outputs.txt",
            "*accept it: pytest test_it.py::test_it --snapshot-update   (then read the lines at the top of the file)",
            "FAILED test_it.py::test_it - Net output differs: output[[]0, ?]*",
        ]
    )
    (check,) = project.record()["checks"]
    assert (check["metric"], check["outcome"], check["subject"]) == ("output_snapshot", "fail", "Net")
    (section,) = project.record()["subjects"][0]["outputs"]
    assert [one["kind"] for one in section["compared"]["shown"]] == ["scores"]


def test_what_is_within_tolerance_passes_and_is_not_written_again(project, stored):
    before = stored.read_bytes()
    scaled(project, 1.0005)
    project.run().assert_outcomes(passed=1)
    project.run("--snapshot-update").assert_outcomes(passed=1)
    assert stored.read_bytes() == before


def test_an_accepted_answer_is_written_and_told_as_accepted(project, stored):
    before = stored.read_bytes()
    scaled(project, 2)
    project.run("--snapshot-update", "--modelcheck-report").assert_outcomes(passed=1)
    assert stored.read_bytes() != before
    (check,) = project.record()["checks"]
    assert check["outcome"] == "accepted"
    assert "output[0" in check["message"]
    project.run().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("call", "factor", "passed"),
    [("(rtol=0.2)", 1.1, 1), ("(rtol=0, atol=0)", 1.0001, 0), ("(atol=10, rtol=0, name='x')", 1.1, None)],
)
def test_the_tolerance_is_given_for_one_comparison(project, call, factor, passed):
    project.conftest(FIXTURES).tests(SUITE.replace("== output_snapshot", f"== output_snapshot{call}"))
    made = project.run("--snapshot-update")
    if passed is None:  # an atol that hides all of it
        made.stdout.fnmatch_lines(["*NothingSeenError: the outputs of Net say nothing: 'output' is between*"])
        return
    scaled(project, factor)
    project.run().assert_outcomes(passed=passed, failed=1 - passed)


def test_a_tolerance_that_is_none_is_refused(project):
    values = ("-1", "True", "'1%'", "float('nan')", "float('inf')", "10**400", "1j", "torch.tensor(1)")
    asked = [
        f"def test_{i}(modelcheck, output_snapshot): output_snapshot(rtol={v})" for i, v in enumerate(values)
    ]
    project.conftest(FIXTURES).tests("\n".join(asked))
    result = project.run()
    result.assert_outcomes(failed=len(values))
    result.stdout.fnmatch_lines(
        ["*LimitError: output_snapshot: rtol=* is not a number from 0 on"] * len(values)
    )


def test_any_real_number_is_a_tolerance(project, stored):
    numbers = ("numpy.float32(0.2)", "Fraction(1, 5)", "1", "None")
    asked = [f"assert modelcheck.outputs() == output_snapshot(rtol={number}, atol=0)" for number in numbers]
    body = "\n    ".join(asked)
    head = "import numpy\nfrom fractions import Fraction\n\n"
    project.tests(f"{head}def test_it(modelcheck, output_snapshot):\n    {body}")
    project.run("--snapshot-update").assert_outcomes(passed=1)


def test_several_in_one_test_each_have_a_file_and_say_the_same_again(project):
    names = ["a b/c", "x" * 300, "[z]"]
    project.conftest(FIXTURES).tests(
        f"""
@pytest.mark.parametrize("word", {names})
def test_it(modelcheck, output_snapshot, word):
    assert modelcheck.outputs() == output_snapshot
    assert modelcheck.outputs() == output_snapshot(name="second", rtol=0.5)
"""
    )
    folder = project.pytester.path / "__snapshots__" / "test_it"
    project.run("--snapshot-update").assert_outcomes(passed=3)
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(first) == 6
    assert len(set(first.values())) == 1
    shutil.rmtree(folder)
    project.run("--snapshot-update").assert_outcomes(passed=3)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first
    project.tests("def test_another(output_snapshot): ...")
    result = project.run("--snapshot-details")
    result.stdout.fnmatch_lines(["*6 snapshots unused*", "Unused test_it*.outputs.txt*"])


@pytest.mark.parametrize("update", [[], ["--snapshot-update"]])
def test_outputs_that_say_nothing_are_an_error_whatever_is_stored(project, update):
    project.conftest(FIXTURES).tests(SUITE)
    scaled(project, 0)
    result = project.run("--modelcheck-report", *update)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*NothingSeenError: the outputs of Net say nothing: 'output' is 0 everywhere*"]
    )
    (check,) = project.record()["checks"]
    assert (check["metric"], check["outcome"]) == ("output_snapshot", "error")
    assert not (project.pytester.path / "__snapshots__").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("mean", "maen"), "*cannot be compared: *they were edited*"),
        (lambda text: text[:60], "*cannot be compared: the stored file holds no values*"),
        (lambda text: text[:-9], "*cannot be compared: the stored file is damaged*"),
    ],
)
def test_a_damaged_file_says_so(project, stored, change, words):
    stored.write_text(change(stored.read_text("utf-8")), "utf-8")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([words])
    project.run("--snapshot-update").assert_outcomes(passed=1)


def test_without_a_file_it_says_how_to_make_one(project):
    project.conftest(FIXTURES).tests(SUITE)
    project.run().stdout.fnmatch_lines(
        ["*there is no snapshot yet*", "*create it: pytest *--snapshot-update*"]
    )


def test_what_cannot_be_kept_is_told_with_the_verdict(project):
    project.conftest(FIXTURES).tests(SUITE)
    nets = project.pytester.path / "nets.py"
    text = nets.read_text().replace("return self.fc(self.relu(self.conv(x)).flatten(1))", "return RETURN")
    nets.write_text(text.replace("RETURN", "{'a': self.fc(self.conv(x).flatten(1)), 'word': 'cat'}"))
    project.run("--snapshot-update", "--modelcheck-report").assert_outcomes(passed=1)
    (check,) = project.record()["checks"]
    assert "not compared: word (str)" in check["message"]


def test_the_wrong_type_is_explained(project):
    project.conftest(FIXTURES).tests("def test_it(output_snapshot):\n    assert 3 == output_snapshot")
    project.run().stdout.fnmatch_lines(
        ["*output_snapshot cannot compare a int: write *modelcheck.outputs()*"]
    )


def test_outputs_that_are_the_same_for_any_input_are_an_error(project):
    """Only the bias of the last layer is left."""
    project.conftest(FIXTURES).tests(SUITE)
    nets = project.pytester.path / "nets.py"
    nets.write_text(nets.read_text().replace("return self.fc(", "return self.fc(0 * "))
    result = project.run("--snapshot-update")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NothingSeenError: *say nothing: they are the same for any input*"])
