"""The user's fixtures, in all scopes and shapes, without the test naming them."""

import pytest

from .conftest import FIXTURES, MACS, PARAMS

BUDGETS = f"@pytest.mark.macs_budget({MACS})\n@pytest.mark.params_budget({PARAMS})\n"


@pytest.mark.parametrize("scope", ["function", "class", "module", "session"])
def test_fixtures_of_any_scope(project, scope):
    project.conftest(FIXTURES.replace("session", scope)).tests(f"{BUDGETS}def test_it(): ...")
    project.run().assert_outcomes(passed=1)


def test_other_fixture_names_from_the_ini_file(project):
    project.pytester.makeini(
        "[pytest]\nmodelcheck_model_fixture = network\nmodelcheck_inputs_fixture = pictures"
    )
    fixtures = FIXTURES.replace("def model", "def network").replace("def example_inputs", "def pictures")
    project.conftest(fixtures).tests(f"{BUDGETS}def test_it(): ...").run().assert_outcomes(passed=1)


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_parametrised_fixture_gives_one_subject_per_parameter(project, workers):
    project.conftest("""
@pytest.fixture(scope="module", params=[4, 7], ids=["small", "large"])
def model(request):
    return torch.nn.Conv2d(3, request.param, 3)

@pytest.fixture
def example_inputs():
    return torch.ones(1, 3, 8, 8)
""").tests("@pytest.mark.params_budget(150)\ndef test_it(): ...\n\ndef test_plain(): ...")
    result = project.run("--modelcheck-report", *workers)
    result.assert_outcomes(passed=2, failed=1)
    assert [s["name"] for s in project.record()["subjects"]] == ["large", "small"]


def test_a_parametrised_argument(project):
    project.tests("""
@pytest.mark.parametrize("model", [Net(), torch.nn.Conv2d(3, 8, 3)], ids=["net", "conv"])
@pytest.mark.params_budget(1000)
def test_it(model): ...
""")
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["net: parameters"])


def test_a_fixture_named_on_the_marker(project):
    project.conftest(FIXTURES.replace("def model", "def other")).tests(
        f'@pytest.mark.macs_budget({MACS}, model="other")\ndef test_it(): ...'
    )
    project.run().assert_outcomes(passed=1)


def test_an_unknown_fixture_is_named(project):
    project.tests('@pytest.mark.macs_budget(1, model="nobody")\ndef test_it(): ...')
    result = project.run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*there is no fixture 'nobody'*"])


def test_a_fixture_that_is_no_model_is_named(project):
    project.conftest("@pytest.fixture\ndef model():\n    return 'a Django model'").tests(
        "@pytest.mark.params_budget(1)\ndef test_it(): ..."
    )
    result = project.run()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*fixture 'model' returned a str, not an nn.Module*"])


def test_functions_that_classes_share(project):
    project.tests(f"""
class Shared:
    {BUDGETS.replace(chr(10), chr(10) + "    ").rstrip()}
    def test_it(self): ...

class TestA(Shared):
    @pytest.fixture
    def model(self):
        return net()

    @pytest.fixture
    def example_inputs(self):
        return torch.ones(1, 3, 8, 8)

class TestB(Shared):
    pass
""")
    project.run().assert_outcomes(passed=1, errors=1)


def test_unittest_methods_name_the_model_on_the_marker(project):
    project.tests(f"""
import unittest

class Test(unittest.TestCase):
    @pytest.mark.params_budget({PARAMS - 1}, model=net)
    def test_named(self): ...

    @pytest.mark.params_budget({PARAMS})
    def test_not_named(self): ...
""")
    result = project.conftest(FIXTURES).run()
    result.assert_outcomes(failed=1, errors=1)
    result.stdout.fnmatch_lines(["*unittest.TestCase cannot take fixtures*"])


def test_the_fixture_is_bound_to_the_tests_subject_and_binds_others(project):
    project.conftest(FIXTURES).tests(f"""
def test_bound(modelcheck, model):
    assert modelcheck.complexity().macs == {MACS}
    assert modelcheck.subject.model is model
    other = modelcheck(torch.nn.Linear(3, 5), torch.ones(2, 3))
    assert other.complexity().macs == 30

@pytest.fixture
def mine(modelcheck):
    return modelcheck

def test_through_another_fixture(mine):
    assert mine.complexity().params == {PARAMS}
""")
    project.run().assert_outcomes(passed=2)


def test_a_test_without_a_subject_may_bind_one(project):
    project.tests("""
def test_binds(modelcheck):
    assert modelcheck(torch.nn.Linear(3, 5)).weights().tensors[0].count == 15

def test_forgot(modelcheck):
    modelcheck.complexity()
""")
    result = project.run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*SubjectError*no model to check*"])


def test_a_suite_that_uses_nothing_of_this_is_left_alone(project):
    project.conftest("@pytest.fixture\ndef model():\n    raise RuntimeError('nobody asked')").tests(
        "def test_it(): ..."
    )
    result = project.run()
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*modelcheck *subject*")


MISUSE = """
@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
def test_it(modelcheck):
    modelcheck.gradcam(layer="cnv")

@pytest.mark.modelcheck(model=net, input_size=(1, 3, 5, 5))
def test_that(modelcheck):
    modelcheck.gradcam(layer="conv")
"""


@pytest.mark.parametrize(("option", "shown"), [((), False), (("--full-trace",), True)])
def test_a_traceback_ends_at_the_users_line(project, option, shown):
    result = project.tests(MISUSE).run(*option)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ['>*modelcheck.gradcam(layer="cnv")', "E*has no layer 'cnv'; did you mean 'conv'?"]
    )
    result.stdout.fnmatch_lines(
        ["*return self.fc(*", "*net raised RuntimeError in its forward, in module 'fc'*"]
    )
    assert ("def find_layer" in result.stdout.str()) == shown
    assert ("pytest_modelcheck/model/subject.py" in result.stdout.str()) == shown


RAISES = """
def broken():
    return parts("x")

def parts(given):
    raise LookupError(f"no part {given}")

@pytest.mark.params_budget(1, model=broken, input_size=(1, 3))
@pytest.mark.macs_budget(1, model=broken, input_size=(1, 3))
def test_function(): ...

class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        try:
            parts("y")
        except LookupError as error:
            raise ValueError("cannot be built") from error

@pytest.mark.macs_budget(1, model=Broken, input_size=(1, 3))
def test_class(): ...
"""


def test_what_a_factory_raises_is_shown_with_the_users_lines_alone(project):
    result = project.tests(RAISES).run()
    result.assert_outcomes(failed=2)
    shown = [
        "LookupError: no part x",
        'return parts("x")',
        "LookupError: no part y",
        "ValueError: cannot be built",
    ]
    for words in shown:
        result.stdout.fnmatch_lines([f"*{words}*"])
    text = result.stdout.str()
    assert "pytest_modelcheck/" not in text
    assert text.count("error        unexpected LookupError while making the model and its inputs") == 1
    assert text.count('return parts("x")') == 1  # two budgets, one traceback
    assert "while making the model and its inputs; the traceback stands with MACs" in text


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("'resnet18'", "there is no fixture 'resnet18' here, and model='resnet18' is no import string."),
        ("'weights/best.pt'", "It is the path of a file: weights without the model they belong to.*"),
        ("nn", "model=* is a module, not an nn.Module."),
    ],
)
def test_what_is_no_model_is_told_by_what_it_is(project, given, words):
    result = project.tests(
        f"@pytest.mark.macs_budget(1, model={given}, input_size=(1, 3))\ndef test_it(): ..."
    ).run()
    result.stdout.fnmatch_lines([f"*{words}"])
    assert "Traceback" not in result.stdout.str()
