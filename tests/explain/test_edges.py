"""What users do to models and arguments at the edge of what can be explained."""

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ClassDifference, ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.compare import StoredMap, compare

IMAGES = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
METHODS = [
    "gradcam",
    "hirescam",
    "ablation_cam",
    "score_cam",
    "cam",
    "deconvnet",
    "guided_backprop",
    "guided_gradcam",
]


def make(*first: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    head = [nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4)]
    return nn.Sequential(*first, nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 3), *head)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("method", METHODS)
def test_every_precision_gives_the_same_map(method, dtype):
    want = getattr(ModelCheck(make(), IMAGES), method)(target=1).raw
    got = getattr(ModelCheck(make().to(dtype), IMAGES.to(dtype)), method)(target=1).raw
    assert got.dtype == np.float32
    assert np.corrcoef(got.ravel(), want.ravel())[0, 1] > 0.98


def test_a_model_compiled_in_place():
    model = make()
    want = ModelCheck(make(), IMAGES).gradcam(target=1, layer="3").raw
    model.compile(backend="eager")
    np.testing.assert_allclose(ModelCheck(model, IMAGES).gradcam(target=1, layer="3").raw, want, atol=1e-6)


class Centred(nn.Module):
    """Writes to its input, as preprocessing in a model may."""

    def forward(self, x):
        return x.sub_(x.mean())


@pytest.mark.parametrize("method", METHODS)
def test_the_users_input_is_left_alone(method):
    images = IMAGES.clone()
    heatmap = getattr(ModelCheck(make(Centred()), images), method)(target=1)
    assert torch.equal(images, IMAGES)
    images.zero_()
    assert heatmap.image.any()  # nor does what the user does later reach the result


def broken_weights():
    model = make()
    nn.init.constant_(model[0].weight, torch.nan)
    return model


def silent_head():
    model = make()
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    return model


@pytest.mark.parametrize(("conv", "space"), [(nn.Conv1d, (24,)), (nn.Conv3d, (6, 8, 8))])
def test_strongest_activations_of_signals_and_volumes(conv, space):
    model = nn.Sequential(conv(3, 4, 3), nn.ReLU(), nn.Flatten(2), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    made = ModelCheck(model, torch.randn(1, 3, *space)).strongest_activations(["0"])
    assert made.to_dict()


def broken(output):
    return output[:, 7]


WRONG = {
    "target that raises": (lambda c: c.gradcam(target=broken), "target broken raised IndexError"),
    "empty batch": (lambda c: ModelCheck(make(), IMAGES[:0]).gradcam(), "the inputs are 0x3x16x16"),
    "no values": (lambda c: c.invariance("scale", values=[]), "give one or more"),
    "scale of 0": (lambda c: c.invariance("scale", values=[0, 1]), "scales above 0"),
    "no classes": (lambda c: c.invariance("scale", target=set()), "empty set"),
    "values that are none": (lambda c: c.invariance("scale", values="x"), "give one or more"),
    "layers that are none": (lambda c: c.invariance("scale", layers=[]), "names no layer"),
    "half a step": (lambda c: c.faithfulness(c.gradcam(target=1), steps=1.5), "one step or more"),
    "several layers": (lambda c: c.gradcam(layer=["3"]), "has no layer"),
    "call by name": (lambda c: c.gradcam(layer="3", call="x"), "is no number"),
    "number of classes": (lambda c: c.gradcam(target=1, classes=4), "are no names"),
    "NaN in the weights": (lambda c: ModelCheck(broken_weights(), IMAGES).eigencam(), "NaN or infinite"),
    "head of zeros": (lambda c: ModelCheck(silent_head(), IMAGES).gradcam(), "weights of its head zero"),
    "no steps": (lambda c: c.faithfulness(c.gradcam(target=1), steps=0), "one step or more"),
    "no features": (lambda c: c.strongest_activations(["3"], features=0), "both must be 1 or more"),
    "feature of no layer": (lambda c: c.deconvnet(feature=2), "needs the layer that it is of"),
}


@pytest.mark.parametrize(("ask", "words"), WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_told(ask, words):
    with pytest.raises(ExplanationError, match=words):
        ask(ModelCheck(make(), IMAGES))


@pytest.mark.parametrize(
    ("method", "arguments"),
    [(method, ()) for method in METHODS] + [("invariance", ("scale",)), ("strongest_activations", ())],
)
def test_a_model_without_values_has_nothing_to_explain(method, arguments):
    with pytest.raises(ExplanationError, match="meta device"):
        getattr(ModelCheck(make(), IMAGES, device="meta"), method)(*arguments)


@pytest.mark.parametrize("target", [ClassDifference(3, [0, 2], alpha=0.5), lambda output: output[:, 1]])
def test_cam_takes_every_target_that_gradcam_takes(target):
    check = ModelCheck(make(), IMAGES)
    cam, gradcam = check.cam(target=target, layer="4"), check.gradcam(target=target, layer="4")
    places = gradcam.raw.shape[1] * gradcam.raw.shape[2]  # the mean over places divides each place's gradient
    np.testing.assert_allclose(cam.raw, gradcam.raw * places, atol=1e-5)


def test_maps_that_hold_no_places_match_nothing():
    """NaN in the second sample was lost in the largest of all; an empty batch was equal to itself."""
    good = np.random.default_rng(0).random((2, 3, 3))
    broken = good.copy()
    broken[1, 0, 0] = np.nan
    for expected, actual in ((good, broken), (broken, good), (broken, broken), (good[:0], good[:0])):
        assert not compare(StoredMap(actual, {}), StoredMap(expected, {})).matches
    assert compare(StoredMap(good, {}), StoredMap(good, {})).matches
    with pytest.raises(ExplanationError):
        ModelCheck(make(), IMAGES[:0]).gradcam(target=1)
