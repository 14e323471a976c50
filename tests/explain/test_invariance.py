"""Translation, scale, rotation: exact where geometry is exact; curves, budget and panel."""

import json

import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.invariance import transformed

IMAGES = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))


def test_transforms_are_exact_where_geometry_is():
    torch.testing.assert_close(
        transformed(IMAGES, "rotation", 90), IMAGES.rot90(1, (2, 3)), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(transformed(IMAGES, "rotation", 360), IMAGES, atol=1e-4, rtol=0)
    torch.testing.assert_close(transformed(IMAGES, "scale", 1), IMAGES, atol=1e-4, rtol=0)
    down = transformed(IMAGES, "translation", 3 / 20)
    torch.testing.assert_close(down[:, :, 3:], IMAGES[:, :, :-3], atol=1e-4, rtol=0)
    mean = IMAGES.mean((2, 3), keepdim=True).expand(2, 3, 2, 20)
    torch.testing.assert_close(down[:, :, :2], mean, atol=1e-4, rtol=0)


def test_enlarging_keeps_the_middle():
    image = torch.zeros(1, 1, 8, 8)
    image[:, :, 2:6, 2:6] = 1
    assert transformed(image, "scale", 2.0)[0, 0, 1:7, 1:7].min() > 0.99


def test_curves_of_a_network_that_cannot_see_places():
    """Pixels counted by colour: moving a shape on plain ground changes the early layer, and no answer."""
    image = torch.zeros(1, 3, 32, 32)
    image[:, :, 14:18, 14:18] = 1
    model = nn.Sequential(
        nn.Conv2d(3, 4, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
    seen = ModelCheck(model, image).invariance("translation", layers=["0", "2"], values=[0, 0.25, -0.25])
    assert seen.distance["0"][0][0] == pytest.approx(0, abs=1e-5)
    assert seen.distance["0"][1][0] > 1
    assert seen.max_feature_shift == pytest.approx(0.25, abs=1e-3)  # a quarter of mean colour came in
    assert max(p[0] for p in seen.probability) - seen.min_probability < 0.01


def test_distance_and_probability_by_hand():
    model, images = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 18 * 18, 3)).eval(), IMAGES
    seen = ModelCheck(model, images).invariance("rotation", target=[2, 1], layers="0", values=[90])
    turned = images.rot90(1, (2, 3))
    with torch.no_grad():
        f, g = model[0](images).flatten(1), model[0](turned).flatten(1)
        shares = model(turned).softmax(1)
    assert seen.distance["0"][0] == pytest.approx(((g - f).norm(dim=1) / f.norm(dim=1)).tolist(), rel=1e-3)
    assert seen.probability[0] == pytest.approx([float(shares[0, 2]), float(shares[1, 1])], rel=1e-3)
    group = ModelCheck(model, images).invariance("rotation", target={0, 2}, layers="0", values=[90])
    assert group.probability[0] == pytest.approx((shares[:, 0] + shares[:, 2]).tolist(), rel=1e-3)


def test_the_papers_ranges_and_layers_are_the_default():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(1024, 3))
    check = ModelCheck(model, IMAGES)
    turned = check.invariance("rotation")
    assert (turned.values[0], turned.values[-1]) == (0, 360)
    assert list(turned.distance) == ["0", "2"]
    assert turned.distance["2"][-1][0] == pytest.approx(0, abs=1e-4)
    assert check.invariance("scale").values[-1] == pytest.approx(1.8)
    assert check.invariance("translation").values[0] == pytest.approx(-60 / 224)
    json.dumps(turned.to_dict())


def test_refusals():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 18 * 18, 3))
    with pytest.raises(ExplanationError, match="'shear' is not one of 'translation'"):
        ModelCheck(model, IMAGES).invariance("shear")
    with pytest.raises(ExplanationError, match="target 7 is out of range"):
        ModelCheck(model, IMAGES).invariance("scale", target={1, 7})
