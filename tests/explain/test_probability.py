"""Probabilities are the model's own: by what made its output first, by its numbers only where that is not known."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.probability import how, made_by, made_in_a_run, of_group, sum_to_one

from .planted import Fun, Net, classifier, drawn, made

X = drawn(2, 3, 16, 16)


def chance(bias: bool) -> nn.Module:
    """Logits that look like probabilities: in [0, 1], each row sums to one."""
    head = nn.Linear(1, 4, bias=bias)
    for part in head.parameters():
        nn.init.constant_(part, 0.0)
    value = torch.tensor([0.4, 0.3, 0.2, 0.1])
    with torch.no_grad():
        (head.bias if bias else head.weight[:, 0]).copy_(value)
    return Net(lambda self, x: self.head(torch.ones(len(x), 1)), head=head)


def ends_in(function) -> nn.Module:
    return classifier(lambda y: function(y * 9))


ENDS = {
    "logits that are like probabilities by chance": (lambda: chance(True), "softmax"),
    "the same of weights alone": (lambda: chance(False), "softmax"),
    "some of the sigmoids": (lambda: ends_in(lambda y: y.sigmoid()[:, :3]), "given"),
    "sigmoids, copied and cast": (lambda: ends_in(lambda y: y.sigmoid().double().clone()), "given"),
    "a mean of sigmoids": (
        lambda: ends_in(lambda y: torch.stack([y.sigmoid(), (-y).sigmoid()]).mean(0)),
        "given",
    ),
    "a mean of softmaxes": (lambda: ends_in(lambda y: (y.softmax(1) + (-y).softmax(1)) / 2), "given"),
    "shares by hand": (lambda: ends_in(lambda y: y.exp() / y.exp().sum(1, keepdim=True)), "given"),
    "softmax without gradients": (lambda: ends_in(lambda y: y.detach().softmax(1)), "given"),
    "a scripted end": (lambda: ends_in(torch.jit.trace(lambda y: torch.sigmoid(y), drawn(2, 4))), "given"),
    "hardsigmoid": (lambda: ends_in(F.hardsigmoid), "given"),
    "a softmax that is scaled": (lambda: ends_in(lambda y: y.softmax(1) * 10), "softmax"),
    "frozen": (lambda: ends_in(torch.sigmoid).requires_grad_(False), "given"),
}


@pytest.mark.parametrize(("build", "word"), ENDS.values(), ids=ENDS.keys())
def test_how_probabilities_are_made(build, word):
    model = made(build)
    check = ModelCheck(model, X)
    with torch.no_grad():
        values = model(X)
    assert how(values, None, lambda: made_in_a_run(check.subject, lambda out: out)) == word
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_rows_sum_to_one_within_rounding(dtype, classes):
    shares = (drawn(16, classes) * 3).to(dtype).softmax(1)
    assert sum_to_one(shares)
    assert not sum_to_one(shares * 1.1)


def test_a_sigmoid_of_one_sample_that_sums_to_one_is_told_by_its_graph():
    """Numbers alone are no evidence where what made them is known."""
    given = torch.tensor([[0.25, 0.75]], requires_grad=True)
    logits = F.linear(given, torch.eye(2, requires_grad=True))
    assert how(logits, None, lambda: made_by(logits)) == "softmax"
    assert how(logits.detach(), None, lambda: "") == "given"


def test_groups():
    shares = torch.tensor([[0.5, 0.4, 0.1]])
    assert float(of_group(shares, [0, 1], exclusive=True)) == pytest.approx(0.9)
    assert float(of_group(shares, [0, 1], exclusive=False)) == pytest.approx(1 - 0.5 * 0.6)


def test_a_group_of_a_multi_label_model():
    model = made(lambda: ends_in(torch.sigmoid))
    seen = ModelCheck(model, X).invariance("translation", values=[0, 0.2], target={0, 3})
    p = model(X)[:, [0, 3]]
    assert seen.probability[0] == pytest.approx((1 - (1 - p).prod(1)).tolist(), abs=1e-5)
    assert seen.how == "given"


def test_the_likeliest_classes_are_of_the_run_that_the_map_is_of():
    model, calls = made(lambda: classifier(lambda y: y, classes=9)), []
    model.register_forward_hook(lambda *_: calls.append(1))
    heatmap = ModelCheck(model, X).gradcam(layer="features.0")
    assert len(calls) == 1
    best = model(X).softmax(1).topk(5)
    assert [[c for c, _ in row] for row in heatmap.top] == best.indices.tolist()
    assert [p for row in heatmap.top for p in [one for _, one in row]] == pytest.approx(
        best.values.flatten().tolist(), abs=1e-6
    )
    assert heatmap.to_dict()["probability"] == heatmap.probability == "softmax"


def test_an_output_without_classes_has_no_likeliest_ones():
    model = Net(lambda self, x: self.conv(x), conv=nn.Conv2d(3, 4, 3))
    heatmap = ModelCheck(model, X).gradcam(target=lambda output: output[:, 1].sum((1, 2)) ** 2, layer="conv")
    assert (heatmap.top, heatmap.probability) == ((), "")


def test_a_softmax_of_one_number_is_refused():
    check = ModelCheck(made(lambda: classifier(lambda y: y, classes=1)), X)
    with pytest.raises(ExplanationError, match="say 'sigmoid'"):
        check.invariance("scale", probability="softmax")


def test_what_leaves_its_range_is_told_with_class_and_sample():
    check = ModelCheck(made(lambda: Net(lambda s, x: s.f(x), f=Fun(lambda x: x.mean((2, 3)) + 3))), X)
    with pytest.raises(ExplanationError, match=r"for class \d of sample 0 is no probability"):
        check.invariance("scale", layers=["f"], probability="given")
