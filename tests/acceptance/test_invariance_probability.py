"""invariance_budget and the probability of a model's own: one logit, sigmoids, a softmax at the end, as a user writes it."""

import pytest

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

class Sure(nn.Module):
    def forward(self, y):
        return torch.cat([y[:, :1] * 0 + 5, y[:, 1:] * 1e-3], 1)  # class 0, by softmax 0.98 of four

class Low(nn.Module):
    def forward(self, y):
        return y * 1e-3 - 100

@pytest.fixture
def model(): return MODEL.eval()

@pytest.fixture
def example_inputs(): return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
"""
SOFT, SIGMOID = "Net(4, nn.Sequential(Sure(), nn.Softmax(1)))", "Net(4, nn.Sequential(Sure(), nn.Sigmoid()))"
ROWS = {  # the model, the marker's arguments, whether it passes, words that are printed
    "one logit of -100": ("Net(1, Low())", "min_probability=0.99", False, ""),
    "one logit of -100, told to be a softmax": (
        "Net(1, Low())",
        "min_probability=0.99, probability='softmax'",
        None,
        "",
    ),
    "ends in softmax": (SOFT, "min_probability=0.9, target=0", True, ""),
    "ends in softmax, told to take it again": (
        SOFT,
        "min_probability=0.9, target=0, probability='softmax'",
        False,
        "",
    ),
    "ends in sigmoid": (SIGMOID, "min_probability=0.99, target=0", True, ""),
    "logits that are sigmoids', told": (
        "Net(4, Sure())",
        "min_probability=0.99, target=0, probability='sigmoid'",
        True,
        "",
    ),
    "logits that are sigmoids', not told": ("Net(4, Sure())", "min_probability=0.99, target=0", False, ""),
    "a callable": (
        "Net(4, Sure())",
        "min_probability=0.9, target=0, probability=lambda out: out.softmax(1)",
        True,
        "",
    ),
    "logits, told to be given": (
        "Net(4, Sure())",
        "min_probability=0.9, target=0, probability='given'",
        None,
        "probabilit",
    ),
    "a callable that raises": (
        "Net(4, Sure())",
        "min_probability=0.9, probability=lambda out: out['x']",
        None,
        "probabilit",
    ),
}
WRONG = {
    "a word that is none": ("probability='soft'", "'softmax', 'sigmoid', 'given'"),
    "a number": ("probability=1", "probability"),
    "misspelt": ("probabilty='softmax'", "did you mean 'probability'"),
    "an image that is none": ("image=1.5", "image"),
}


def written(model, arguments):
    return MODELS.replace("MODEL", model, 1), (
        f"@pytest.mark.invariance_budget('translation', values=[0, 0.1], {arguments})\ndef test_it(): ..."
    )


@pytest.mark.parametrize(("model", "arguments", "passes", "words"), ROWS.values(), ids=ROWS.keys())
def test_the_budget_is_of_the_models_own_probability(project, model, arguments, passes, words):
    conftest, test = written(model, arguments)
    project.conftest(conftest).tests(test)
    result = project.run("--modelcheck-report")
    counted = result.parseoutcomes()
    if passes is None:
        assert not counted.get("passed")
    else:
        assert counted == ({"passed": 1} if passes else {"failed": 1})
    if words:
        result.stdout.fnmatch_lines([f"*{words}*"])


@pytest.mark.parametrize(("argument", "words"), WRONG.values(), ids=WRONG.keys())
def test_mistakes_are_errors_at_collection(project, argument, words):
    conftest, test = written("Net(4, Sure())", f"min_probability=0.5, {argument}")
    project.conftest(conftest).tests(test)
    result = project.run()
    assert result.ret == 2
    result.stdout.fnmatch_lines([f"*test_it.py:4: invariance_budget*{words}*"])


def test_the_picture_can_be_chosen(project):
    conftest = (
        MODELS.replace("MODEL", "Two()", 1)
        .replace(
            "class Low",
            "class Two(Net):\n    def __init__(self): super().__init__(4, nn.Identity())\n"
            "    def forward(self, a, b): return super().forward(b) + a.mean() * 0\n\nclass Low",
        )
        .replace("return torch.rand(2,", "return (torch.zeros(2, 3, 16, 16), torch.rand(2,")
        .replace("manual_seed(0))", "manual_seed(0)))")
    )
    project.conftest(conftest).tests(
        "@pytest.mark.invariance_budget('translation', values=[0.3], max_feature_shift=0.01, image='b')\ndef test_b(): ...\n"
        "@pytest.mark.invariance_budget('translation', values=[0.3], max_feature_shift=9, image=1)\ndef test_1(): ...\n"
        "@pytest.mark.invariance_budget('translation', values=[0.3], max_feature_shift=9, image=2)\ndef test_2(): ...\n"
    )
    result = project.run()
    assert result.parseoutcomes() == {"failed": 2, "passed": 1}
    result.stdout.fnmatch_lines(["*0.01*"])


def test_the_marker_names_them(project):
    project.tests("").run("--markers").stdout.fnmatch_lines(["*invariance_budget(*probability=None*"])
