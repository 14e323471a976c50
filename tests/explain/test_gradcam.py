"""What must hold for Grad-CAM on any model, and what is said when there is nothing to show."""

import threading
import time
import types

import numpy as np
import pytest
import torch
from torch import nn

from pytest_modelcheck import ExplanationError, ModelCheck
from pytest_modelcheck.checks.explain.automatic import describe
from pytest_modelcheck.model import observe
from pytest_modelcheck.model.state.process import GLOBAL_HOOKS

from ..test_observe import photograph, same


class Net(nn.Module):
    """Convolutions, batch norm, and a head of the caller's choice."""

    def __init__(self, output=lambda logits: logits, after=lambda x: x):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU()
        self.last = nn.Conv2d(6, 5, 3)
        self.fc = nn.Linear(5, 4)
        self.spare = nn.Linear(2, 2)
        self.output, self.after = output, after

    def forward(self, x):
        x = self.act(self.norm(self.conv(x)))
        x = self.after(self.last(x))
        return self.output(self.fc(x.mean((2, 3))))


def make(**options) -> Net:
    torch.manual_seed(0)
    return Net(**options)


IMAGES = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(1))


def expected(model: Net, target: int = 1) -> np.ndarray:
    """By plain autograd, on a model in eval mode."""
    model = make().eval() if model is None else model.eval()
    activation = model.last(model.act(model.norm(model.conv(IMAGES)))).detach().requires_grad_()
    logits = model.fc(model.after(activation.clone()).mean((2, 3)))
    (gradient,) = torch.autograd.grad(logits[:, target].sum(), activation)
    return (gradient.mean((2, 3), keepdim=True) * activation).sum(1).detach().numpy()


def test_the_result_holds_what_the_contract_names():
    heatmap = ModelCheck(make(), IMAGES).gradcam(target=1)
    assert heatmap.raw.shape == (2, 8, 8)
    assert heatmap.raw.dtype == np.float32
    assert heatmap.map.shape == (2, 12, 12)
    assert (heatmap.map.min(), heatmap.map.max()) == (0, 1)
    assert (heatmap.method, heatmap.layer, heatmap.target) == ("Grad-CAM", "last", (1, 1))
    logits = make().eval()(IMAGES)[:, 1].tolist()
    assert heatmap.score == pytest.approx(logits)
    assert heatmap.overlay().size == heatmap.overlay(index=1).size == (252, 252)
    assert heatmap.overlay(np.zeros((60, 90, 3), np.uint8)).size[0] % 90 == 0


def test_the_top_class_is_the_default_target():
    heatmap = ModelCheck(make(), IMAGES).gradcam()
    assert list(heatmap.target) == make().eval()(IMAGES).argmax(1).tolist()


SETTINGS = {
    "train mode": (lambda m: m.train(), None),
    "frozen parameters": (lambda m: m.requires_grad_(False), None),
    "no_grad caller": (None, torch.no_grad),
    "inference_mode caller": (None, torch.inference_mode),
    "channels_last": (lambda m: m.to(memory_format=torch.channels_last), None),
    "compiled": (torch.compile, None),
    "data parallel": (nn.DataParallel, None),
    "mid-training": (lambda m: m(IMAGES).sum().backward() or m, None),
}


@pytest.mark.parametrize(("prepare", "mode"), SETTINGS.values(), ids=SETTINGS.keys())
def test_the_map_is_the_same_in_every_setting_and_nothing_changes(prepare, mode):
    model = make()
    given = prepare(model) if prepare else model
    reference = make()
    reference.load_state_dict(model.state_dict())
    want = expected(reference)
    before = photograph(model)
    with mode() if mode else torch.enable_grad():
        images = IMAGES.clone()
        raw = ModelCheck(given, images).gradcam(target=1, layer="last").raw
    assert same(before, photograph(model))
    np.testing.assert_allclose(raw, want, atol=1e-6)


OUTPUTS = {
    "tuple": lambda logits: (logits, None),
    "dict": lambda logits: {"logits": logits},
    "object": lambda logits: types.SimpleNamespace(logits=logits),
}


@pytest.mark.parametrize("output", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_outputs_of_any_kind(output):
    raw = ModelCheck(make(output=output), IMAGES).gradcam(target=1, layer="last").raw
    np.testing.assert_allclose(raw, expected(None), atol=1e-6)


@pytest.mark.parametrize(
    "after", [torch.relu_, lambda x: x.add_(1), lambda x: x.mul_(2)], ids=["relu_", "add_", "mul_"]
)
def test_operators_in_place_behind_the_layer(after):
    model = make(after=after)
    raw = ModelCheck(model, IMAGES).gradcam(target=1, layer="last").raw
    np.testing.assert_allclose(raw, expected(model), atol=1e-6)


def test_low_precision():
    want = expected(None)
    half = ModelCheck(make().bfloat16(), IMAGES.bfloat16()).gradcam(target=1, layer="last").raw
    assert half.dtype == np.float32
    assert np.corrcoef(half.ravel(), want.ravel())[0, 1] > 0.999
    with torch.autocast("cpu", torch.bfloat16):
        mixed = ModelCheck(make(), IMAGES).gradcam(target=1, layer="last").raw
    assert np.corrcoef(mixed.ravel(), want.ravel())[0, 1] > 0.999


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 3, 3, padding=1), nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(self.conv(self.conv(x)).mean((2, 3)))


@pytest.mark.parametrize(("call", "passes"), [(0, 1), (1, 2), (-1, 2), (-2, 1)])
def test_call_picks_a_call_of_a_shared_module(call, passes):
    torch.manual_seed(0)
    model = Shared().eval()
    raw = ModelCheck(model, IMAGES).gradcam(target=0, layer="conv", call=call).raw
    activation = IMAGES
    for _ in range(passes):
        activation = model.conv(activation)
    activation = activation.detach().requires_grad_()
    rest = activation
    for _ in range(2 - passes):
        rest = model.conv(rest)
    (gradient,) = torch.autograd.grad(model.fc(rest.mean((2, 3)))[:, 0].sum(), activation)
    want = (gradient.mean((2, 3), keepdim=True) * activation).sum(1).detach().numpy()
    np.testing.assert_allclose(raw, want, atol=1e-6)


def test_four_threads_on_one_model(monkeypatch):
    held = observe.Held

    def slow(*args):
        made = held(*args)
        time.sleep(0.01)  # meanwhile others end
        return made

    monkeypatch.setattr(observe, "Held", slow)
    model = make().train()
    check, want, got = ModelCheck(model, IMAGES), [expected(make(), t) for t in range(4)], {}
    threads = [
        threading.Thread(target=lambda t=t: got.update({t: check.gradcam(target=t, layer="last").raw}))
        for t in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for target in range(4):
        np.testing.assert_allclose(got[target], want[target], atol=1e-6)
    assert all(module.training for module in model.modules())
    assert not any(GLOBAL_HOOKS)  # nobody keeps another thread's


def test_a_head_behind_a_no_grad_backbone():
    class Frozen(Net):
        def forward(self, x):
            with torch.no_grad():
                x = self.last(self.act(self.norm(self.conv(x))))
            return self.fc(x.mean((2, 3)))

    torch.manual_seed(0)
    raw = ModelCheck(Frozen(), IMAGES).gradcam(target=1, layer="last").raw
    np.testing.assert_allclose(raw, expected(None), atol=1e-6)


def test_a_callable_target():
    segment = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 1))
    heatmap = ModelCheck(segment, IMAGES).gradcam(target=lambda out: out[:, 1].sum((1, 2)), layer="0")
    assert heatmap.raw.shape == (2, 10, 10)
    assert heatmap.target == ("<lambda>", "<lambda>")


def test_vision_transformers_by_their_tokens():
    model = pytest.importorskip("torchvision.models").swin_t(weights=None)
    assert ModelCheck(model, torch.randn(1, 3, 96, 64)).gradcam(target=1, layer="features.3").raw.shape == (
        1,
        12,
        8,
    )
    vit = pytest.importorskip("torchvision.models").vit_b_32(weights=None, image_size=96)
    nn.init.normal_(vit.heads.head.weight)  # torchvision starts it at zero: no class speaks for anything
    heatmap = ModelCheck(vit, torch.randn(1, 3, 96, 96)).gradcam(
        target=1, layer="encoder.layers.encoder_layer_11.ln_1"
    )
    assert heatmap.raw.shape == (1, 3, 3)


NAN = IMAGES.clone()
NAN[0, 0, 0, 0] = float("nan")
REFUSED = {
    "unknown layer": (make, IMAGES, {"layer": "lst"}, "no layer 'lst'; did you mean 'last'"),
    "foreign module": (make, IMAGES, {"layer": nn.ReLU()}, "the ReLU given as layer= is not in the model"),
    "layer never called": (make, IMAGES, {"layer": "spare"}, "'spare' is never called"),
    "no such call": (make, IMAGES, {"layer": "last", "call": 3}, "has no call 3"),
    "layer without places": (make, IMAGES, {"layer": "fc"}, "no spatial map"),
    "target out of range": (
        make,
        IMAGES,
        {"target": 4},
        "target 4 is out of range: the output has 4 classes",
    ),
    "too many targets": (make, IMAGES, {"target": [1, 2, 3]}, "3 targets for 2 samples"),
    "no class dimension": (lambda: nn.Conv2d(3, 2, 3), IMAGES, {"layer": ""}, "no class dimension"),
    "no image": (lambda: nn.Linear(3, 2), torch.ones(1, 3), {}, "needs an image input"),
    "no spatial layer": (
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(432, 2)),
        IMAGES,
        {},
        "no layer with a spatial map",
    ),
    "NaN in the input": (make, NAN, {}, "the input holds NaN"),
    "flat map": (make, torch.zeros(1, 3, 12, 12), {}, "is flat"),
}


@pytest.mark.parametrize(("model", "images", "arguments", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_explained_is_refused_in_words(model, images, arguments, words):
    torch.manual_seed(0)
    model = model()
    before = photograph(model)
    with pytest.raises(ExplanationError, match=words):
        ModelCheck(model, images).gradcam(**arguments)
    assert same(before, photograph(model))


def test_nan_weights_are_told():
    model = make()
    with torch.no_grad():
        model.last.weight[0] = float("nan")
    with pytest.raises(ExplanationError, match=r"NaN or infinite values; ModelCheck.weights\(\)"):
        ModelCheck(model, IMAGES).gradcam(target=0)


def test_a_model_that_raises_leaves_no_hook():
    model = make(after=lambda x: x.reshape(3, 3))
    before = photograph(model)
    with pytest.raises(Exception, match="Net raised RuntimeError"):
        ModelCheck(model, IMAGES).gradcam(target=0, layer="last")
    assert same(before, photograph(model))


def drawn(model, inputs, heatmaps="always"):
    made = describe(ModelCheck(model, inputs).subject, heatmaps)
    return made["error"] if isinstance(made, dict) else made


def test_the_report_draws_one_by_itself_or_says_why_not():
    (entry,) = drawn(make(), IMAGES)
    assert entry["layer"] == "last"
    assert "no image input" in drawn(nn.Linear(3, 2), torch.ones(1, 3))
    assert "is flat" in drawn(make(), torch.zeros(1, 3, 12, 12))
    assert "no class dimension" in drawn(nn.Sequential(nn.Conv2d(3, 2, 3)), IMAGES)
    assert "no test asks for one" in drawn(make(), IMAGES, "never")


def load(tmp_path):
    state = {name: value + 1 for name, value in make().state_dict().items()}
    torch.save(state, tmp_path / "weights.pt")
    return torch.load(tmp_path / "weights.pt")


def loaded(tmp_path):
    model = make()
    model.load_state_dict(load(tmp_path))
    return model


def half(tmp_path):
    model = make()
    state = load(tmp_path)
    model.load_state_dict({name: state[name] for name in list(state)[:1]}, strict=False)
    return model


def seen_data(tmp_path):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model(IMAGES)
    return model.eval()


def fresh(tmp_path):
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval()


@pytest.mark.parametrize(
    ("factory", "is_drawn"), [(loaded, True), (seen_data, True), (half, False), (fresh, False)]
)
def test_it_draws_one_of_loaded_weights_alone(tmp_path, factory, is_drawn):
    made = drawn(lambda: factory(tmp_path), IMAGES, "auto")
    assert isinstance(made, list) if is_drawn else "its weights were not loaded" in made


def test_it_draws_none_of_noise(tmp_path):
    subject = ModelCheck(lambda: loaded(tmp_path), input_size=tuple(IMAGES.shape)).subject
    assert "its inputs are random" in describe(subject)["error"]
