"""What a user meets who returns more than a map, has a second input, or a model that no gradient goes through."""

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.explain import automatic
from pytest_modelcheck.checks.explain.survey import Survey
from pytest_modelcheck.errors import ModelRunError

from .planted import Fun, Net, drawn, made, told

X, A, B = drawn(2, 3, 16, 16), drawn(2, 3, 16, 16, seed=1), drawn(2, 3, 16, 16, seed=2)


def net(function, **more):
    """Two convolutions and a linear layer, `function` on them."""
    return made(
        lambda: Net(
            function, one=nn.Conv2d(3, 8, 3, 2, 1), two=nn.Conv2d(8, 8, 3, 1, 1), head=nn.Linear(8, 4), **more
        )
    )


def logits(s, x):
    return s.head(s.two(s.one(x).relu()).relu().mean((2, 3)))


PLAIN = net(logits)

BESIDE = {
    "a scalar": lambda x: x.mean(),
    "sparse": lambda x: x.detach().to_sparse(),
    "nested": lambda x: torch.nested.nested_tensor([x[0].detach(), x[1:].detach()[0, :, :2]]),
    "jagged": lambda x: torch.nested.nested_tensor([x[0, 0], x[0, 0, :3]], layout=torch.jagged),
}


@pytest.mark.parametrize("kind", BESIDE)
def test_what_a_module_returns_beside_the_map(kind):
    model = net(lambda s, x: (s.beside(s.one(x)), logits(s, x))[1], beside=Fun(BESIDE[kind]))
    want = ModelCheck(PLAIN, X).gradcam(1)
    found = ModelCheck(model, X).gradcam(1)
    assert found.layer == want.layer
    assert np.array_equal(found.raw, want.raw)
    assert list(ModelCheck(model, X).invariance("translation", values=[0.1]).distance) == ["one", "two"]


def test_loss_and_logits():
    model = net(
        lambda s, x: (s.loss(found := logits(s, x), torch.zeros(len(x), dtype=torch.long)), found),
        loss=nn.CrossEntropyLoss(),
    )
    assert ModelCheck(model, X).gradcam(lambda out: out[1][:, 1]).layer == "two"


def broken(*args, **named):
    raise args[-1] if isinstance(args[-1], Exception) else RuntimeError("ours")


@pytest.mark.parametrize("error", [KeyError("ours"), RuntimeError("ours")], ids=repr)
def test_an_error_of_ours_in_a_hook_is_not_the_models(monkeypatch, error):
    monkeypatch.setattr(Survey, "_read", lambda *_: broken(error))
    with pytest.raises(type(error), match="ours"):
        ModelCheck(PLAIN, X).gradcam(1)


@pytest.mark.parametrize("method", ["score_cam", "gradcam", "deconvnet"])
@pytest.mark.parametrize("error", [KeyError("ours"), RuntimeError("ours requires grad")], ids=repr)
def test_an_error_of_ours_where_a_layer_is_read(monkeypatch, method, error):
    monkeypatch.setattr("pytest_modelcheck.checks.explain.capture.the_map", lambda *_: broken(error))
    with pytest.raises(type(error), match="ours"):
        getattr(ModelCheck(PLAIN, X), method)(layer="two")


@pytest.mark.parametrize("method", ["gradcam", "guided_backprop"])
def test_an_error_of_ours_in_the_score_is_no_want_of_a_way_back(monkeypatch, method):
    for name in ("capture", "signals"):
        monkeypatch.setattr(f"pytest_modelcheck.checks.explain.{name}.score", broken)
    with pytest.raises(RuntimeError, match="ours"):
        getattr(ModelCheck(PLAIN, X), method)(1, **({"layer": "one"} if method == "gradcam" else {}))


class Raising(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, error):
        ctx.error = error
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        raise ctx.error


@pytest.mark.parametrize("method", ["gradcam", "guided_backprop"])
@pytest.mark.parametrize("error", [ValueError("no"), KeyError("no"), RuntimeError("no")], ids=repr)
def test_any_error_of_a_backward_is_told_with_its_module(error, method):
    model = net(
        lambda s, x: s.head(s.raising(s.two(s.one(x).relu())).relu().mean((2, 3))),
        raising=Fun(lambda x: Raising.apply(x, error)),
    )
    layer = {"layer": "one"} if method == "gradcam" else {}
    said = told(lambda: getattr(ModelCheck(model, X), method)(1, **layer))
    assert type(error).__name__ in said
    assert "'raising'" in said
    assert "no gradient can go back" in said


def siamese(first):
    def function(s, a, b):
        found = first(s, a)
        other = s.two(s.one(b).relu())
        return s.head((found * other.detach().mean()).relu().mean((2, 3)) if a is not None else other)

    return net(function)


def cut(s, a):
    with torch.no_grad():
        return s.two(s.one(a).relu())


def cut_behind(s, a):
    found = s.two(s.one(a).relu())
    with torch.no_grad():
        return found * 1


def whole(s, a):
    return s.two(s.one(a).relu())


@pytest.mark.parametrize("first", [cut, cut_behind, whole])
@pytest.mark.parametrize("layer", [None, "two"])
def test_the_map_is_of_the_picture_it_is_laid_over(first, layer):
    want = ModelCheck(siamese(whole), (A, B)).gradcam(1, layer="two", call=0)
    found = ModelCheck(siamese(first), (A, B)).gradcam(1, layer=layer)
    assert np.allclose(found.raw, want.raw, atol=1e-6)


@pytest.mark.parametrize("layers", [None, "two", ["one", "two"], "flat"])
def test_features_are_of_the_picture(layers):
    model = net(
        lambda s, a, b: s.head(s.flat(whole(s, a)) - s.flat(whole(s, b))), flat=Fun(lambda x: x.mean((2, 3)))
    )
    found = ModelCheck(model, (A, B)).invariance("translation", layers=layers, values=[0.2])
    assert found.max_feature_shift > 0
    assert not found.deaf


def test_a_feature_of_the_picture_goes_down_to_it():
    check = ModelCheck(net(lambda s, a, b: logits(s, a) - logits(s, b)), (A, B))
    want = check.deconvnet(layer="two", call=0)
    assert np.array_equal(check.deconvnet(layer="two").raw, want.raw)
    assert [layer for layer, found in check.strongest_activations(features=1).layers.items() if found]


def by_numpy(s, x):
    return torch.from_numpy(logits(s, x).numpy()).softmax(1)


@pytest.mark.parametrize("layer", [None, "two"])
@pytest.mark.parametrize("method", ["score_cam", "eigencam", "ablation_cam"])
def test_the_methods_that_need_no_gradient(method, layer):
    found = getattr(ModelCheck(net(by_numpy), X), method)(1, layer=layer)
    assert found.layer == "two"
    assert found.top
    assert "take score_cam() or eigencam()" in told(lambda: ModelCheck(net(by_numpy), X).gradcam(1))


@pytest.mark.parametrize("layer", [None, "two"])
def test_without_a_gradient_too_it_is_of_the_picture(layer):
    model = net(lambda s, a, b: torch.from_numpy((logits(s, a) - logits(s, b)).numpy()))
    check = ModelCheck(model, (A, B))
    want = check.eigencam(layer="two", call=0)
    assert np.array_equal(check.eigencam(layer=layer).raw, want.raw)
    assert not check.invariance("translation", layers=layer, values=[0.2]).deaf


def test_invariance_needs_no_gradient():
    found = ModelCheck(net(by_numpy), X).invariance("translation", values=[0.2])
    assert list(found.distance) == ["one", "two"]
    assert found.how == "given"
    assert not found.deaf


@pytest.mark.parametrize("method", ["gradcam", "score_cam", "guided_backprop"])
def test_a_model_that_fails_is_not_one_without_a_picture(method):
    check = ModelCheck(net(lambda s, x: 1 / 0), drawn(2, 3, 16))
    with pytest.raises(ModelRunError) as caught:
        getattr(check, method)(1)
    for said in (str(caught.value), automatic.describe(check.subject, "always")["error"]):
        assert "ZeroDivisionError" in said
        assert "image input" not in said


SEVERAL = [drawn(3, 16, 16), drawn(3, 16, 18)]
NO_HEATMAP = {
    "several sizes": (net(lambda s, xs: logits(s, xs[0][None])), (SEVERAL,), False),
    "no picture": (made(lambda: nn.Linear(3, 2)), torch.ones(1, 3), True),
}


@pytest.mark.parametrize("kind", NO_HEATMAP)
def test_what_the_automatic_heatmap_calls_no_image_input(kind):
    model, inputs, is_none = NO_HEATMAP[kind]
    said = automatic.describe(ModelCheck(model, inputs).subject, "always")["error"]
    assert said.startswith("no image input: ") == is_none


def with_table(s, x, table):
    return logits(s, x) + table


FORWARDS = {  # of a picture beyond doubt with a table; with a second picture too, for which the model is asked once
    "gradcam, named": (lambda check: check.gradcam(1, layer="two"), 1),
    "gradcam": (lambda check: check.gradcam(1), 2),
    "guided_gradcam": (lambda check: check.guided_gradcam(1), 3),
    "automatic": (lambda check: automatic.describe(check.subject, "always"), 2),
}


@pytest.mark.parametrize("beside", [drawn(2, 4), drawn(2, 3, 16, 16)], ids=["table", "picture"])
@pytest.mark.parametrize("kind", FORWARDS)
def test_forwards_with_two_inputs(kind, beside):
    ask, want = FORWARDS[kind]
    calls = []
    model = net(
        lambda s, x, y: calls.append(1) or with_table(s, x, y if y.dim() == 2 else y.mean((1, 2, 3))[:, None])
    )
    ask(ModelCheck(model, (X, beside)))
    assert len(calls) == want + (beside.dim() == 4)
