"""The picture is found among the inputs or chosen with `image=`, the map lies on it; signals and volumes have maps."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ModelCheck

from .planted import METHODS, PROJECTIONS, Net, by_hand, convolutions, drawn, far, made, told
from .planted_images import CLIP, DIMENSIONS, GREY, PICTURES, Detector, X, Y, one, padded, signal, two, volume


@pytest.mark.parametrize("planted", [*PICTURES, *DIMENSIONS], ids=repr)
def test_the_picture_and_its_map(planted):
    model = made(planted.build, planted.name)
    heatmap = ModelCheck(model, planted.inputs).gradcam(target=1, **planted.options)
    np.testing.assert_array_equal(heatmap.image, planted.picture.numpy())
    assert heatmap.map.shape == (2, *planted.picture.shape[2:])
    assert heatmap.raw.shape == (2, *planted.grid)
    assert far(heatmap.raw, by_hand(model, planted.inputs, planted.layer, call=planted.call)) < 1e-4
    assert heatmap.overlay() is not None
    assert heatmap.to_dict()["map_shape"] == list(planted.grid)


@pytest.mark.parametrize("method", [*METHODS, *PROJECTIONS])
@pytest.mark.parametrize("planted", [DIMENSIONS[0], DIMENSIONS[6]], ids=repr)
def test_every_method_of_signals_and_volumes(planted, method):
    model = made(planted.build, planted.name)
    seen = getattr(ModelCheck(model, planted.inputs), method)(target=1)
    assert seen.map.shape == (2, *planted.picture.shape[2:])
    assert np.isfinite(seen.map).all()


@pytest.mark.parametrize(
    "planted", [PICTURES[0], PICTURES[14], PICTURES[18], DIMENSIONS[0], DIMENSIONS[5]], ids=repr
)
def test_insertion_and_deletion_of_any_picture(planted):
    """The curves' ends are the model's own answers: nothing deleted, all inserted."""
    model = made(planted.build, planted.name)
    subject = ModelCheck(model, planted.inputs)
    seen = subject.faithfulness(subject.gradcam(target=1), steps=2)
    given = planted.inputs if isinstance(planted.inputs, tuple) else (planted.inputs,)
    whole = model(*given).softmax(1)[:, 1].detach().numpy()
    np.testing.assert_allclose(seen.deletion_curve[:, 0], whole, atol=1e-5)
    np.testing.assert_allclose(seen.insertion_curve[:, -1], whole, atol=1e-5)
    assert not np.allclose(seen.deletion_curve[:, -1], whole, atol=1e-6)


def test_only_the_chosen_picture_is_changed():
    """Deleting all of the second of two equal pictures leaves the first alone."""
    model = made(two(False))
    subject = ModelCheck(model, (X, X.clone()))
    seen = subject.faithfulness(subject.gradcam(target=1, image=1), steps=1, image=1)
    blank = X.mean((2, 3), keepdim=True).expand_as(X)
    want = model(X, blank).softmax(1)[:, 1].detach().numpy()
    np.testing.assert_allclose(seen.deletion_curve[:, -1], want, atol=1e-5)


def test_invariance_moves_the_chosen_picture():
    model = made(one(lambda left, right: right + left.mean() * 0))
    subject = ModelCheck(model, {"left": X, "right": Y})
    still = subject.invariance("translation", values=[0.2], image="left", layers=["features"])
    moved = subject.invariance("translation", values=[0.2], image="right", layers=["features"])
    assert still.max_feature_shift < 1e-5 < 0.1 < moved.max_feature_shift


@pytest.mark.parametrize("image", [2, -3, "middle", "0", 1.5, True, None.__class__])
@pytest.mark.parametrize("method", ["gradcam", "score_cam", "guided_backprop"])
def test_a_picture_that_is_not_there(image, method):
    subject = ModelCheck(made(one(lambda left, right: left + right)), {"left": X, "right": Y})
    said = told(lambda: getattr(subject, method)(target=1, image=image))
    assert "image" in said
    assert "left" in said
    assert "right" in said


def test_what_is_no_picture_cannot_be_chosen():
    subject = ModelCheck(made(one(lambda x, ids: x + ids.sum() * 0)), (X, torch.arange(12).view(2, 6)))
    said = told(lambda: subject.gradcam(target=1, image=1))
    assert "2x6" in said or "(2, 6)" in said


TABLES = {
    "table": drawn(2, 10),
    "tokens": torch.arange(12).view(2, 6),
    "two tables": (drawn(2, 10), drawn(2, 3)),
}


@pytest.mark.parametrize("inputs", TABLES.values(), ids=TABLES.keys())
def test_a_model_of_no_picture_is_told(inputs):
    """A table or a sentence has no places; it must not become a signal by chance."""

    def forward(self, x, *more):
        return self.head(self.body(self.words(x).flatten(1) if not x.is_floating_point() else x).relu())

    width = 12 if isinstance(inputs, torch.Tensor) and not inputs.is_floating_point() else 10
    model = made(
        lambda: Net(forward, words=nn.Embedding(20, 2), body=nn.Linear(width, 8), head=nn.Linear(8, 4))
    )
    said = told(lambda: ModelCheck(model, inputs).gradcam(target=1))
    assert "a heatmap needs an image input" in said or "no layer with a spatial map" in said


def frames(x):
    return x.flatten(0, 1)


def test_frames_of_a_film_are_a_map_of_each_or_are_told():
    """(N, T, C, H, W), each frame a picture of the batch: no map of the mixed-up axes."""
    model = made(
        lambda: Net(
            lambda self, x: self.head(self.features(frames(x)).mean((2, 3)).view(*x.shape[:2], 8).mean(1)),
            features=convolutions(),
            head=nn.Linear(8, 4),
        )
    )
    film = CLIP.transpose(1, 2).contiguous()
    try:
        shape = ModelCheck(model, film).gradcam(target=1).map.shape
    except Exception as error:
        said = str(error)
        assert type(error).__name__ in ("ExplanationError", "MeasurementError"), said  # noqa: PT017
        assert "8" in said
        assert "32" in said
    else:
        assert shape == (2, 8, 32, 32)


@pytest.mark.parametrize("scale", [1.0, 2.0])
@pytest.mark.parametrize("size", [(40, 72), (33, 64), (64, 50)], ids=str)
def test_places_of_a_detector_that_pads(size, scale):
    """The picture takes the upper left part of the grid: the map is enlarged to the padded size, cut, and shrunk."""
    model = made(lambda: Detector(scale))
    image = drawn(3, *size)
    subject = ModelCheck(model, ([image],))
    heatmap = subject.gradcam(target=1, layer="features")
    raw = by_hand(model, ([image],), "features")
    grown = torch.from_numpy(raw)[:, None].relu()
    inner = [int(s * scale) for s in size]
    outer = padded(torch.zeros(1, 1, *inner)).shape[2:]
    want = F.interpolate(grown, size=tuple(outer), mode="bilinear")[:, :, : inner[0], : inner[1]]
    want = F.interpolate(want, size=size, mode="bilinear")[0, 0]
    want = ((want - want.min()) / (want.max() - want.min())).numpy()
    assert heatmap.map.shape == (1, *size)
    assert np.abs(heatmap.map[0] - want).max() < 0.1
    assert np.abs(heatmap.map[0] - want).mean() < 0.02


def test_places_of_torchvisions_detector():
    """A bright spot near the right edge is where the map is hottest: the padding does not shift it."""
    detection = pytest.importorskip("torchvision.models.detection")
    model = made(
        lambda: detection.fasterrcnn_mobilenet_v3_large_320_fpn(
            weights=None, weights_backbone=None, box_score_thresh=0.0, min_size=100, max_size=160
        )
    )
    image = torch.rand(3, 100, 130, generator=torch.Generator().manual_seed(0))
    outer = model.transform([image])[0].tensors.shape[2:]
    assert tuple(outer) == (128, 160)
    heatmap = ModelCheck(model, ([image],)).gradcam(
        target=lambda output: output[0]["scores"].sum(), layer="backbone.body.0"
    )
    raw = torch.from_numpy(heatmap.raw)[:, None].relu()
    want = F.interpolate(raw, size=tuple(outer), mode="bilinear")[0, 0, :100, :130]
    want = ((want - want.min()) / (want.max() - want.min())).numpy()
    assert np.abs(heatmap.map[0] - want).max() < 0.1
    assert heatmap.extent == pytest.approx((100 / 128, 130 / 160))


def test_nothing_is_cut_where_nothing_is_padded():
    """A grid that is rounded up is no padding: convolutions pad within."""
    for size in [(33, 47), (30, 50)]:
        image = drawn(2, 3, *size)
        heatmap = ModelCheck(made(one()), image).gradcam(target=1)
        raw = torch.from_numpy(heatmap.raw)[:, None].relu()
        want = F.interpolate(raw, size=size, mode="bilinear")[:, 0].flatten(1)
        low, high = want.amin(1, keepdim=True), want.amax(1, keepdim=True)
        np.testing.assert_allclose(
            heatmap.map.reshape(2, -1), ((want - low) / (high - low)).numpy(), atol=1e-5
        )


def test_two_pictures_of_one_kind_are_chosen_by_the_user_or_the_first():
    model = made(one(lambda a, b: a + b, 1))
    seen = ModelCheck(model, (GREY, GREY + 1)).gradcam(target=1)
    np.testing.assert_array_equal(seen.image, GREY.numpy())


def test_the_line_and_the_slices_are_drawn():
    for build, inputs in ((signal(), drawn(2, 2, 64)), (volume(), drawn(2, 1, 16, 16, 16))):
        heatmap = ModelCheck(made(build), inputs).gradcam(target=1)
        for picture in (heatmap.overlay(), heatmap.overlay(index=1)):
            assert min(picture.size) >= 16
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 2
