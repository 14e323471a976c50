"""Wrong markers are errors at collection: file, line and test, all at once, no traceback."""

import pytest

MISTAKES = """
@pytest.mark.flops_budget("1 GFLOPs", max_regresion="2%")
def test_unknown_keyword(): ...

@pytest.mark.flops_budget("4.2")
def test_no_unit(): ...

@pytest.mark.flops_budget("4 GB")
def test_wrong_unit(): ...

@pytest.mark.params_budget(-1)
def test_negative(): ...

@pytest.mark.params_budget(float("nan"))
def test_nan(): ...

@pytest.mark.macs_budget()
def test_no_limit(): ...

@pytest.mark.macs_budget(1, 2)
def test_too_many(): ...

@pytest.mark.macs_budget(max=1, min=2)
def test_empty_range(): ...

@pytest.mark.flops_budget(1, phase="sideways")
def test_wrong_phase(): ...

@pytest.mark.flops_budget(1, level="loud")
def test_wrong_level(): ...

@pytest.mark.modelcheck(modle=net)
def test_wrong_subject(): ...
"""
EXPECTED = [
    "*test_it.py:5: flops_budget: unknown keyword 'max_regresion'; did you mean 'max_regression'?*test_unknown*",
    "*test_it.py:8: flops_budget: max: '4.2' has no unit; write for example '4.2 GFLOPs'*test_no_unit*",
    "*test_it.py:11: flops_budget: max: '4 GB' is an amount of memory, not operations*test_wrong_unit*",
    "*test_it.py:14: params_budget: max: a limit cannot be negative: -1*test_negative*",
    "*test_it.py:17: params_budget: max: a limit cannot be NaN*test_nan*",
    "*test_it.py:20: macs_budget: no limit; give one, for example macs_budget('2.1 GMACs')*test_no_limit*",
    "*test_it.py:23: macs_budget: only the upper limit*too many: 2*test_too_many*",
    "*test_it.py:26: macs_budget: min=2 lies above max=1*test_empty_range*",
    "*test_it.py:29: flops_budget: phase='sideways' is not one of 'forward', 'backward', 'training_step'*",
    "*test_it.py:32: flops_budget: level='loud' is not one of 'fail', 'warn'*",
    "*test_it.py:35: modelcheck: unknown keyword 'modle'; did you mean 'model'?*",
]


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_every_mistake_is_listed_with_its_line(project, workers):
    result = project.tests(MISTAKES).run(*workers)
    result.stdout.fnmatch_lines(EXPECTED)
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    assert result.ret == (1 if workers else 2)


def test_the_line_is_the_markers_own(project):
    source = """
pytestmark = [
    pytest.mark.modelcheck(model=net),
    pytest.mark.params_budget("1 GB"),
]

@pytest.mark.macs_budget("2 GB")
@pytest.mark.macs_budget("3 GB")
class TestIt:
    @pytest.mark.parametrize("n", [1, 2])
    @pytest.mark.flops_budget(
        "4 GB"
    )
    def test_it(self, n): ...
"""
    result = project.tests(source).run()
    for line, unit in ((7, "1 GB"), (10, "2 GB"), (11, "3 GB"), (14, "4 GB")):
        result.stdout.fnmatch_lines([f"*test_it.py:{line}: *'{unit}'*test_it?1?*test_it?2?*"])


def test_collect_only_and_deselection_report_them_too(project):
    project.tests(MISTAKES)
    assert project.run("--collect-only").ret == 2
    assert project.run("-k", "nothing").ret == 2


def test_a_good_suite_collects_without_a_word(project):
    result = project.tests("@pytest.mark.flops_budget('1 GFLOPs')\ndef test_it(): ...").run(
        "--collect-only", "-q"
    )
    assert result.ret == 0


def test_markers_and_fixtures_are_documented(project):
    markers = project.tests("").run("--markers", "--strict-markers").stdout.str()
    for name in ("flops", "macs", "params", "memory_access", "activations"):
        assert f"@pytest.mark.{name}_budget(max=None, *, min=None, max_regression=None" in markers
    assert "@pytest.mark.modelcheck(model=None" in markers
    fixtures = project.run("--fixtures").stdout.str()
    assert "Measure this test's model" in fixtures
    assert "Compare a heatmap with the stored one" in fixtures


@pytest.mark.parametrize(
    ("arguments", "ini", "words"),
    [
        (["--modelcheck-threads=none"], "", "--modelcheck-threads=none"),
        (["--modelcheck-threads=0"], "", "at least one"),
        (
            ["--modelcheck-model=torchvision:resnet18", "--modelcheck-input-size=1,x"],
            "",
            "write for example 1,3,224,224",
        ),
        ([], "modelcheck_report = perhaps", "modelcheck_report"),
        (["--modelcheck-repor=x"], "", "unrecognized arguments"),
    ],
)
def test_wrong_options_exit_4(project, arguments, ini, words):
    project.pytester.makeini(f"[pytest]\n{ini}")
    result = project.tests("def test_it(): ...").run(*arguments)
    assert result.ret == 4
    assert words in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "outcome", "words"),
    [
        ("macs_budget(9000)", "passed", "1 check: 1 pass"),
        ("macs_budget(8000)", "failed", "net MACs 8.928 kMACs, max 8 kMACs"),
        ("macs_budget('9000')", "errors", "has no unit"),
    ],
)
@pytest.mark.parametrize("own", ["", "@pytest.mark.params_budget('2 k')\n"], ids=["unmarked", "marked"])
def test_a_marker_that_a_hook_adds_is_enforced(project, marker, outcome, words, own):
    project.tests(f"{own}def test_it(): ...").conftest(
        "def pytest_collection_modifyitems(items):\n"
        f"    marker = pytest.mark.{marker}\n"
        "    items[0].add_marker(pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8)))\n"
        "    items[0].add_marker(marker)\n"
    )
    result = project.run()
    result.assert_outcomes(**{outcome: 1})
    result.stdout.fnmatch_lines([f"*{words if not own or outcome != 'passed' else '2 checks: 2 pass'}*"])


def test_a_marker_that_a_fixture_adds_is_enforced(project):
    project.tests("def test_it(limited): ...").conftest(
        "@pytest.fixture\ndef limited(request):\n"
        "    subject = dict(model=net, input_size=(1, 3, 8, 8))\n"
        "    request.node.add_marker(pytest.mark.macs_budget(8000, **subject))\n"
    )
    project.run().assert_outcomes(failed=1)
