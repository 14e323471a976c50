"""The CAM family against captum, torchcam and grad-cam, on raw maps before any normalisation."""

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ClassDifference, ModelCheck

from .networks import CASES, build

captum = pytest.importorskip("captum.attr")
torchcam = pytest.importorskip("torchcam.methods")
peers = pytest.importorskip("pytorch_grad_cam")
models = pytest.importorskip("torchvision.models")


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return build(request.param, 64)


def distance(ours: np.ndarray, theirs) -> float:
    expected = np.asarray(theirs.detach() if hasattr(theirs, "detach") else theirs)
    return float(np.abs(ours - expected).max() / np.abs(expected).max())


def grad_cam_maps(peer, model, layer: str, images) -> np.ndarray:
    """What a method of the package grad-cam computes, before it scales it."""
    targets = [peers.utils.model_targets.ClassifierOutputTarget(3)] * len(images)
    seen = []
    with peer(model=model, target_layers=[model.get_submodule(layer)]) as extractor:
        original = extractor.get_cam_image
        extractor.get_cam_image = lambda *args: seen.append(original(*args)) or seen[-1]
        extractor(input_tensor=images, targets=targets)
    return seen[0]


@pytest.mark.parametrize(
    ("method", "peer"),
    [
        ("gradcam", peers.GradCAM),
        ("hirescam", peers.HiResCAM),
        ("elementwise_cam", peers.GradCAMElementWise),
        ("layercam", peers.LayerCAM),
    ],
)
def test_grad_cam_agrees(case, method, peer):
    model, layer, images = case
    ours = getattr(ModelCheck(model, images), method)(target=3, layer=layer).raw
    theirs = grad_cam_maps(peer, model, layer, images)
    theirs = theirs.sum(1) if theirs.ndim == 4 else theirs
    assert distance(ours, theirs) < 1e-5


def test_torchcams_layercam_agrees(case):
    model, layer, images = case
    ours = ModelCheck(model, images).layercam(target=3, layer=layer).raw
    with torchcam.LayerCAM(model, layer) as extractor:
        (theirs,) = extractor(3, model(images), normalized=False)
    assert distance(np.maximum(ours, 0), theirs) < 1e-5


def small(act: nn.Module) -> tuple[nn.Sequential, torch.Tensor]:
    """A network in double precision whose layer "0" has activations of both signs behind GELU."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 4, 3), act)
    model = nn.Sequential(body, nn.Flatten(), nn.Linear(4 * 36, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    return model.eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)


def by_hand(model: nn.Sequential, images: torch.Tensor, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Activation and gradient (N, C, h, w)."""
    activation = model[0](images).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model[1:](activation)[:, target].sum(), activation)
    return activation.detach().numpy(), gradient.numpy()


ACTS = pytest.mark.parametrize(
    "act", [nn.ReLU(), nn.Hardswish(), nn.GELU()], ids=["relu", "hardswish", "gelu"]
)


@ACTS
@pytest.mark.parametrize("method", ["eigencam", "eigen_gradcam"])
def test_the_first_principal_component(act, method):
    """By numpy's SVD; the stronger end is the positive one."""
    model, images = small(act)
    a, g = by_hand(model, images, 1)
    heatmap = getattr(ModelCheck(model, images), method)(target=1, layer="0")
    for raw, features in zip(heatmap.raw, a if method == "eigencam" else a * g, strict=True):
        places = features.reshape(len(features), -1).T
        centred = places - places.mean(0)
        projected = centred @ np.linalg.svd(centred, full_matrices=False)[2][0]
        want = projected * np.sign(projected[np.abs(projected).argmax()])
        assert distance(raw.ravel(), want) < 1e-5


@ACTS
def test_xgradcam_by_hand_and_a_feature_that_is_off_weighs_nothing(act):
    model, images = small(act)
    with torch.no_grad():
        model[0][0].weight[2], model[0][0].bias[2] = 0, -9 if isinstance(act, nn.ReLU) else 0
    a, g = by_hand(model, images, 1)
    with np.errstate(all="ignore"):
        weights = np.nan_to_num((g * a).sum((2, 3)) / a.sum((2, 3)))
    assert (weights[:, 2] == 0).all()
    want = np.einsum("nc,nchw->nhw", weights, a)
    assert distance(ModelCheck(model, images).xgradcam(target=1, layer="0").raw, want) < 1e-5


@ACTS
def test_grad_cam_plus_plus_by_hand(act):
    """Equation 19 of the paper, written out over all places (Y = exp(S); its factor cancels)."""
    model, images = small(act)
    activations, gradients = by_hand(model, images, 1)
    want = np.zeros((2, 6, 6))
    for n in range(2):
        for a, g in zip(activations[n], gradients[n], strict=True):
            weight = 0.0
            for i in range(6):
                for j in range(6):
                    total = sum(a[p, q] * g[i, j] ** 3 for p in range(6) for q in range(6))
                    weight += g[i, j] ** 2 / (2 * g[i, j] ** 2 + total) * max(g[i, j], 0)
            want[n] += weight * a
    ours = ModelCheck(model, images).gradcam_plus_plus(target=1, layer="0").raw
    assert distance(ours, want) < 1e-5


@pytest.mark.parametrize(
    "ours", [("deconvnet", captum.Deconvolution), ("guided_backprop", captum.GuidedBackprop)]
)
@pytest.mark.parametrize("name", ["resnet18", "vgg11"])
def test_captum_agrees_on_projections_where_relus_are_modules(ours, name):
    method, peer = ours
    torch.manual_seed(0)
    model, images = models.get_model(name, weights=None).eval(), torch.randn(2, 3, 64, 64)
    mine = getattr(ModelCheck(model, images), method)(target=3).raw
    theirs = peer(model).attribute(images.clone(), target=3)
    assert distance(mine, theirs) < 1e-5


def test_captum_agrees_on_guided_gradcam():
    torch.manual_seed(0)
    model, images = models.resnet18(weights=None).eval(), torch.randn(2, 3, 64, 64)
    ours = ModelCheck(model, images).guided_gradcam(target=3, layer="layer3").raw
    theirs = captum.GuidedGradCam(model, model.layer3).attribute(
        images.clone(), target=3, interpolate_mode="bilinear"
    )
    assert distance(ours, theirs) < 1e-5


def pooled() -> nn.Sequential:
    """Features, global average pooling, a linear layer."""
    torch.manual_seed(0)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(6, 4))
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), *head)


def test_gap_and_linear_heads_make_four_methods_one():
    """CAM / (H W) = Grad-CAM = HiResCAM = XGrad-CAM."""
    model, images = pooled().train(), torch.randn(2, 3, 9, 9)
    check = ModelCheck(model, images)
    features = model[1](model[0](images))
    cam = torch.einsum("c,nchw->nhw", model[5].weight[2], features)
    assert distance(check.cam(target=2, layer="1").raw, cam) < 1e-5
    for method in ("gradcam", "hirescam", "xgradcam"):
        assert distance(getattr(check, method)(target=2, layer="1").raw, cam / 49) < 1e-5


def test_gap_and_linear_identities_of_a_real_network():
    torch.manual_seed(0)
    check = ModelCheck(models.resnet18(weights=None), torch.randn(2, 3, 96, 64))
    cam = check.cam(target=5).raw / (3 * 2)
    for method in ("gradcam", "hirescam", "xgradcam"):
        assert distance(getattr(check, method)(target=5).raw, cam) < 1e-5


def ablated(model, body, rest, images, target: int) -> np.ndarray:
    """Desai and Ramaswamy's formula, one feature at a time."""
    with torch.no_grad():
        features = body(images)
        whole = rest(features)[:, target]
        weights = []
        for channel in range(features.shape[1]):
            without = features.clone()
            without[:, channel] = 0
            weights.append((whole - rest(without)[:, target]) / whole.abs())
        return torch.einsum("cn,nchw->nhw", torch.stack(weights), features).numpy()


def test_ablation_in_closed_form():
    model, images = pooled().eval(), torch.randn(2, 3, 9, 9)
    want = ablated(model, model[:2], model[2:], images, 2)
    assert distance(ModelCheck(model, images).ablation_cam(target=2, layer="1").raw, want) < 1e-5


@pytest.mark.parametrize("target", [2, lambda logits: logits[:, 2]], ids=["index", "callable"])
def test_ablation_from_the_layer_onward(target):
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3),
        nn.GELU(),
        nn.Conv2d(6, 3, 3),
        nn.Flatten(),
        nn.Linear(75, 9),
        nn.ReLU(),
        nn.Linear(9, 4),
    ).eval()
    images = torch.randn(3, 3, 9, 9)
    want = ablated(model, model[:2], model[2:], images, 2)
    assert distance(ModelCheck(model, images).ablation_cam(target=target, layer="1").raw, want) < 1e-5


def test_ablation_of_a_model_that_minds_how_many_samples_there_are():
    class Concatenates(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.body, self.fc = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1), nn.Linear(8, 3)

        def forward(self, x):
            early = self.stem(x)
            return self.fc(torch.cat([early, self.body(early)], 1).mean((2, 3)))

    torch.manual_seed(0)
    model, images = Concatenates().eval(), torch.randn(2, 3, 8, 8)
    early = model.stem(images)
    rest = lambda late: model.fc(torch.cat([early, late], 1).mean((2, 3)))  # noqa: E731
    want = ablated(model, lambda x: model.body(early), rest, images, 1)
    assert distance(ModelCheck(model, images).ablation_cam(target=1, layer="body").raw, want) < 1e-5


def test_score_cam_by_hand():
    """Wang et al., algorithm 1: masks enlarged and scaled to 0..1, scores of the masked inputs, softmax."""
    model, images = pooled().eval(), torch.randn(2, 3, 9, 9)
    with torch.no_grad():
        features = model[1](model[0](images))
        large = nn.functional.interpolate(features, size=(9, 9), mode="bilinear", align_corners=False)
        low, high = large.amin((2, 3), keepdim=True), large.amax((2, 3), keepdim=True)
        masks = (large - low) / (high - low)
        scores = torch.stack([model(images * masks[:, c : c + 1])[:, 2] for c in range(6)], 1)
        want = torch.einsum("nc,nchw->nhw", scores.softmax(1), features)
    assert distance(ModelCheck(model, images).score_cam(target=2, layer="1").raw, want) < 1e-5


def test_finer_cam_is_the_difference_of_two_maps():
    torch.manual_seed(0)
    check = ModelCheck(models.resnet18(weights=None), torch.randn(2, 3, 64, 64))
    one, other = check.gradcam(target=5).raw, check.gradcam(target=8).raw
    finer = check.gradcam(target=ClassDifference(5, against=8, alpha=0.5))
    assert distance(finer.raw, one - 0.5 * other) < 1e-5
    assert finer.target == ("class 5 against 8",) * 2


def test_finer_cam_finds_the_nearest_classes_itself():
    logits = torch.tensor([[1.0, 5.0, 4.5, 4.0, 6.1, 9.0]])
    assert ClassDifference(1)(logits).tolist() == pytest.approx([5 - (4.5 + 4 + 6.1) / 3])
