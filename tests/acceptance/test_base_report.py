"""--modelcheck-base-report: relative limits on counts, judged against the report.json of an earlier run."""

import json

import pytest

from .conftest import MACS

SUITE = """
@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget(max_regression="2%")
@pytest.mark.params_budget(max_regression=0)
def test_it(): ...
"""
BASE = "--modelcheck-base-report=modelcheck-report/report.json"


def prepare(project):
    project.tests(SUITE).run("--modelcheck-report").assert_outcomes(passed=1)


def change(project, edit):
    path = project.pytester.path / "modelcheck-report" / "report.json"
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def test_the_same_model_passes(project):
    prepare(project)
    for argument in (BASE, "--modelcheck-base-report=modelcheck-report"):
        result = project.run(argument)
        result.assert_outcomes(passed=1)
        result.stdout.no_fnmatch_line("*not gated*")


def test_a_regression_names_the_modules_that_changed(project):
    """Of workers each reads the report."""
    prepare(project)
    nets = project.pytester.path / "nets.py"
    nets.write_text(nets.read_text().replace("self.relu = nn.ReLU()", "self.relu = nn.Conv2d(8, 8, 1)"))
    result = project.run(BASE, "-n2", subprocess=True)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "net: MACs",
            f"  base *{MACS:,} MACs",
            "  over by *2,126 MACs (+25.8 % of base, limit +2 %)",  # 2,304 more
            "  changed *relu  new -> 2.304 kMACs",
            "next: pytest test_it.py::test_it --modelcheck-base-report=*report.json --modelcheck-report *",
        ]
    )


def test_within_the_limit_passes(project):
    prepare(project)
    change(
        project, lambda r: [c.update(value=c["value"] * 0.99) for c in r["checks"] if c["metric"] == "macs"]
    )
    project.run(BASE).assert_outcomes(passed=1)
    change(
        project, lambda r: [c.update(value=c["value"] * 0.95) for c in r["checks"] if c["metric"] == "macs"]
    )
    project.run(BASE).assert_outcomes(failed=1)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (
            lambda r: (r["checks"].clear(), r["subjects"][0].pop("complexity")),
            "the base has no such figure for 'net': the check is new",
        ),
        (lambda r: (r["checks"].clear(), r["subjects"].clear()), "new: the base has no subject 'net'"),
    ],
)
def test_what_the_base_lacks_is_new_and_not_gated(project, edit, words):
    prepare(project)
    change(project, edit)
    result = project.run(BASE)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*2 not gated*"])
    strict = project.run(BASE, "--modelcheck-strict")
    strict.assert_outcomes(failed=1)
    strict.stdout.fnmatch_lines([f"*not gated*{words}*"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read *base.json"),
        ("{", "*base.json is not JSON"),
        ("[]", "*base.json is not a report of pytest-modelcheck"),
        ('{"schema_version": 99, "checks": [], "subjects": []}', "*base.json has schema_version 99"),
        ('{"schema_version": 1, "checks": [3], "subjects": []}', "*base.json is not a whole report"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_usage_error(project, content, words):
    project.tests(SUITE)
    if content is not None:
        (project.pytester.path / "base.json").write_text(content)
    result = project.run("--modelcheck-base-report=base.json")
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*--modelcheck-base-report: {words}*"])
