"""Budgets gate: with or without fixtures, all breaches at once, in words that say what to do."""

import pytest

from .conftest import ACTIVATIONS, FIXTURES, MACS, PARAMS

ON_NET = "@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))\n"


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        (f"flops_budget({2 * MACS})", True),
        (f"flops_budget({2 * MACS - 1})", False),
        (f"flops_budget(min={2 * MACS + 1})", False),
        (f"macs_budget({MACS}, min={MACS})", True),
        (f"macs_budget({MACS - 1})", False),
        (f"params_budget({PARAMS})", True),
        (f"params_budget({PARAMS - 1})", False),
        ("params_budget(0, trainable=False)", True),
        (f"params_budget({PARAMS - 1}, trainable=True)", False),
        (f"activations_budget({ACTIVATIONS})", True),
        (f"activations_budget({ACTIVATIONS - 1})", False),
        ("memory_access_budget('1 MB')", True),
        ("memory_access_budget('1 KiB')", False),
        (f"macs_budget({MACS * 2}, phase='backward')", True),  # less than twice: the input needs no gradient
        (f"macs_budget({MACS}, phase='backward')", False),
        (f"macs_budget({MACS * 3}, phase='training_step')", True),
    ],
)
def test_an_empty_body_is_a_complete_test(project, marker, holds):
    project.tests(f"{ON_NET}@pytest.mark.{marker}\ndef test_it(): ...")
    project.run().assert_outcomes(passed=int(holds), failed=int(not holds))


MYSTERY = """
import torch

lib = torch.library.Library("mystery_{n}", "DEF")
lib.define("op(Tensor x) -> Tensor")
lib.impl("op", lambda x: x.clone(), "CompositeExplicitAutograd")

class Net(torch.nn.Linear):
    def forward(self, x):
        return torch.ops.mystery_{n}.op(super().forward(x))

@pytest.mark.modelcheck(model=lambda: Net(3, 4), input_size=(2, 3))
@pytest.mark.flops_budget("{limit} FLOPs")
def test_it(): ...
"""


@pytest.mark.parametrize("limit", [100, 10])
def test_what_a_value_leaves_out_is_told_even_where_it_passes(project, limit):
    project.tests(MYSTERY.format(n=limit, limit=limit))
    result = project.run("--modelcheck-report")
    result.assert_outcomes(passed=int(limit == 100), failed=int(limit == 10))
    said = f"not counted, no formula known: mystery_{limit}::op (1 call)"
    result.stdout.fnmatch_lines([f"! Net: {said}"])
    assert project.record()["checks"][0]["caveat"] == said


def test_all_breaches_come_in_one_failure_with_the_heaviest_modules(project):
    source = f"""
{ON_NET}
@pytest.mark.params_budget("1 K")
@pytest.mark.flops_budget("10 kFLOPs")
@pytest.mark.macs_budget("1 MMACs")
def test_it():
    raise AssertionError("the body must not run")
"""
    result = project.tests(source).run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "modelcheck: 2 of 3 checks failed: *",
            "net: FLOPs",
            "  measured *17.86 kFLOPs   (17,856 FLOPs = 8,928 MACs)",
            "  limit *max 10 kFLOPs",
            "  over by *7,856 FLOPs (+78.6 %)",
            "  heaviest *conv *15.55 kFLOPs * 87.1 %",
            "  * fc * 12.9 %",
            "  marker *test_it.py:8",
            "net: parameters",
            "  over by *380 parameters (+38 %)",
            "  heaviest *fc *1.156 k *",
            "next: pytest test_it.py::test_it --modelcheck-report*",
        ]
    )
    result.stdout.no_fnmatch_line("*the body must not run*")


def test_one_measurement_serves_all_budgets(project):
    source = """
calls = []

class Counting(Net):
    def forward(self, x):
        calls.append(1)
        return super().forward(x)

@pytest.mark.modelcheck(model=Counting, input_size=(1, 3, 8, 8))
@pytest.mark.flops_budget("1 GFLOPs")
@pytest.mark.macs_budget("1 GMACs")
@pytest.mark.memory_access_budget("1 GB")
@pytest.mark.activations_budget("1 M")
def test_it():
    assert len(calls) == 1
"""
    project.tests(source).run().assert_outcomes(passed=1)


def test_a_warning_level_breach_warns_and_passes(project):
    project.tests(f"{ON_NET}@pytest.mark.macs_budget(1, level='warn')\ndef test_it(): ...")
    result = project.run()
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*ModelCheckWarning: net: MACs*", "*over by*8,927 MACs*", "*! warn", "*1 warn*"]
    )


@pytest.mark.parametrize("strict", [False, True])
def test_a_relative_limit_without_a_base_is_counted_and_fails_only_when_strict(project, strict):
    project.tests(f"{ON_NET}@pytest.mark.macs_budget(max_regression='2%')\ndef test_it(): ...")
    result = project.run(*(["--modelcheck-strict"] if strict else []))
    result.assert_outcomes(passed=int(not strict), failed=int(strict))
    result.stdout.fnmatch_lines(["*1 not gated*"])


MISSING = """
@pytest.mark.flops_budget("1 GFLOPs")
def test_it():
    raise AssertionError("the body must not run")
"""


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_model_that_cannot_be_found_is_an_error_with_the_three_ways(project, workers):
    result = project.tests(MISSING).run(*workers)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "*flops_budget: no model to check*",
            "*1. on the marker*",
            "*2. on the test*",
            "*3. with fixtures named*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_budget_that_runs_the_model_says_how_to_give_inputs(project):
    project.tests("@pytest.mark.modelcheck(model=net)\n@pytest.mark.flops_budget(1)\ndef test_it(): ...")
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*no example inputs were given*", "*input_size=*"])


def test_parameters_need_no_inputs(project):
    project.tests(
        f"@pytest.mark.modelcheck(model=net)\n@pytest.mark.params_budget({PARAMS})\ndef test_it(): ..."
    )
    project.run().assert_outcomes(passed=1)


def test_a_model_that_raises_fails_with_its_own_words_and_the_other_budgets_are_judged(project):
    source = """
@pytest.mark.modelcheck(model=net, input_size=(1, 3, 9, 9))
@pytest.mark.flops_budget("1 GFLOPs")
@pytest.mark.params_budget(1)
def test_it(): ...
"""
    result = project.tests(source).run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*2 of 2 checks failed*",
            "*over by*1,379 parameters*",
            "*net raised RuntimeError*module 'fc'*",
            "*1x3x9x9 float32*",
        ]
    )


def test_marks_of_classes_and_modules_count_and_the_closest_subject_wins(project):
    source = f"""
pytestmark = [pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8)), pytest.mark.macs_budget({MACS - 1})]

class TestWithOthers:
    pytestmark = pytest.mark.params_budget({PARAMS})

    @pytest.mark.modelcheck(input_size=(2, 3, 8, 8), name="twice")
    def test_two(self): ...

def test_one(): ...
"""
    result = project.tests(source).run()
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["twice: MACs", "*17,856 MACs*", "net: MACs", "*8,928 MACs*"])


def test_xfail_and_skip_are_respected(project):
    source = f"""
@pytest.mark.xfail(strict=True)
{ON_NET}@pytest.mark.macs_budget(1)
def test_known(): ...

@pytest.mark.skip
{ON_NET}@pytest.mark.macs_budget(1)
def test_skipped(): ...
"""
    project.tests(source).run().assert_outcomes(xfailed=1, skipped=1)


def test_junit_has_the_measured_values(project):
    project.conftest(FIXTURES).tests("@pytest.mark.macs_budget(1)\ndef test_it(): ...").run(
        "--junitxml=out.xml"
    )
    text = (project.pytester.path / "out.xml").read_text("utf-8")
    assert f'name="modelcheck.macs" value="{MACS}"' in text


CLOSEST = {  # the markers of module, base class, class, test and parameter -> the limits that hold for the test
    "the test's for its class's": (["", "", "max=1", "max=2"], ["max 2"]),
    "a class's for its base's": (["", "max=1", "max=2", ""], ["max 2"]),
    "a class's for its module's": (["max=1", "", "max=2", ""], ["max 2"]),
    "one of another kind adds": (
        ['max_regression="2%"', "", "max=1", "max=2, min=0"],
        ["max 2", "min 0", "max 2 %"],
    ),
    "only the kind that is given": (["", "", "max=1, min=0", "max=2"], ["max 2", "min 0"]),
    "another option is another limit": (["", "", 'max=1, phase="backward"', "max=2"], ["max 2", "max 1"]),
    "another subject is another limit": (["", "", "max=1, model=Other", "max=2"], ["max 2", "max 1"]),
    "level and reason are no part of it": (["", "", 'max=1, level="warn"', 'max=2, reason="x"'], ["max 2"]),
}


@pytest.mark.parametrize("markers", CLOSEST)
def test_the_closest_limit_holds(project, markers):
    (module, base, own, test), held = CLOSEST[markers]
    said = [f"@pytest.mark.macs_budget({text})" if text else "" for text in (base, own, test)]
    project.tests(f"""
pytestmark = [pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))]
{f"pytestmark.append(pytest.mark.macs_budget({module}))" if module else ""}

class Other(Net): pass

{said[0]}
class Base:
    pass

{said[1]}
class TestIt(Base):
    {said[2]}
    def test_it(self): ...
""")
    project.run("--modelcheck-report")
    limits = [part for c in project.record()["checks"] for part in c["limit_text"].split(", ")]
    assert sorted(text.replace(" MACs", "").replace(" above the base", "") for text in limits) == sorted(held)


def test_limits_of_one_place_all_hold(project):
    project.tests("""
@pytest.mark.macs_budget(1, model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget(2, model=net, input_size=(1, 3, 8, 8))
def test_it(): ...
""")
    project.run("--modelcheck-report")
    assert sorted(check["limit"] for check in project.record()["checks"]) == [1, 2]


def test_a_parameters_own_marker_comes_before_the_tests(project):
    project.conftest(FIXTURES).tests("""
@pytest.mark.parametrize("k", [1, pytest.param(2, marks=pytest.mark.macs_budget(10**6))])
@pytest.mark.macs_budget(10)
def test_it(k): ...
""")
    result = project.run("-v")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*test_it[[]2]: MACs max 1 MMACs at *replaces max 10 MACs at test_it.py:*"])


def test_a_parameter_alone_finds_the_users_fixtures(project):
    project.conftest(FIXTURES).tests("""
@pytest.mark.parametrize("k", [pytest.param(2, marks=pytest.mark.macs_budget(10)), 3])
def test_it(k): ...
""")
    project.run().assert_outcomes(passed=1, failed=1)


def test_a_subclass_says_its_own_subject(project):
    project.tests("""
class Wide(Net):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(288, 400)

@pytest.mark.modelcheck(model=Net, input_size=(1, 3, 8, 8))
class TestNet:
    @pytest.mark.macs_budget(10**4)
    def test_cost(self): ...

@pytest.mark.modelcheck(model=Wide, input_size=(1, 3, 8, 8))
class TestWide(TestNet): ...
""")
    project.run("--modelcheck-report").assert_outcomes(passed=1, failed=1)
    assert {c["subject"]: c["value"] for c in project.record()["checks"]} == {
        "Net": MACS,
        "Wide": 7776 + 115200,
    }


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_value_that_is_no_number_is_no_pass(project, value):
    project.conftest(f"""
from pytest_modelcheck import Budget, Measurement

def pytest_modelcheck_register(registry):
    observe = lambda subject: float("{value}")
    registry.add(Budget("odd_budget", "oddity", "calls", "", observe, Measurement))
""").tests("@pytest.mark.odd_budget(3, model=net)\ndef test_it(): ...")
    project.run("--modelcheck-report").assert_outcomes(failed=1)
    (check,) = project.record()["checks"]
    assert (check["outcome"], check["headroom"]) == ({"nan": "error", "inf": "fail"}[value], None)
    assert "odd" in (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")
