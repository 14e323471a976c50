"""Statistics against numpy; what is wrong is found and leads."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck, SubjectError


def make() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 5), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2))


def test_statistics_equal_numpys():
    model = make()
    with torch.no_grad():
        model[0].weight[0, 0, 0] = 0
    (stats,) = [t for t in ModelCheck(model).weights().tensors if t.name == "0.weight"]
    values = model[0].weight.detach().numpy().ravel()
    counts, edges = np.histogram(values, 64)
    assert (stats.shape, stats.count, stats.dtype) == ((8, 3, 5, 5), 600, "float32")
    assert stats.mean == pytest.approx(values.mean(dtype=np.float64), abs=1e-8)
    assert stats.std == pytest.approx(values.std(), rel=1e-5)
    assert (stats.min, stats.max) == (values.min(), values.max())
    assert stats.l2 == pytest.approx(np.linalg.norm(values.astype(np.float64)), rel=1e-6)
    assert stats.sparsity == pytest.approx(5 / 600)
    assert (stats.histogram.low, stats.histogram.high) == pytest.approx((edges[0], edges[-1]))
    assert np.abs(np.array(stats.histogram.counts) - counts).sum() <= 4  # rounding at the bins' edges
    assert sum(stats.histogram.counts) == 600


def test_buffers_are_weighed_counters_are_not():
    names = [t.name for t in ModelCheck(make()).weights().tensors]
    assert "1.running_mean" in names
    assert "1.num_batches_tracked" not in names


def test_what_is_wrong_leads_and_does_not_spoil_the_statistics():
    model = make()
    with torch.no_grad():
        model[0].weight[2] = 0
        model[3].weight[0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    weights = ModelCheck(model).weights()
    assert weights.problems == [
        "3.weight holds 1 NaN",
        "3.weight holds 2 infinite values",
        "0.weight: 1 of 8 filters are dead (all zero)",
    ]
    (broken,) = [t for t in weights.tensors if t.name == "3.weight"]
    assert np.isfinite([broken.mean, broken.std, broken.min, broken.max, broken.l2]).all()
    assert str(weights).startswith("! 3.weight holds 1 NaN")


def test_a_dead_filter_is_an_output_channel_and_no_row_of_an_embedding():
    model = nn.Sequential(
        nn.Embedding(5, 3, padding_idx=0), nn.ConvTranspose2d(4, 6, 2, groups=2), nn.Conv2d(4, 6, 2, groups=2)
    )
    with torch.no_grad():
        model[1].weight[0] = 0  # an input
        model[1].weight[2:, 1] = 0  # the second output of the second group: 4
        model[2].weight[4] = 0
    found = {t.name: t.dead_filters for t in ModelCheck(model).weights().tensors if t.dead_filters}
    assert found == {"1.weight": (4,), "2.weight": (4,)}
    assert ModelCheck(model).weights().problems[0] == "1.weight: 1 of 6 filters are dead (all zero)"


def test_lazy_parameters_have_no_statistics():
    with pytest.raises(SubjectError, match="not initialised yet"):
        ModelCheck(nn.LazyLinear(3)).weights()


def test_constant_empty_and_all_nan_tensors_survive():
    model = nn.Linear(3, 3)
    nn.init.constant_(model.weight, 2.0)
    nn.init.constant_(model.bias, float("nan"))
    model.register_buffer("nothing", torch.zeros(0))
    weights = ModelCheck(model).weights()
    assert [t.name for t in weights.tensors] == ["weight", "bias"]
    assert weights.tensors[0].std == 0
    assert weights.tensors[1].nan == 3


@pytest.mark.parametrize(("channels", "mode", "tiles"), [(3, "RGB", 8), (2, "L", 16), (1, "L", 8)])
def test_filters_of_the_first_convolution_as_a_picture(channels, mode, tiles):
    filters = ModelCheck(nn.Sequential(nn.Conv2d(channels, 8, 5))).weights().filters
    picture = Image.open(io.BytesIO(base64.b64decode(filters.image)))
    rows = -(-tiles // filters.columns)
    assert picture.mode == mode
    assert picture.width / picture.height == pytest.approx((filters.columns * 6 + 1) / (rows * 6 + 1))
    assert np.asarray(picture).max() == 255  # each filter spans its own range
    assert filters.name == "0.weight"


@pytest.mark.parametrize("model", [nn.ReLU(), nn.Sequential(nn.Flatten())], ids=str)
def test_a_model_without_weights_has_no_healthy_ones(model):
    with pytest.raises(MeasurementError, match="there are no weights to look at"):
        ModelCheck(model, input_size=(1, 2)).weights()


def test_a_model_without_convolutions_has_no_filter_picture():
    assert ModelCheck(nn.Linear(3, 3)).weights().filters is None


def test_a_model_on_meta_says_that_there_is_nothing_to_weigh():
    with torch.device("meta"):
        model = nn.Linear(3, 3)
    with pytest.raises(MeasurementError, match="on the meta device"):
        ModelCheck(model).weights()


def test_two_states_are_compared_in_the_same_bins():
    old, new = make(), make()
    with torch.no_grad():
        new[0].weight *= 3
        new[3].bias[0] += 0.1
        new[1].weight[0] = float("nan")
    compared = ModelCheck(new).weights(against=old).comparison
    assert [c.name for c in compared.changes] == ["1.weight", "0.weight", "3.bias"]  # what broke leads
    assert compared.changes[0].broken == 1
    assert compared.changes[1].relative == pytest.approx(2, rel=1e-4)
    assert compared.changes[2].max_change == pytest.approx(0.1, rel=1e-4)
    moved = compared.changes[1]
    assert (moved.old.low, moved.old.high) == (moved.new.low, moved.new.high)
    assert sum(moved.old.counts) == sum(moved.new.counts) == 600
    assert compared.equal == 5
    assert ModelCheck(new).weights(against=new.state_dict()).comparison.equal == 8  # its NaN is the same


def test_what_came_went_and_changed_shape_is_named():
    other = nn.Sequential(nn.Conv2d(3, 4, 5), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8, 2, bias=False))
    compared = ModelCheck(make()).weights(against=other).comparison
    assert compared.added == ("3.bias",)
    assert "0.weight (4, 3, 5, 5) -> (8, 3, 5, 5)" in compared.reshaped
    assert ModelCheck(other).weights(against=make()).comparison.removed == ("3.bias",)
    with pytest.raises(MeasurementError, match="takes an nn"):
        ModelCheck(other).weights(against=3)


def test_include_and_exclude():
    names = lambda **given: [t.name for t in ModelCheck(make()).weights(**given).tensors]  # noqa: E731
    assert names(include="3.*") == ["3.weight", "3.bias"]
    assert names(include=["0.*", "3.*"], exclude="*.bias") == ["0.weight", "3.weight"]
    with pytest.raises(MeasurementError, match="no tensor is left by include='nine"):
        names(include="nine.*")


def test_singular_values_and_more_filters_on_request():
    model = nn.Sequential(nn.Conv2d(3, 8, 5), nn.Conv2d(8, 4, 3))
    weights = ModelCheck(model).weights(svd=True, filters="1")
    want = np.linalg.svd(model[1].weight.detach().numpy().reshape(4, -1), compute_uv=False)
    assert weights.tensors[2].singular_values == pytest.approx(want, rel=1e-4)
    assert [g.name for g in weights.grids] == ["1.weight"]
    assert ModelCheck(model).weights().tensors[2].singular_values == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"filters": "conv1"}, "as filters=['conv1'] says; its 2-d convolutions: 0"),
        (
            {"filters": True},
            "filters takes a name, a pattern such as 'layer4.*', or a list of them, not True",
        ),
        ({"include": 3}, "include takes a name, a pattern such as 'layer4.*', or a list of them, not 3"),
        (
            {"exclude": ["a", None]},
            "exclude takes a name, a pattern such as 'layer4.*', or a list of them, not ['a",
        ),
    ],
)
def test_patterns_that_are_none_or_match_nothing_are_refused(given, says):
    with pytest.raises(MeasurementError, match=re.escape(says)):
        ModelCheck(nn.Sequential(nn.Conv2d(3, 8, 5))).weights(**given)


def test_no_patterns_choose_nothing():
    weights = ModelCheck(nn.Conv2d(3, 8, 5)).weights(exclude=[], filters=[])
    assert [t.name for t in weights.tensors] == ["weight", "bias"]
    assert weights.grids == ()


def test_nan_in_the_same_places_is_no_change():
    one, two = nn.Linear(3, 2), nn.Linear(3, 2)
    with torch.no_grad():
        one.weight[0, 0] = float("nan")
    two.load_state_dict(one.state_dict())
    assert ModelCheck(one).weights(against=two).comparison.changes == ()
    with torch.no_grad():
        two.weight[1, 1] = float("nan")
    (change,) = ModelCheck(one).weights(against=two).comparison.changes
    assert (change.name, change.broken, change.max_change) == ("weight", 1, 0)


def test_double_precision_beyond_the_range_of_single():
    model = nn.Linear(2, 1, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.tensor([[1e300, -1e300]], dtype=torch.float64))
    (tensor,) = ModelCheck(model).weights().tensors
    assert (tensor.inf, tensor.max, tensor.mean) == (0, 1e300, 0)
