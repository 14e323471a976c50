"""Every method, on networks with every kind of activation: the same map in every setting, nothing left behind."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck

from ..test_observe import photograph, same

ACTS = {
    "F.relu": F.relu,
    "ReLU in place": nn.ReLU(inplace=True),
    "Hardswish": nn.Hardswish(),
    "GELU": nn.GELU(),
}
CAMS = [
    "gradcam",
    "gradcam_plus_plus",
    "xgradcam",
    "hirescam",
    "elementwise_cam",
    "layercam",
    "eigencam",
    "eigen_gradcam",
    "cam",
    "ablation_cam",
    "score_cam",
]
PROJECTIONS = ["deconvnet", "guided_backprop", "guided_gradcam"]
IMAGES = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))


class Net(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.one, self.norm, self.two, self.fc = (
            nn.Conv2d(3, 6, 3),
            nn.BatchNorm2d(6),
            nn.Conv2d(6, 5, 3),
            nn.Linear(5, 4),
        )
        self.act = act

    def forward(self, x):
        return self.fc(self.two(self.act(self.norm(self.one(x)))).mean((2, 3)))


def make(act) -> Net:
    torch.manual_seed(0)
    return Net(act).eval()


SETTINGS = {
    "train mode": (lambda m: m.train(), torch.enable_grad),
    "frozen, no_grad": (lambda m: m.requires_grad_(False), torch.no_grad),
    "inference_mode": (lambda m: m, torch.inference_mode),
    "mid-training": (lambda m: m(IMAGES).sum().backward() or m, torch.enable_grad),
    "channels_last": (lambda m: m.to(memory_format=torch.channels_last), torch.enable_grad),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
@pytest.mark.parametrize("method", [*CAMS, *PROJECTIONS])
def test_the_same_in_every_setting(method, act):
    is_relu = act is F.relu or isinstance(act, nn.ReLU)
    if method in PROJECTIONS and not is_relu:
        with pytest.raises(ExplanationError, match="no ReLU was met"):
            getattr(ModelCheck(make(act), IMAGES), method)(target=1)
        return
    layer = {} if method in ("deconvnet", "guided_backprop") else {"layer": "two"}
    want = getattr(ModelCheck(make(act), IMAGES), method)(target=1, **layer).raw
    for name, (prepare, mode) in SETTINGS.items():
        model = prepare(make(act))
        before = photograph(model)
        with mode():
            got = getattr(ModelCheck(model, IMAGES.clone()), method)(target=1, **layer).raw
        np.testing.assert_allclose(got, want, atol=1e-5, err_msg=name)
        assert same(before, photograph(model)), name


@pytest.mark.parametrize("method", CAMS)
def test_a_channel_of_nothing_but_zeros_and_tiny_values_do_no_harm(method):
    model = make(F.relu)
    with torch.no_grad():
        model.two.weight[0], model.two.bias[0] = 0, 0
        for scale in (1, 1e-12):
            model.two.weight *= scale
            model.two.bias *= scale
            heatmap = getattr(ModelCheck(model, IMAGES), method)(target=1, layer="two")
            assert np.isfinite(heatmap.raw).all()
            assert np.isfinite(heatmap.map).all()


def test_detection_through_a_callable():
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, box_score_thresh=0.0, min_size=96, max_size=96
    )
    images = [torch.rand(3, 96, 96)]
    heatmap = ModelCheck(model, (images,)).gradcam(
        target=lambda output: output[0]["scores"].max(), layer="backbone.fpn.layer_blocks.0"
    )
    assert heatmap.map.shape == (1, 96, 96)


def test_segmentation_through_a_callable():
    class Segment(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 1)

        def forward(self, x):
            return {"out": self.head(self.body(x).relu())}

    torch.manual_seed(0)
    heatmap = ModelCheck(Segment(), IMAGES).gradcam(
        target=lambda output: output["out"][:, 2].sum((1, 2)), layer="body"
    )
    assert heatmap.raw.shape == (2, 12, 12)


def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch, capsys):
    import io

    from pytest_modelcheck import progress

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(progress, "terminal", stream)
        monkeypatch.setattr(progress, "EVERY", -1)
        ModelCheck(make(F.relu), IMAGES).score_cam(target=1, layer="two")
        assert ("ScoreCAM: 10 of 10" in stream.getvalue()) == stream.isatty()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("scale", [1e-10, 1, 1e10])
def test_maps_of_any_size_are_normalised_alike(scale):
    model = make(F.relu)
    want = ModelCheck(model, IMAGES).gradcam(target=1, layer="two").map
    with torch.no_grad():
        model.fc.weight *= scale
    got = ModelCheck(model, IMAGES).gradcam(target=1, layer="two").map
    np.testing.assert_allclose(got, want, atol=1e-5)
    assert got.max() == 1


@pytest.mark.parametrize("method", ["eigencam", "eigen_gradcam"])
def test_the_sign_of_a_principal_component_is_fixed(method):
    """By its larger side: svd may give either, and gives the other for the negated activation."""
    model = make(F.relu)
    raw = getattr(ModelCheck(model, IMAGES), method)(target=1, layer="two").raw
    with torch.no_grad():
        for tensor in (model.two.weight, model.two.bias, model.fc.weight):
            tensor.neg_()
    negated = getattr(ModelCheck(model, IMAGES), method)(target=1, layer="two").raw
    for maps in (raw, negated):
        assert (maps.max((1, 2)) >= -maps.min((1, 2))).all()
    np.testing.assert_allclose(raw, negated, atol=1e-5)


def test_a_layer_never_called_names_the_nearest():
    model = make(F.relu)
    model.two_b = nn.Conv2d(1, 1, 1)
    with pytest.raises(ExplanationError, match=r"'two_b' is never called in a forward; did you mean 'two'"):
        ModelCheck(model, IMAGES).gradcam(target=1, layer="two_b")


@pytest.mark.parametrize("layer", [None, "two"])
def test_an_exported_model_says_what_to_explain_and_that_works(layer):
    program = torch.export.export(make(F.relu).eval(), (IMAGES,))
    with pytest.raises(ExplanationError, match=r"no layers: explain .*torch\.export\.unflatten\(program\)"):
        ModelCheck(program.module(), IMAGES).gradcam(target=1, layer=layer)
    unflattened = ModelCheck(torch.export.unflatten(program), IMAGES).gradcam(target=1, layer="two")
    np.testing.assert_allclose(
        unflattened.raw, ModelCheck(make(F.relu), IMAGES).gradcam(target=1, layer="two").raw, atol=1e-6
    )
