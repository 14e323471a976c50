"""Which tensor of an output the logits are, which targets there are, and advice that runs as it is written."""

import dataclasses
import re

import numpy as np
import pytest
import torch

from pytest_modelcheck import ClassDifference, ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.logits import find_logits
from pytest_modelcheck.checks.explain.targets import class_indices, score

from .planted import classifier, drawn, made

Y, F = drawn(2, 4), drawn(2, 8, seed=1)
X = drawn(2, 3, 16, 16)


@dataclasses.dataclass
class Deep:
    inner: object


class Made:
    """Its logits are computed."""

    def __init__(self):
        self.features = F

    @property
    def logits(self):
        return Y


FOUND = [
    ({"logits": Y, "scores": F, "out": F}, 'output["logits"]'),
    ({"out": F, "scores": Y}, 'output["scores"]'),
    ({"aux": {"logits": F}, "logits": Y}, 'output["logits"]'),  # the nearest
    ({"a": Deep([F, {"logits": Y}])}, 'output["a"].inner[1]["logits"]'),
    ({0: Y, 1: drawn(3, 4)}, "output[0]"),
    (Made(), "output.logits"),
    ((Y, Y), "output[0]"),  # one tensor, twice
    ({'a "b"': Y}, "output['a \"b\"']"),
    ((torch.rand(2), torch.rand(())), "output[0]"),
]


@pytest.mark.parametrize(("output", "path"), FOUND, ids=[path for _, path in FOUND])
def test_the_path_that_is_told_is_the_way_to_it(output, path):
    found = find_logits(output, 2)
    assert found.path == path
    assert eval(path, {"output": output}) is found.tensor


REFUSED = [  # (output, what the message holds)
    ({"logits": drawn(2, 4, 8, 8), "embedding": F}, ["no class dimension", '["logits"][:, 3].sum((1, 2))']),
    ({"logits": drawn(4, 4), "embedding": F}, ["4 rows for 2 samples", '["embedding"] 2x8']),
    ({"pred_logits": drawn(2, 9, 5), "pred_boxes": drawn(2, 9, 4)}, ['["pred_logits"][:, :, 3].sum(1)']),
    ([{"boxes": drawn(2, 4), "scores": torch.rand(2)}] * 2, ["it holds boxes", '[0]["scores"].sum()']),
    ({"label": torch.tensor([0, 1])}, ["no class dimension", "int64"]),
    (None, ["without a dense tensor"]),
    (drawn(5), ["output.sum()"]),
]


@pytest.mark.parametrize(("output", "words"), REFUSED)
def test_what_is_not_found_is_told_with_advice_that_runs(output, words):
    with pytest.raises(ExplanationError) as told:
        score(output, 1, 2)
    for word in words:
        assert word in str(told.value)
    advice = re.search(r"target=(lambda .*)", str(told.value))
    if advice:
        values, _ = score(output, eval(advice[1]), 2)
        assert values.requires_grad is False


@pytest.mark.parametrize("target", [0, -1, np.int32(0), torch.tensor([0, 0]), [torch.tensor(0), 0], range(2)])
def test_classes_count_from_both_ends_in_any_kind_of_number(target):
    assert all(0 <= c < 4 for c in class_indices(target, 2, 4))
    assert class_indices(-1, 1, 4) == [3]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (4, "classes, 0 to 3"),
        (-5, "out of range"),
        (True, "is no class"),
        (1.0, "is no class"),
        ({1}, "is no class"),
    ],
)
def test_no_class_is_refused_alike(target, words):
    with pytest.raises(ExplanationError, match=words):
        class_indices(target, 2, 4)


DIFFERENCES = [
    (ClassDifference(7), Y, "out of range"),
    (ClassDifference(1, [9]), Y, "out of range"),
    (ClassDifference(1, []), Y, "against= is empty"),
    (ClassDifference(0), Y[:, :1], "needs two"),
    (ClassDifference(True), Y, "is no class"),
]


@pytest.mark.parametrize(("target", "output", "words"), DIFFERENCES)
def test_differences_of_no_classes_are_refused(target, output, words):
    with pytest.raises(ExplanationError, match=words):
        target(output)


def test_a_class_is_none_of_its_nearest():
    tied = torch.tensor([[2.0, 2.0, 0.0]])
    assert ClassDifference(1)(tied).tolist() == [2 - (2 + 0) / 2]
    assert ClassDifference(np.int64(-1), np.int64(0))(tied).tolist() == [-2]


def test_the_column_that_a_callable_returns_is_that_class():
    """What an advice says of `gradcam` may be said to `invariance` too, and its map may be judged."""
    model = made(lambda: classifier(lambda y: {"a": y * 2, "b": y * 3}))
    check, asked = ModelCheck(model, X), {"target": lambda output: output["b"][:, 2]}
    want = model(X)["b"].softmax(1)[:, 2].tolist()
    seen = check.invariance("translation", values=[0, 0.2], **asked)
    assert (seen.target, seen.how) == ((2, 2), "softmax")
    assert seen.probability[0] == pytest.approx(want, abs=1e-5)
    judged = check.faithfulness(check.gradcam(layer="features.0", **asked), steps=1, baselines=False)
    np.testing.assert_allclose(judged.deletion_curve[:, 0], want, atol=1e-5)


def test_a_score_that_is_no_class_needs_its_probability():
    model = made(lambda: classifier(lambda y: y))
    check, target = ModelCheck(model, X), ClassDifference(1, 0)
    heatmap = check.gradcam(target=target, layer="features.0")
    for ask in (
        lambda **o: check.invariance("scale", values=[1.0, 1.2], target=target, **o).probability[0],
        lambda **o: check.faithfulness(heatmap, steps=1, **o).deletion_curve[:, 0],
    ):
        with pytest.raises(ExplanationError, match="callable's score") as told:
            ask()
        advice = re.search(r"probability=(lambda .*)", str(told.value))
        assert list(ask(probability=eval(advice[1]))) == pytest.approx(
            model(X).softmax(1)[:, 3].tolist(), abs=1e-5
        )
    seen = check.invariance("scale", values=[1.0, 1.2], target=target, probability="sigmoid")
    assert seen.probability[0] == pytest.approx(target(model(X)).sigmoid().tolist(), abs=1e-5)
