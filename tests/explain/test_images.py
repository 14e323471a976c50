"""Which input is the picture, how it is laid out, and where it lies on the grid of a detector."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.automatic import describe
from pytest_modelcheck.checks.explain.images import find_images


class Sees(nn.Module):
    """A convolution over `dims` dimensions of what `before` makes of the inputs."""

    def __init__(self, before, channels=3, dims=2):
        super().__init__()
        torch.manual_seed(0)
        kind = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[dims]
        self.conv, self.fc, self.before = kind(channels, 6, 3, 2, 1), nn.Linear(6, 4), before

    def forward(self, *args, **kwargs):
        return self.fc(self.conv(self.before(*args, **kwargs)).flatten(2).mean(2))


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


X, SMALL = draw(2, 3, 16, 24), draw(2, 3, 8, 12)
BYTES = (draw(2, 3, 16, 24).abs() * 50).to(torch.uint8)

FOUND = {  # inputs, what the model does with them, channels and dimensions of its convolution; place, axes
    "NHWC": (draw(2, 16, 24, 3), lambda x: x.permute(0, 3, 1, 2), 3, 2, 0, "NSSC"),
    "NHWC that looks like NCHW": (draw(2, 3, 24, 12), lambda x: x.permute(0, 3, 1, 2), 12, 2, 0, "NSSC"),
    "spectral": (draw(2, 12, 16, 3), lambda x: x, 12, 2, 0, "NCSS"),
    "bytes": (BYTES, lambda x: x / 255, 3, 2, 0, "NCSS"),
    "scale before": ((torch.ones(1, 1, 1, 1), X), lambda s, x: x * s, 3, 2, 1, "NCSS"),
    "mask before": (((X[:, :1] > 0).float(), X), lambda m, x: x * m, 3, 2, 1, "NCSS"),
    "unused before": ((SMALL, X), lambda u, x: x, 3, 2, 1, "NCSS"),
    "kernel before": ((draw(3, 3, 3, 3), X), lambda k, x: F.conv2d(x, k, padding=1), 3, 2, 1, "NCSS"),
    "unbatched": (X[0], lambda x: x[None], 3, 2, 0, "CSS"),
    "no channels": (X[:, 0], lambda x: x[:, None], 1, 2, 0, "NSS"),
    "signal": (draw(2, 3, 64), lambda x: x, 3, 1, 0, "NCS"),
    "signal, channels last": (draw(2, 64, 3), lambda x: x.transpose(1, 2), 3, 1, 0, "NSC"),
    "signal without channels": (draw(2, 64), lambda x: x[:, None], 1, 1, 0, "NS"),
    "volume": (draw(2, 1, 8, 12, 16), lambda x: x, 1, 3, 0, "NCSSS"),
    "volume, channels last": (draw(2, 8, 12, 16, 2), lambda x: x.movedim(-1, 1), 2, 3, 0, "NSSSC"),
    "volume without channels": (draw(2, 8, 12, 16), lambda x: x[:, None], 1, 3, 0, "NSSS"),
    "film": (draw(2, 4, 3, 12, 16), lambda x: x.transpose(1, 2), 3, 3, 0, "NSCSS"),
}


@pytest.mark.parametrize(
    ("inputs", "before", "channels", "dims", "place", "axes"), FOUND.values(), ids=FOUND.keys()
)
def test_the_picture_is_what_the_convolution_gets(inputs, before, channels, dims, place, axes):
    model = Sees(before, channels, dims).eval()
    images = find_images(ModelCheck(model, inputs).subject)
    assert (images.places, images.axes) == ((place,), axes)
    assert images.batch.shape[1] == channels
    assert len(images.size) == dims
    again = images.inputs(images.batch)
    given = images.subject.inputs.tensors
    assert all(torch.equal(a, b) for a, b in zip(again.tensors, given, strict=True))


def test_the_map_of_channels_last_is_that_of_channels_first():
    first, last = Sees(lambda x: x), Sees(lambda x: x.permute(0, 3, 1, 2))
    want = ModelCheck(first, X).gradcam(target=1)
    got = ModelCheck(last, X.permute(0, 2, 3, 1).contiguous()).gradcam(target=1)
    np.testing.assert_allclose(got.raw, want.raw, atol=1e-6)
    np.testing.assert_array_equal(got.image, want.image)


NAMED = {
    "place": (1, (X, X + 1), 1),
    "parameter": ("b", (X, X + 1), 1),
    "keyword": ("b", {"a": X, "b": X + 1}, 1),
    "within": ("b.0", {"a": X, "b": [X + 1]}, 1),
    "argument that holds it": ("b", {"a": X, "b": {"pixels": X + 1, "ids": torch.ones(2, 3)}}, 1),
}


@pytest.mark.parametrize(("image", "inputs", "place"), NAMED.values(), ids=NAMED.keys())
def test_it_can_be_chosen(image, inputs, place):
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.sees = Sees(lambda x: x)

        def forward(self, a, b):
            b = b[0] if isinstance(b, list) else b["pixels"] if isinstance(b, dict) else b
            return self.sees(a) + self.sees(b)

    check = ModelCheck(Pair(), inputs)
    images = find_images(check.subject, image)
    assert images.places == (place,)
    assert torch.equal(images.batch, X + 1)
    assert images.notes == ()
    (note,) = check.gradcam(target=1).notes
    assert note.startswith("the picture is a; there is another: image='b")


def test_of_a_shared_layer_the_call_is_explained_that_the_picture_reaches():
    class Siamese(nn.Module):
        def __init__(self):
            super().__init__()
            self.sees = nn.Conv2d(3, 6, 3)
            self.fc = nn.Linear(12, 4)

        def forward(self, a, b):
            return self.fc(torch.cat([self.sees(a).mean((2, 3)), self.sees(b).mean((2, 3))], 1))

    torch.manual_seed(0)
    check = ModelCheck(Siamese(), (X, SMALL))
    for layer in (None, "sees"):
        assert check.gradcam(1, layer, image=0).raw.shape == (2, 14, 22)
        assert check.gradcam(1, layer, image=1).raw.shape == (2, 6, 10)
        assert check.gradcam(1, layer, image=0, call=0).raw.shape == (2, 14, 22)


REFUSED = {
    "not there": ((X,), "picture", "image='picture' is not one of 0, '0'"),
    "no such place": ((X,), 1, "image=1 is not one of 0"),
    "indices": ((X, torch.arange(6).view(2, 3)), 1, "image=1 is no picture: it is 2x3 int64"),
    "sizes": (([X[0], SMALL[0]],), None, "several sizes, 3x16x24, 3x8x12.*one at a time"),
    "frames": ((draw(2, 4, 3, 8, 8),), None, "frames of the video 2x4x3x8x8 one at a time"),
}


@pytest.mark.parametrize(("inputs", "image", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_picture_is_told(inputs, image, words):
    model = Sees(lambda x, *more: x if isinstance(x, torch.Tensor) and x.dim() == 4 else x.flatten(0, 1))
    with pytest.raises(ExplanationError, match=f"(?s){words}"):
        ModelCheck(model, inputs).gradcam(target=1, image=image)


def test_three_dimensions_say_what_they_were_taken_for():
    (note,) = find_images(ModelCheck(Sees(lambda x: x[:, None], 1), X[:, 0]).subject).notes
    assert note.endswith("(2x16x24) was read as (samples, places, places)")
    tokens = nn.Sequential(nn.Linear(8, 8), nn.Flatten(), nn.Linear(40, 4))
    with pytest.raises(ExplanationError, match="needs an image input"):
        ModelCheck(tokens, draw(2, 5, 8)).gradcam(target=1)
    heatmap = ModelCheck(tokens, draw(2, 5, 8))
    assert find_images(heatmap.subject, 0).axes == "NSC"


class Pads(nn.Module):
    """Doubles each image and pads right and below, as detectors do; `margin` on all sides is a convolution's own."""

    def __init__(self, to=(64, 64), margin=0):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc, self.to, self.margin = nn.Conv2d(3, 6, 3, 4), nn.Linear(6, 4), to, margin

    def forward(self, images):
        batch = F.interpolate(torch.stack(images), scale_factor=2.0)
        below, right = self.to[0] - batch.shape[2], self.to[1] - batch.shape[3]
        batch = F.pad(batch, (self.margin, right + self.margin, self.margin, below + self.margin))
        return self.fc(self.conv(batch).relu().mean((2, 3)))


def test_what_a_detector_pads_is_cut_off():
    heatmap = ModelCheck(Pads(), ([X[0], X[1]],)).gradcam(target=1, layer="conv")
    assert heatmap.extent == (32 / 64, 48 / 64)
    assert heatmap.to_dict()["extent"] == [32 / 64, 48 / 64]
    grown = F.interpolate(torch.from_numpy(heatmap.raw).relu()[:, None], size=(32, 32), mode="bilinear")
    want = grown[:, 0, :16, :24]
    low, high = want.amin((1, 2), keepdim=True), want.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(heatmap.map, (want - low) / (high - low), atol=1e-5)


@pytest.mark.parametrize("model", [Pads((32, 48)), Pads((32, 48), 1), Pads((34, 50)), Pads((32, 48), 8)])
def test_a_convolutions_own_margin_is_not(model):
    assert ModelCheck(model, ([X[0], X[1]],)).gradcam(target=1, layer="conv").extent == ()


def test_torchvisions_transform():
    detection = pytest.importorskip("torchvision.models.detection")
    torch.manual_seed(0)
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, box_score_thresh=0.0, min_size=72, max_size=200
    ).eval()
    image = torch.rand(3, 50, 90)
    padded, _ = model.transform([image])
    (height, width), whole = padded.image_sizes[0], padded.tensors.shape[2:]
    heatmap = ModelCheck(model, ([image],)).gradcam(
        target=lambda output: output[0]["scores"].max(), layer="backbone.fpn.layer_blocks.0"
    )
    assert heatmap.extent == pytest.approx((height / whole[0], width / whole[1]))
    assert heatmap.map.shape == (1, 50, 90)


@pytest.mark.parametrize("name", ["NHWC", "mask before", "bytes"])
def test_the_report_draws_what_is_found(name):
    inputs, before, channels, dims, _, _ = FOUND[name]
    made = describe(ModelCheck(Sees(before, channels, dims), inputs).subject, "always")
    assert isinstance(made, list), made
