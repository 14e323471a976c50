"""Translation, scale, rotation: exact where geometry is exact; curves, budget and panel."""

import json

import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain import invariance as room
from pytest_modelcheck.checks.explain.images import Images
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


def test_signals_and_volumes_are_transformed_in_space():
    signal = IMAGES[:, :, 0]
    torch.testing.assert_close(
        transformed(signal, "translation", 0.25)[..., 5:], signal[..., :-5], atol=1e-4, rtol=0
    )
    volume = IMAGES[:, :, None].expand(-1, -1, 4, -1, -1)
    for transform, value in (("rotation", 30), ("translation", 0.1)):
        flat = transformed(IMAGES, transform, value)
        torch.testing.assert_close(
            transformed(volume, transform, value), flat[:, :, None].expand_as(volume), atol=1e-4, rtol=0
        )
    cube = torch.zeros(1, 1, 8, 8, 8)
    cube[:, :, 2:6, 2:6, 2:6] = 1
    assert transformed(cube, "scale", 2.0)[0, 0, 1:7, 1:7, 1:7].min() > 0.99


def test_whole_numbers_stay_what_they_are():
    pixels = torch.arange(0, 256, 4, dtype=torch.uint8).view(1, 1, 8, 8)
    moved = transformed(pixels, "translation", 1 / 8)
    assert torch.equal(moved[:, :, 1:], pixels[:, :, :-1])
    assert moved[0, 0, 0, 0] == round(float(pixels.float().mean()))
    assert room.noise_like(pixels).max() <= 252


class Last(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(4, 3)

    def forward(self, scale, picture):
        return self.fc(self.conv(picture.permute(0, 3, 1, 2) * scale).relu().mean((2, 3)))


def test_channels_last_and_keywords(monkeypatch):
    """The same curves as of the layout that torch has, whatever the model takes."""
    torch.manual_seed(0)
    model = Last()
    plain = nn.Sequential(model.conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.fc)
    want = ModelCheck(plain, IMAGES).invariance("rotation", layers="0", values=[0, 33])
    monkeypatch.setattr(room, "find_images", lambda subject, image: Images(subject, (1,), "NSSC"))
    inputs = {"scale": torch.ones(1, 1, 1, 1), "picture": IMAGES.permute(0, 2, 3, 1).contiguous()}
    seen = ModelCheck(model, inputs).invariance("rotation", layers="conv", values=[0, 33])
    assert seen.probability[1] == pytest.approx(want.probability[1], abs=1e-5)
    assert seen.distance["conv"][1] == pytest.approx(want.distance["0"][1], abs=1e-5)


SHOWN = [  # (transform, values, axis, ticks) of pictures of 224 rows
    ("translation", None, "vertical shift, pixels", [-60, -40, -20, 0, 20, 40, 60]),
    ("rotation", None, "rotation, degrees", [0, 60, 120, 180, 240, 300, 360]),
    ("scale", None, "scale, ratio", [1.0, 1.2, 1.4, 1.6, 1.8]),
    ("rotation", [-10, 0, 10], "rotation, degrees", [-10, -5, 0, 5, 10]),
    ("scale", [2.0], "scale, ratio", [2.0]),
]


@pytest.mark.parametrize(("transform", "values", "axis", "ticks"), SHOWN)
def test_axes_are_what_people_read(transform, values, axis, ticks):
    steps = tuple(values or room.TRANSFORMS[transform][1])
    seen = room.Invariance(transform, steps, {}, ((0.5,),), (0,), size=(224, 100))
    assert (seen.axis, seen.ticks) == (axis, pytest.approx(ticks))
    assert max(seen.places) == pytest.approx(60 if transform == "translation" else steps[-1])


def test_a_signal_does_not_turn(monkeypatch):
    model = nn.Sequential(nn.Conv1d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten())
    monkeypatch.setattr(room, "find_images", lambda subject, image: Images(subject, (0,), "NCS"))
    check = ModelCheck(model, IMAGES[:, :, 0])
    with pytest.raises(ExplanationError, match="no rotation"):
        check.invariance("rotation", layers="0")
    seen = check.invariance("translation", layers="0", values=[0.25])
    assert (seen.axis, seen.places) == ("shift, samples of the signal", (5.0,))


def test_values_that_are_no_numbers_are_refused():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4 * 18 * 18, 3))
    with pytest.raises(ExplanationError, match="finite"):
        ModelCheck(model, IMAGES).invariance("rotation", values=[float("nan")])
