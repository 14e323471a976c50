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
    assert all(f">{degrees}</text>" in page for degrees in range(0, 361, 60))
    assert "Probability: softmax of the output." in page
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
        (
            '"scale", min_probability=1, probability="softmx"',
            "'softmx' is not one of *did you mean 'softmax'",
        ),
        ('"scale", min_probability=1, probability=1', "probability=1 is not one of 'softmax', 'sigmoid'"),
        ('"scale", min_probability=1, image=-1', "image=-1 is neither"),
        ('"scale", min_probability=1, image=True', "image=True is neither"),
    ],
)
def test_mistakes_are_errors_at_collection(project, marker, words):
    project.conftest(FIXTURES).tests(f"@pytest.mark.invariance_budget({marker})\ndef test_it(): ...")
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*test_it.py:4: invariance_budget*{words}*"])


def test_the_marker_is_documented(project):
    project.tests("").run("--markers").stdout.fnmatch_lines(
        ["*invariance_budget(transform, *min_probability=None, max_feature_shift=None*probability=None*"]
    )


def test_how_a_probability_is_made_may_be_said(project):
    """Two callables of one name are two measurements; their text is the same in each run."""
    project.conftest(FIXTURES).tests("""
mark = pytest.mark.invariance_budget

@mark("scale", min_probability=0.4, target=0, image=0, probability=lambda out: out.softmax(1) * 0 + 0.5)
@mark("scale", min_probability=0.4, target=0, image=0, probability=lambda out: out.softmax(1) * 0 + 0.3)
@mark("scale", min_probability=1.0, target=lambda out: out[:, 0], probability="sigmoid")
def test_it(): ...
""")
    project.run("--modelcheck-report")
    checks = project.record()["checks"]
    values = sorted(round(c["value"], 3) for c in checks if c["value"] is not None)
    told = [str(c["options"]) + c["message"] for c in checks]
    assert not any(" at 0x" in one for one in told), told
    assert [c["outcome"] for c in checks].count("error") == 2  # nothing was seen: the same for any image
    assert len(values) == 1
    assert "probability: sigmoid" in "".join(told)


def test_callables_of_one_name_have_their_own_figures(project):
    """What a closure, a partial or an object holds tells them apart; one that changes as it is called stays itself."""
    project.conftest(FIXTURES).tests("""
from functools import partial

def of(k):
    return lambda out: out.softmax(1) * 0 + out.sigmoid().mean(1, keepdim=True) * k

def col(out, k):
    return of(k)(out)

class Counts:
    calls = 0
    def __call__(self, out):
        self.calls += 1
        return of(0.5)(out)

def on(probability):
    return pytest.mark.invariance_budget(
        "scale", min_probability=0, values=[1.0, 1.5], target=0, probability=probability
    )

@on(of(0.2))
@on(of(0.4))
@on(partial(col, k=0.6))
@on(partial(col, k=0.8))
def test_four(): ...

@on(Counts())
class TestOnes:
    def test_one(self): ...
    def test_two(self): ...
""")
    project.run("--modelcheck-report").assert_outcomes(passed=3)
    checks = project.record()["checks"]
    values = sorted(check["value"] for check in checks if "test_four" in check["nodeid"])
    assert len(checks) == 6
    assert [value / values[0] for value in values] == pytest.approx([1, 2, 3, 4])
    assert not any("0x" in str(check["options"]) + check["message"] for check in checks)
