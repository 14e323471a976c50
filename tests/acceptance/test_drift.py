"""How far base and head are apart: the line of every run against a base, and `drift_budget`."""

import re

import pytest

DRIFT = """
import pytest
from nets.model import net

@pytest.mark.modelcheck(model=net, input_size=(8, 3, 8, 8))
@pytest.mark.drift_budget("0.1 %", min_agreement="99 %")
def test_drift(modelcheck):
    print("first at", modelcheck.drift().first_module)
"""


def test_budget_fails_and_names_the_module(repository):
    repository.write("tests/test_net.py", DRIFT)
    repository.edit("src/nets/model.py", "nn.Linear(8, 4)", "nn.Linear(8, 4, bias=False)")
    ran = repository.run("-s")
    assert ran.returncode == 1
    assert re.search(r"net drift against base \S+ %, max 0.1 % from the base", ran.out)
    assert "first at fc" in ran.out
    assert "weights at the base alone, as it is there: fc.bias" in ran.out
    assert "to accept" in ran.out
    assert re.search(r"outputs: \S+ of their scale, top-1 the same for \d of 8; first at fc", ran.out)
    assert len(repository.left_behind()) == 2  # what was written here


def test_without_a_base_it_is_not_gated(pytester):
    pytester.makepyfile(
        """
        import pytest, torch

        @pytest.mark.drift_budget("0.1 %", model=torch.nn.Linear(3, 3), input_size=(2, 3))
        def test_it(): ...

        @pytest.mark.drift_budget(0, against="repeated", model=torch.nn.Linear(3, 3), input_size=(2, 3))
        def test_repeated(): ...

        @pytest.mark.drift_budget("1e-9 %", against="bfloat16", model=torch.nn.Linear(3, 3), input_size=(2, 3))
        def test_bfloat16(): ...
        """
    )
    result = pytester.runpytest()
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*drift against bfloat16*max 1e-9 %*"])


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            "1, against='bflaot16'",
            "against='bflaot16' is not one of 'base', 'bfloat16', *did you mean 'bfloat16'*",
        ),
        ("", "no limit; give one, for example drift_budget('0.1 %', against='base')"),
        ("'3 ms'", "'3 ms' is a time, not a share*"),
        ("1, min_agreement='101 %'", "min_agreement='101 %' is more than all (100 %)"),
    ],
)
def test_mistakes_are_told_at_collection(pytester, arguments, text):
    pytester.makepyfile(f"import pytest\n@pytest.mark.drift_budget({arguments})\ndef test_it(model): ...")
    result = pytester.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*drift_budget: *{text}*"])
