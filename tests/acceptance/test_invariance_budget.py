"""invariance_budget as a user writes it."""

import pytest

from .conftest import FIXTURES


def test_both_limits_are_judged_and_drawn(project):
    project.conftest(FIXTURES).tests("""
@pytest.mark.invariance_budget("rotation", min_probability=0.0, max_feature_shift=0.01, target={0, 1})
def test_it(): ...
""")
    result = project.run("--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*1 of 2 checks failed*", "*met at rotation*"])
    record = project.record()
    assert {c["metric"]: c["outcome"] for c in record["checks"]} == {
        "invariance_probability": "pass",
        "invariance_feature_shift": "fail",
    }
    (curves,) = record["subjects"][0]["invariance"]
    assert len(curves["values"]) == 25
    page = (project.pytester.path / "modelcheck-report" / "index.html").read_text("utf-8")
    assert "rotation, degrees" in page
    assert "<polyline" in page


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ('"rotation"', "no limit; give min_probability= or max_feature_shift="),
        ("min_probability=0.5", "give transform once"),
        (
            '"shear", min_probability=0.5',
            "transform='shear' is not one of 'translation', 'scale', 'rotation'",
        ),
        ('"scale", min_probability=-1', "a limit cannot be negative"),
        ('"scale", min_probabilty=1', "did you mean 'min_probability'"),
    ],
)
def test_mistakes_are_errors_at_collection(project, marker, words):
    project.conftest(FIXTURES).tests(f"@pytest.mark.invariance_budget({marker})\ndef test_it(): ...")
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*test_it.py:4: invariance_budget*{words}*"])


def test_the_marker_is_documented(project):
    project.tests("").run("--markers").stdout.fnmatch_lines(
        ["*invariance_budget(transform, *min_probability=None, max_feature_shift=None*"]
    )
