"""invariance_budget and a model's own probability: one logit, sigmoids, a softmax at the end, as a user writes it."""

import re

MODELS = """
import pytest, torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes, end):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.end = nn.Conv2d(3, 8, 3), nn.Linear(8, classes), end
    def forward(self, x):
        return self.end(self.fc(self.conv(x).relu().mean((2, 3))))

class Two(Net):
    def __init__(self):
        super().__init__(4, nn.Identity())
    def forward(self, a, b):
        return super().forward(b) + a.mean() * 0

class Sure(nn.Module):
    def forward(self, y):
        return torch.cat([y[:, :1] * 1e-3 + 5, y[:, 1:] * 1e-3], 1)  # of class 0, by softmax 0.98

class Low(nn.Module):
    def forward(self, y):
        return y * 1e-3 - 100

@pytest.fixture
def model(): return Net(4, Sure()).eval()

@pytest.fixture
def low(): return Net(1, Low()).eval()

@pytest.fixture
def soft(): return Net(4, nn.Sequential(Sure(), nn.Softmax(1))).eval()

@pytest.fixture
def sigmoid(): return Net(4, nn.Sequential(Sure(), nn.Sigmoid())).eval()

@pytest.fixture
def example_inputs(): return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))

@pytest.fixture
def two(): return Two().eval()
"""
MARKED = """
budget = pytest.mark.invariance_budget("translation", values=[0, 0.1], {})
@budget
def test_{}(): ...
"""
PASSES = {
    "softmax_at_the_end": "model='soft', min_probability=0.9, target=0",
    "sigmoid_at_the_end": "model='sigmoid', min_probability=0.99, target=0",
    "sigmoids_told": "min_probability=0.99, target=0, probability='sigmoid'",
    "callable": "min_probability=0.9, target=0, probability=lambda out: out.softmax(1)",
    "softmax_of_logits": "min_probability=0.9, target=0, probability='softmax'",
}
FAILS = {
    "one_logit_of_minus_100": "model='low', min_probability=0.99",
    "softmax_again": "model='soft', min_probability=0.9, target=0, probability='softmax'",
    "sigmoids_not_told": "min_probability=0.99, target=0",
    "logits_given": "min_probability=0.9, target=0, probability='given'",
    "callable_that_raises": "min_probability=0.9, probability=lambda out: out['x']",
    "softmax_of_one_logit": "model='low', min_probability=0.99, probability='softmax'",
}


def outcomes(result):
    found = re.findall(r"::test_(\w+) (PASSED|FAILED|ERROR)", "\n".join(result.outlines))
    return {name: word == "PASSED" for name, word in found}


def test_the_budget_is_of_the_models_own_probability(project):
    tests = [MARKED.format(arguments, name) for name, arguments in {**PASSES, **FAILS}.items()]
    project.conftest(MODELS).tests("".join(tests))
    result = project.run("-v")
    assert outcomes(result) == {**dict.fromkeys(PASSES, True), **dict.fromkeys(FAILS, False)}
    text = "\n".join(result.outlines)
    assert re.search("probability.'given'", text)  # what cannot be is told by its name


WRONG = {
    "probability='soft'": "'softmax', 'sigmoid', 'given'",
    "probability=1": "probability",
    "probabilty='softmax'": "did you mean 'probability'",
    "image=1.5": "image",
}


def test_mistakes_are_errors_at_collection(project):
    tests = [MARKED.format(f"min_probability=0.5, {wrong}", f"t{i}") for i, wrong in enumerate(WRONG)]
    project.conftest(MODELS).tests("".join(tests))
    result = project.run()
    assert result.ret == 2
    lines = [line for line in result.outlines if "test_it.py:" in line]
    assert len(lines) == len(WRONG)
    for line, words in zip(lines, WRONG.values(), strict=True):
        assert words in line


def test_the_picture_can_be_chosen(project):
    conftest = MODELS.replace(
        "def example_inputs(): return torch.rand(2,",
        "def example_inputs(): return torch.ones(2, 3, 16, 16), torch.rand(2,",
    )
    rows = {
        "still": "max_feature_shift=0.01, image=1",
        "named": "max_feature_shift=9, image='b'",
        "counted": "max_feature_shift=9, image=1",
        "absent": "max_feature_shift=9, image=2",
    }
    tests = [MARKED.format(f"model='two', {arguments}", name) for name, arguments in rows.items()]
    project.conftest(conftest).tests("".join(tests))
    seen = outcomes(project.run("-v"))
    assert seen == {"still": False, "named": True, "counted": True, "absent": False}


def test_the_marker_names_them(project):
    project.tests("").run("--markers").stdout.fnmatch_lines(["*invariance_budget(*probability=None*"])
