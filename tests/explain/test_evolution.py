"""Strongest activations and features over checkpoints, on networks whose answers are known."""

import copy

import pytest
import torch
from torch import nn

from pytest_modelcheck import MeasurementError, ModelCheck

from ..test_observe import photograph, same

IMAGES = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def make() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.ReLU(),
        nn.Conv2d(4, 5, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(5, 2),
    )


def run() -> dict:
    """Three steps: the first layer settles after one, the second after two."""
    states, model = {}, make()
    for step, layers in (("start", ()), ("middle", (0,)), ("end", (2,))):
        with torch.no_grad():
            for layer in layers:
                model[layer].weight += 0.3 * torch.randn(model[layer].weight.shape)
        states[step] = copy.deepcopy(model.state_dict())
    return states


def test_early_layers_settle_before_late_ones():
    model, states = make(), run()
    before = photograph(model)
    seen = ModelCheck(model, IMAGES).feature_evolution(states, layers=["0", "2"])
    assert same(before, photograph(model))
    assert seen.steps == ("start", "middle", "end")
    assert seen.distances["0"][0] > 0.1
    assert seen.distances["0"][1:] == (0, 0)
    assert seen.distances["2"][1] > 0.1
    assert (seen.settled("0"), seen.settled("2")) == ("middle", "end")
    assert len(seen.to_dict()["layers"][0]["tiles"]) == 3


def test_checkpoints_in_files(tmp_path):
    from safetensors.torch import save_file

    states = run()
    torch.save(states["start"], tmp_path / "1.pt")
    save_file(states["end"], tmp_path / "2.safetensors")
    check = ModelCheck(make(), IMAGES)
    seen = check.feature_evolution([tmp_path / "1.pt", tmp_path / "2.safetensors"])
    assert seen.distances == check.feature_evolution([states["start"], states["end"]]).distances


def test_checkpoints_that_do_not_fit_are_refused():
    check, states = ModelCheck(make(), IMAGES), run()
    part = {k: v for k, v in states["start"].items() if k.startswith("0")}
    with pytest.raises(
        MeasurementError, match=r"'0' does not fit Sequential: missing 2.weight.*\n.*strict=False"
    ):
        check.feature_evolution([part, states["end"]])
    assert check.feature_evolution([part, states["end"]], layers="0", strict=False).steps == ("0", "1")
    with pytest.raises(MeasurementError, match="unknown nine"):
        check.feature_evolution([{"nine": torch.zeros(1)}, states["end"]], strict=False)
    with pytest.raises(MeasurementError, match="needs two or more"):
        check.feature_evolution([states["end"]])
    with pytest.raises(MeasurementError, match="cannot be read"):
        check.feature_evolution(["no.pt", "such.pt"])


@pytest.mark.parametrize(
    ("saved", "words"),
    [(nn.Linear(1, 1), "cannot be read"), ([1], "is a list, not a state_dict"), (b"", "cannot be read")],
    ids=["a whole module", "a list", "an empty file"],
)
def test_files_that_hold_no_state_are_refused(saved, words, tmp_path):
    torch.save(saved, tmp_path / "1.pt")
    if saved == b"":
        (tmp_path / "1.pt").write_bytes(saved)
    with pytest.raises(MeasurementError, match=words):
        ModelCheck(make(), IMAGES).feature_evolution([tmp_path / "1.pt", run()["end"]])


def test_the_strongest_activation_is_found_with_its_patch():
    model = make()
    images = IMAGES.clone() * 0.01
    images[1, :, 5:8, 9:12] = 1  # what filter 2 answers to most, by construction
    with torch.no_grad():
        model[0].weight.fill_(0.01)
        model[0].weight[2] = 1
    (best,) = ModelCheck(model, images).strongest_activations("0", features=1, samples=1).layers["0"]
    assert (best.feature, best.sample) == (2, 1)
    assert best.patch.size == (3, 3)
    assert best.value == pytest.approx(27 + model[0].bias[2].item(), rel=1e-3)
