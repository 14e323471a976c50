"""ScoreCAM and AblationCAM beside grad-cam's own code, and beside the papers' formulas written out; before scaling.

ScoreCAM (Wang et al. 2020, algorithm 1): masks are enlarged to the picture, then scaled to 0..1; a softmax over the
features of the class's logits weighs them. grad-cam enlarges with corners aligned; the authors' code does not, nor do
we. A layer as large as the picture makes no difference; for others grad-cam's code is given our enlargement.

AblationCAM (Desai and Ramaswamy 2020): (score - score without the feature) / score. The paper's scores are positive;
for a negative one its formula would turn the map round, so that it showed what speaks against the class. We divide by
its size. grad-cam writes -1e7 in place of features that can be negative, where the paper (and we) write 0.
"""

import contextlib
import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck

from .planted import drawn, far, made

X = drawn(2, 3, 24, 30)
EXACT = 1e-5


class Net(nn.Module):
    """A head that is not pooling and one linear layer, so that nothing is in closed form; logits of some size."""

    def __init__(self, stride: int = 1, pooled: bool = False) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, stride, 1), nn.Conv2d(6, 5, 3, stride, 1)
        self.act, self.last, self.pooled = nn.ReLU(), nn.ReLU(), pooled
        self.hidden, self.head = nn.Linear(20, 8), nn.Linear(5 if pooled else 8, 4)
        with torch.no_grad():
            self.head.weight *= 20

    def forward(self, x: Tensor) -> Tensor:
        x = self.last(self.two(self.act(self.one(x))))
        if self.pooled:
            return self.head(x.mean((2, 3)))
        return self.head(self.hidden(F.adaptive_avg_pool2d(x, 2).flatten(1)).relu())


def feature_maps(model: nn.Module, layer: str) -> Tensor:
    kept = []
    handle = model.get_submodule(layer).register_forward_hook(lambda m, a, out: kept.append(out.detach()))
    model(X)
    handle.remove()
    return kept[0]


def of_gradcam(name: str, model: nn.Module, layer: str, target: int, ours: bool = False) -> np.ndarray:
    """The weights of grad-cam's class times the features, summed; `ours`: enlarged as we do."""
    library = pytest.importorskip("pytorch_grad_cam")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    module, activation = model.get_submodule(layer), feature_maps(model, layer)
    patched = pytest.MonkeyPatch()
    if ours:
        patched.setattr(nn, "UpsamplingBilinear2d", lambda size: nn.Upsample(size, mode="bilinear"))
    with (
        contextlib.redirect_stderr(io.StringIO()),
        patched.context(),
        getattr(library, name)(model, [module]) as method,
    ):
        given = activation.numpy() if name == "ScoreCAM" else activation
        method.activations_and_grads(X)
        weights = method.get_cam_weights(X, module, [ClassifierOutputTarget(target)] * len(X), given, None)
    patched.undo()
    return (weights[:, :, None, None] * activation.numpy()).sum(1)


def algorithm_1(model: nn.Module, layer: str, score: Callable[[Tensor], Tensor]) -> np.ndarray:
    """ScoreCAM, feature by feature."""
    activation, maps = feature_maps(model, layer), []
    for sample, features in enumerate(activation):
        scores = []
        for feature in features:
            mask = F.interpolate(feature[None, None], size=X.shape[2:], mode="bilinear", align_corners=False)
            mask = (mask - mask.min()) / (
                mask.max() - mask.min() or 1
            )  # grad-cam: nothing is seen through a flat one
            with torch.no_grad():
                scores.append(score(model(X[sample : sample + 1] * mask))[0])
        maps.append((torch.stack(scores).softmax(0)[:, None, None] * features).sum(0))
    return torch.stack(maps).numpy()


def ablated(model: nn.Module, layer: str, score: Callable[[Tensor], Tensor]) -> np.ndarray:
    """AblationCAM, one feature of one sample at a time."""
    activation = feature_maps(model, layer)
    with torch.no_grad():
        whole = score(model(X))
    weights = torch.zeros(activation.shape[:2])
    for feature in range(activation.shape[1]):

        def off(module, args, out, feature=feature):
            out = out.clone()
            out[:, feature] = 0
            return out

        handle = model.get_submodule(layer).register_forward_hook(off)
        with torch.no_grad():
            weights[:, feature] = (whole - score(model(X))) / whole.abs()
        handle.remove()
    return (weights[:, :, None, None] * activation).sum(1).numpy()


def of_class(target: int) -> Callable[[Tensor], Tensor]:
    return lambda out: out[:, target]


@pytest.mark.parametrize("layer", ["act", "last"])
@pytest.mark.parametrize("target", range(4))
def test_score_cam_of_a_layer_as_large_as_the_picture_is_grad_cams(layer, target):
    model = made(Net)
    raw = ModelCheck(model, X).score_cam(target=target, layer=layer).raw
    assert far(raw, of_gradcam("ScoreCAM", model, layer, target)) < EXACT


@pytest.mark.parametrize("layer", ["act", "last"])
@pytest.mark.parametrize("target", range(4))
@pytest.mark.parametrize("stride", [2, 3])
def test_score_cam_of_a_smaller_layer_is_grad_cams_but_for_the_corners(layer, target, stride):
    model = made(lambda: Net(stride))
    raw = ModelCheck(model, X).score_cam(target=target, layer=layer).raw
    assert far(raw, of_gradcam("ScoreCAM", model, layer, target, ours=True)) < EXACT
    assert far(raw, of_gradcam("ScoreCAM", model, layer, target)) < 0.3


@pytest.mark.parametrize("layer", ["one", "act", "two", "last"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_score_cam_is_the_papers(layer, stride):
    model = made(lambda: Net(stride))
    check = ModelCheck(model, X)
    for target in (2, lambda out: out[:, 1] - out[:, 3]):
        want = algorithm_1(model, layer, target if callable(target) else of_class(target))
        assert far(check.score_cam(target=target, layer=layer).raw, want) < EXACT


@pytest.mark.parametrize("pooled", [False, True], ids=["by runs", "in closed form"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("target", range(4))
def test_ablation_cam_is_grad_cams_where_scores_are_positive(pooled, stride, target):
    """And the other way round where they are negative."""
    model = made(lambda: Net(stride, pooled))
    sign = model(X)[:, target].detach().sign().numpy()[:, None, None]
    raw = ModelCheck(model, X).ablation_cam(target=target, layer="last").raw
    assert far(raw, sign * of_gradcam("AblationCAM", model, "last", target)) < EXACT


def test_both_signs_of_a_score_are_met():
    """Or the test above would say less."""
    for pooled in (False, True):
        signs = made(lambda p=pooled: Net(1, p))(X).sign()
        assert (signs > 0).any()
        assert (signs < 0).any()


@pytest.mark.parametrize("layer", ["one", "act", "two", "last"])
@pytest.mark.parametrize("pooled", [False, True], ids=["by runs", "in closed form"])
def test_ablation_cam_is_the_papers(layer, pooled):
    model = made(lambda: Net(2, pooled))
    check = ModelCheck(model, X)
    for target in (2, lambda out: out[:, 1] - out[:, 3]):
        want = ablated(model, layer, target if callable(target) else of_class(target))
        assert far(check.ablation_cam(target=target, layer=layer).raw, want) < EXACT
