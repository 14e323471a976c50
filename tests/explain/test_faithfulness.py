"""A map that names the right pixels scores well, its opposite badly; the pointing game."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck


class Spot(nn.Module):
    """Class 1 stands on the upper left quarter alone."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1)
        nn.init.constant_(self.conv.weight, 1 / 3)
        nn.init.zeros_(self.conv.bias)

    def forward(self, x):
        score = self.conv(x)[:, 0, :8, :8].mean((1, 2))
        return torch.stack([0 * score, 6 * score - 2], 1)


@pytest.fixture
def check():
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 0.2
    images[:, :, :8, :8] += 0.8
    return ModelCheck(Spot(), images)


def with_map(heatmap, raw: np.ndarray):
    return dataclasses.replace(heatmap, raw=np.stack([raw, raw]).astype(np.float32))


def test_the_right_pixels_score_well_and_the_wrong_ones_badly(check):
    heatmap = check.hirescam(target=1, layer="conv")
    right = np.zeros((16, 16))
    right[:8, :8] = 1
    good = check.faithfulness(with_map(heatmap, right))
    bad = check.faithfulness(with_map(heatmap, 1 - right))
    assert (good.insertion > bad.insertion).all()
    assert (good.deletion < bad.deletion - 0.1).all()
    assert good.average_drop < 0.01 < 0.5 < bad.average_drop
    assert bad.average_increase == 0
    real = check.faithfulness(heatmap)
    assert (real.deletion < bad.deletion - 0.1).all()


def test_the_ends_of_the_curves_are_the_whole_and_the_empty_image(check):
    found = check.faithfulness(check.hirescam(target=1, layer="conv"), steps=4)
    images = check.subject.inputs.tensors[0]
    whole = check.subject.module(images).softmax(1)[:, 1].detach().numpy()
    empty = images.mean((2, 3), keepdim=True).expand_as(images)
    np.testing.assert_allclose(found.insertion_curve[:, -1], whole, atol=1e-6)
    np.testing.assert_allclose(found.deletion_curve[:, 0], whole, atol=1e-6)
    np.testing.assert_allclose(
        found.deletion_curve[:, -1], check.subject.module(empty).softmax(1)[:, 1].detach(), atol=1e-6
    )
    assert found.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert "insertion" in str(found)


def test_pointing_game(check):
    heatmap = check.hirescam(target=1, layer="conv")
    raw = np.zeros((16, 16))
    raw[3, 12] = 1
    spot = with_map(heatmap, raw)
    assert spot.points_at([(10, 2, 14, 5), (0, 0, 5, 5)]).tolist() == [True, False]
    assert spot.points_at([(0, 0, 12, 16), (0, 0, 12, 16)]).tolist() == [False, False]
    assert spot.points_at([(0, 0, 12, 16)] * 2, margin=1).tolist() == [True, True]
    mask = np.zeros((2, 16, 16), bool)
    mask[1, 3, 12] = True
    assert spot.points_at(mask).tolist() == [False, True]
    single = dataclasses.replace(spot, raw=spot.raw[:1], image=spot.image[:1])
    assert single.points_at((10, 2, 14, 5)).tolist() == [True]
    assert single.points_at(mask[1]).tolist() == [True]
    with pytest.raises(ExplanationError, match="3 boxes or masks for 2 maps"):
        spot.points_at([(0, 0, 1, 1)] * 3)


def test_random_and_centre_maps_stand_beside_it(check):
    heatmap = check.hirescam(target=1, layer="conv")
    found = check.faithfulness(heatmap, steps=4)
    assert list(found.baselines) == ["random", "centre"]
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    centre = check.faithfulness(with_map(heatmap, np.exp(-(x**2 + y**2) * 2)), steps=4, baselines=False)
    np.testing.assert_allclose(found.baselines["centre"].deletion_curve, centre.deletion_curve, atol=1e-5)
    np.testing.assert_allclose(found.baselines["centre"].drop, centre.drop, atol=1e-5)
    assert (found.deletion < found.baselines["random"].deletion - 0.05).all()
    again = check.faithfulness(heatmap, steps=4)
    assert again.to_dict() == found.to_dict()
    assert set(found.to_dict()["baselines"]["random"]) >= {"insertion", "deletion_curve", "average_drop"}
    assert not centre.baselines
    for word in ("this map", "random", "centre", "probability: softmax"):
        assert word in str(found)


@pytest.mark.parametrize(("baselines", "forwards"), [(True, 24), (False, 10)])
def test_what_it_costs(check, baselines, forwards):
    heatmap, calls = check.hirescam(target=1, layer="conv"), []
    check.subject.module.register_forward_hook(lambda *_: calls.append(1))
    check.faithfulness(heatmap, steps=4, baselines=baselines)
    assert len(calls) == forwards


def test_whole_numbers_are_mixed_as_such():
    pixels = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)

    class Bytes(Spot):
        def forward(self, x):
            assert x.dtype == torch.uint8 or x.requires_grad
            return super().forward(x.float() / 255)

    check = ModelCheck(Bytes(), pixels)
    found = check.faithfulness(check.hirescam(target=1, layer="conv"), steps=2)
    whole = check.subject.module(pixels).softmax(1)[:, 1].detach()
    np.testing.assert_allclose(found.insertion_curve[:, -1], whole, atol=1e-6)


def test_refusals(check):
    heatmap = check.hirescam(target=lambda out: out[:, 1] ** 2, layer="conv")
    with pytest.raises(ExplanationError, match="callable's score"):
        check.faithfulness(heatmap)
    with pytest.raises(ExplanationError, match="is of images"):
        ModelCheck(Spot(), torch.rand(1, 3, 16, 16)).faithfulness(check.hirescam(target=1, layer="conv"))
    with pytest.raises(ExplanationError, match="sample 0, 1 is blank: no place speaks"):
        check.faithfulness(with_map(heatmap, np.full((16, 16), -1.0)))
