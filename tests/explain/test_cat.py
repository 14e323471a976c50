"""A pretrained network and a photograph: it sees a cat, and looks at it."""

from pathlib import Path

import numpy as np
import pytest

from pytest_modelcheck import ModelCheck

from .lite0 import CAT, cat, lite0, photograph

FACE = (20, 20, 205, 210)  # pixels of 224: left, top, right, bottom of the cat's face
METHODS = "gradcam gradcam_plus_plus xgradcam hirescam elementwise_cam layercam eigencam eigen_gradcam cam ablation_cam"


@pytest.fixture(scope="module")
def check():
    return ModelCheck(lite0(), cat())


def test_it_is_a_cat(check):
    shares = check.subject.run()[0].softmax(0)
    assert {281, 282, 285} == set(shares.topk(3).indices.tolist())


@pytest.mark.parametrize("method", METHODS.split())
def test_every_method_points_at_the_cat(check, method):
    heatmap = getattr(check, method)(target=CAT)
    assert heatmap.points_at(FACE).all()


def test_the_map_is_faithful(check):
    heatmap = check.gradcam(target=CAT)
    found = check.faithfulness(heatmap, steps=8)
    assert found.insertion > found.deletion + 0.1


def test_the_picture_of_the_readme(check, tmp_path):
    """The overlay is the committed .github/cat.png, but for the last bits."""
    from PIL import Image

    overlay = check.gradcam(target=CAT).overlay(photograph())
    stored = Path(__file__).resolve().parents[2] / ".github" / "cat.png"
    pair = Image.new("RGB", (2 * overlay.width, overlay.height))
    pair.paste(photograph(), (0, 0))
    pair.paste(overlay, (overlay.width, 0))
    assert np.abs(np.asarray(pair, int) - np.asarray(Image.open(stored).convert("RGB"), int)).mean() < 2
