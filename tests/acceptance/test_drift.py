"""How far base and head are apart: the line of every run against a base, and `drift_budget`."""

import re

import pytest
import torch

from pytest_modelcheck.checks.outputs.result import outputs_of
from pytest_modelcheck.checks.outputs.stored import to_text

from .repository import GitRepository

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, eps=1e-5, width=4, between=None, factor=1.0):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(8, eps=eps)
        self.between = between or nn.Identity()
        self.fc = nn.Linear(8, width)
        with torch.no_grad():
            for p in self.parameters():
                p.mul_(factor)

    def forward(self, x):
        return self.fc(self.between(self.norm(self.conv(x)).mean((2, 3))))

class Renamed(nn.Module):
    def __init__(self):
        super().__init__()
        DRAWN
        self.STEM, self.HEAD = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, x):
        return self.HEAD(self.STEM(x).mean((2, 3)))

class CLASS(Net): ...
class Eps(Net): ...
class Removed(Net): ...
class Shaped(Net): ...
class Weights(Net): ...
class Raises(Net):
    def forward(self, x):
        RAISES
        return super().forward(x)

MODELS = {
    "same": Net,
    "eps": lambda: Eps(eps=EPS),
    "renamed": Renamed,
    "removed": lambda: Removed(between=BETWEEN),
    "classed": CLASS,
    "shaped": lambda: Shaped(width=WIDTH),
    "weights": lambda: Weights(factor=FACTOR),
    "raises": Raises,
}
"""
TESTS = """
import pytest, torch
from nets.model import MODELS

@pytest.fixture(params=MODELS)
def model(request):
    return MODELS[request.param]()

@pytest.fixture
def example_inputs():
    return torch.linspace(0, 1, 384).reshape(2, 3, 8, 8)

@pytest.mark.drift_budget(0)
def test_it(model): ...

@pytest.mark.parametrize("model", ["eps"], indirect=True)
def test_answers(modelcheck, output_snapshot):
    assert modelcheck.outputs() == output_snapshot
"""
LATE = """
import pytest
from nets.late import late

@pytest.mark.drift_budget("1 %", model=late, input_size=(1, 3, 8, 8))
def test_late(): ...
"""
OTHERS = to_text(outputs_of(torch.arange(8.0).reshape(2, 4)))
FILES = {
    "tests/__snapshots__/test_net/test_answers[eps].outputs.txt": OTHERS,
    "src/nets/__init__.py": "",
    "tests/test_net.py": TESTS,
    "tests/test_late.py": LATE,
    "pytest.ini": "[pytest]\npythonpath = src\n",
    ".gitignore": "__pycache__\nmodelcheck-report\n",
}
BASE = {
    "STEM": "conv",
    "HEAD": "fc",
    "DRAWN": "torch.randn(3)",
    "CLASS": "Old",
    "RAISES": "raise ValueError('no such size')",
    "EPS": "1e-5",
    "BETWEEN": "nn.Linear(8, 8)",
    "WIDTH": "4",
    "FACTOR": "2.0",
}
NOW = {
    "STEM": "stem",
    "HEAD": "head",
    "DRAWN": "",
    "CLASS": "New",
    "RAISES": "",
    "EPS": "1e-2",
    "BETWEEN": "None",
    "WIDTH": "6",
    "FACTOR": "1.0",
}
SAME = "the same, bit for bit (head's weights in both)"
OWN = "as they stand (the base's own {} tensors)"


def nets(words):
    text = NETS
    for word, meant in words.items():
        text = text.replace(word, meant).replace(f"lambda: {meant}()", meant)
    return text


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One run against a base from which each model differs in its own way."""
    repository = GitRepository(tmp_path_factory.mktemp("drift"))
    at_base = {"src/nets/model.py": nets(BASE), "src/nets/late.py": "from nets import nowhere"}
    repository.hold({**FILES, **at_base})
    repository.git("add", "-A")
    repository.git("commit", "-q", "-m", "base")
    repository.hold(
        {"src/nets/model.py": nets(NOW), "src/nets/late.py": "from nets.model import Net as late"}
    )
    return repository.against_head()


@pytest.mark.parametrize(
    ("name", "text", "stands"),
    [
        ("same", SAME, ""),
        ("eps", "x of their scale, top-1 the same for 2 of 2; first at norm", ""),
        ("renamed", SAME, OWN.format(4)),
        ("removed", "x of their scale, top-1 the same for 2 of 2; first at between", OWN.format(6)),
        ("classed", SAME, ""),
        (
            "shaped",
            "cannot be compared: shapes differ: 'output' shape 2x4 there, 2x6 here; first at fc",
            OWN.format(2),
        ),
        ("weights", SAME, OWN.format(5)),
        (
            "raises",
            "cannot be compared: at the base: raises raised ValueError in its forward: no such size",
            "",
        ),
    ],
)
def test_the_line_of_each_run(ran, name, text, stands):
    """And the second one, where the base's own weights are others."""
    told = next(one["drift"] for one in ran["changes"]["subjects"] if one["name"] == name)
    assert re.sub(r"\d\.\de-\d", "x", told["text"]) == text
    assert told["stands"].partition(":")[0] == stands


def test_it_is_on_the_terminal(ran):
    assert f"same: outputs: {SAME}" in ran["out"]


@pytest.mark.parametrize(
    ("test", "outcome", "text"),
    [
        ("test_net.py::test_it[same]", "pass", ""),
        ("test_net.py::test_it[eps]", "fail", "first at norm"),
        ("test_net.py::test_it[renamed]", "pass", ""),
        (
            "test_net.py::test_it[removed]",
            "fail",
            "weights at the base alone, as it is there: between.weight",
        ),
        ("test_net.py::test_it[classed]", "pass", ""),
        ("test_net.py::test_it[shaped]", "fail", "shapes differ: 'output' shape 2x4 there, 2x6 here"),
        ("test_net.py::test_it[weights]", "pass", ""),
        ("test_net.py::test_it[raises]", "error", "at the base: ValueError: no such size"),
        ("test_late.py::test_late", "error", "cannot import name 'nowhere'"),
    ],
)
def test_each_budget(ran, test, outcome, text):
    check = next(one for one in ran["checks"] if one["nodeid"] == f"tests/{test}")
    assert check["outcome"] == outcome, ran["out"]
    assert text in check["message"]
    is_finite = isinstance(check["value"], float)
    assert ("to accept" in check["message"]) is (outcome == "fail" and is_finite)


def test_a_snapshot_that_differs_names_the_module(ran):
    check = next(one for one in ran["checks"] if one["metric"] == "output_snapshot")
    assert check["outcome"] == "fail"
    assert re.search("against the base: .*; first at norm", check["message"])


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
