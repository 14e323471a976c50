"""From the score back to a layer: through checkpoints, views and blocks without gradients; a stop is named."""

import dataclasses
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils import checkpoint as module_of_torch
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.model.recompute import no_recomputing

X = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


class Net(nn.Module):
    """`between` is what becomes of the features before the head."""

    def __init__(self, between=lambda x: x):
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1), nn.ReLU()
        )
        self.neck, self.head = Neck(between), nn.Linear(8, 4)

    def forward(self, x):
        return self.head(self.neck(self.features(x)).mean((2, 3)))


class Neck(nn.Module):
    def __init__(self, between):
        super().__init__()
        self.between = between

    def forward(self, x):
        return self.between(x)


def raw(model, method="gradcam", **options):
    return getattr(ModelCheck(model.eval(), X), method)(target=1, **options).raw


def test_checkpoints_are_put_back_and_others_keep_theirs():
    before = module_of_torch._checkpoint_hook, vars(module_of_torch.CheckpointFunction).get("apply")
    leaf = torch.ones(1, requires_grad=True)
    seen = []

    def recomputes(reentrant):
        times = []
        out = checkpoint(lambda x: (times.append(1), x * 2)[1], leaf, use_reentrant=reentrant)
        out.sum().backward()
        return len(times)

    with no_recomputing():
        assert [recomputes(True), recomputes(False)] == [1, 1]
        other = threading.Thread(target=lambda: seen.extend([recomputes(True)]))
        other.start()
        other.join()
        with no_recomputing():
            pass
        assert recomputes(True) == 1
    assert seen == [2]
    assert recomputes(True) == 2
    with pytest.raises(ZeroDivisionError), no_recomputing():
        _ = 1 / 0
    assert (module_of_torch._checkpoint_hook, vars(module_of_torch.CheckpointFunction).get("apply")) == before


def test_a_sequence_whose_layers_are_called_one_by_one():
    class Sequence(Net):
        def forward(self, x):
            return self.head(checkpoint_sequential(self.features, 2, x, use_reentrant=True).mean((2, 3)))

    np.testing.assert_allclose(raw(Sequence(), layer="features"), raw(Net(), layer="features"), atol=1e-6)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize(
    ("method", "layer"), [("gradcam", "features.0"), ("gradcam", "neck"), ("deconvnet", None)]
)
def test_through_a_checkpoint(reentrant, method, layer):
    class Block(Net):
        def forward(self, x):
            return self.head(self.neck(checkpoint(self.features, x, use_reentrant=reentrant)).mean((2, 3)))

    np.testing.assert_allclose(raw(Block(), method, layer=layer), raw(Net(), method, layer=layer), atol=1e-6)


def squashed(x):
    y = x.sigmoid()
    y[:, :2] *= 2  # of what sigmoid keeps for its gradient
    return y


def pieces(x):
    one, two = x.chunk(2, 1)
    one.sigmoid_()
    two.tanh_()
    return torch.cat([one, two], 1)


PLAINLY = {
    squashed: lambda x: torch.cat([x[:, :2].sigmoid() * 2, x[:, 2:].sigmoid()], 1),
    pieces: lambda x: torch.cat([x[:, :4].sigmoid(), x[:, 4:].tanh()], 1),
}


@pytest.mark.parametrize("between", PLAINLY, ids=lambda f: f.__name__)
@pytest.mark.parametrize("method", ["gradcam", "ablation_cam", "guided_backprop"])
def test_what_is_written_in_place(between, method):
    np.testing.assert_allclose(raw(Net(between), method), raw(Net(PLAINLY[between]), method), atol=1e-6)


def without_gradient(x):
    with torch.no_grad():
        return x * 2


@pytest.mark.parametrize("method", ["gradcam", "guided_backprop", "guided_gradcam"])
def test_no_grad_changes_no_value_and_is_told(method):
    layer = {} if method == "guided_backprop" else {"layer": "features"}
    found = getattr(ModelCheck(Net(without_gradient).eval(), X), method)(target=1, **layer)
    np.testing.assert_allclose(found.raw, raw(Net(lambda x: x * 2), method, **layer), atol=1e-6)
    assert "the gradient went through torch.no_grad() in module 'neck'" in found.notes


STOPS = {
    "detach": (lambda x: x.detach(), r"cut off by detach\(\)\nat .*test_way_back.py:\d+: .*detach"),
    "inference mode": (torch.inference_mode()(lambda x: x * 2), r"runs under torch.inference_mode\(\)"),
    "numpy": (lambda x: torch.from_numpy(x.detach().numpy()), "detach"),
    "list": (lambda x: torch.tensor(x.tolist()), r"leave torch by tolist\(\)"),
    "int8": (lambda x: x.to(torch.int8).float(), "tensor of int8, which has none"),
}


@pytest.mark.parametrize(("between", "words"), STOPS.values(), ids=STOPS.keys())
def test_where_a_gradient_stops_is_named(between, words):
    for method, layer in (("gradcam", {"layer": "features"}), ("guided_backprop", {})):
        with pytest.raises(
            ExplanationError, match=rf"the gradient stops in module 'neck' \(Neck\): .*{words}"
        ):
            raw(Net(between), method, **layer)
    assert raw(Net(between), "score_cam", layer="features").shape == (2, 8, 8)


def test_a_layer_that_does_not_matter_is_not_cut_off():
    with pytest.raises(ExplanationError, match="does not depend on layer 'features'"):
        raw(Net(lambda x: torch.zeros_like(x) + x.new_ones(())), layer="features")


def test_a_function_without_a_way_back():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, signal):
            raise RuntimeError("nobody wrote this")

    with pytest.raises(ExplanationError, match="nobody wrote this, in module 'neck'"):
        raw(Net(Doubled.apply), layer="features")


@dataclasses.dataclass
class Maps:
    fine: torch.Tensor
    size: int = 8


@pytest.mark.parametrize("wrap", [Maps, lambda x: {"fine": x, "scale": x.mean()}, lambda x: (x.mean(), x)])
def test_the_only_map_of_what_a_layer_returns(wrap):
    class Wrapped(Net):
        def forward(self, x):
            out = self.neck(self.features(x))
            fine = out.fine if isinstance(out, Maps) else out[1] if isinstance(out, tuple) else out["fine"]
            return self.head(fine.mean((2, 3)))

    for method in ("gradcam", "eigencam", "ablation_cam"):
        np.testing.assert_allclose(
            raw(Wrapped(wrap), method, layer="neck"), raw(Net(), method, layer="neck"), atol=1e-6
        )


def test_several_maps_are_listed():
    class Two(Net):
        def forward(self, x):
            return self.head(self.neck(self.features(x))["a"].mean((2, 3)))

    with pytest.raises(
        ExplanationError, match=r"'neck' returns several maps: a \(2, 8, 8, 8\), b \(2, 8, 8, 8\)"
    ):
        raw(Two(lambda x: {"a": x, "b": x + 1}), layer="neck")


BLANK = [
    "cam",
    "gradcam",
    "gradcam_plus_plus",
    "xgradcam",
    "hirescam",
    "layercam",
    "elementwise_cam",
    "ablation_cam",
]


@pytest.mark.parametrize("method", BLANK)
def test_where_no_place_speaks_every_method_says_so(method):
    model = Net(F.relu)
    with torch.no_grad():
        model.head.weight.copy_(model.head.weight.abs())
        model.head.weight[1].neg_()
    found = getattr(ModelCheck(model.eval(), X), method)(target=[1, 0], layer="neck")
    assert found.notes == ("no place speaks for the target in sample 0: the map is blank",)
    pointed = found.points_at([(0, 0, 16, 16)] * 2)
    assert pointed.tolist() == [False, True]
    assert "[False, True]: no place speaks for the target; hottest at" in repr(pointed)


def test_a_flat_map_of_a_batch_is_named_by_its_sample():
    model = Net(lambda x: x * torch.tensor([1.0, 0.0])[:, None, None, None] + 1)
    with pytest.raises(ExplanationError, match="map of sample 1 at layer 'neck' is flat"):
        raw(model, layer="neck")
