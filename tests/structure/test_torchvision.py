"""One model of every torchvision family, small; every model of them with `-m every_model`."""

import subprocess
import sys

import pytest
import torch

models = pytest.importorskip("torchvision.models")

from pytest_modelcheck import ModelCheck  # noqa: E402

QUICK = [
    "alexnet",
    "convnext_tiny",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "inception_v3",
    "maxvit_t",
    "mnasnet0_5",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "vgg11_bn",
    "vit_b_32",
    "lraspp_mobilenet_v3_large",
    "r3d_18",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "ssdlite320_mobilenet_v3_large",
]
LARGE = {"inception_v3": 299, "maxvit_t": 224}


def inputs(name):
    size = LARGE.get(name.removeprefix("quantized_"), 224 if name.startswith("vit") else 64)
    generator = torch.Generator().manual_seed(0)
    if "rcnn" in name or name.startswith(("retinanet", "fcos", "ssd")):
        return ([torch.rand(3, 96, 128, generator=generator)],)
    if name.startswith("raft"):
        return tuple(torch.rand(1, 3, 128, 128, generator=generator) for _ in range(2))
    if name.startswith(("r3d", "mc3", "r2plus1d", "s3d", "mvit", "swin3d")):
        side, frames = (224, 16) if name.startswith(("mvit", "s3d")) else (64, 8)
        return torch.rand(1, 3, frames, side, side, generator=generator)
    if name.startswith("swin"):
        size = 224
    return torch.rand(1, 3, size, size, generator=generator)


def check(name):
    torch.manual_seed(0)
    return ModelCheck(f"torchvision:{name}", inputs(name))


@pytest.mark.parametrize("name", QUICK)
def test_a_model_is_traced_and_its_fingerprint_is_the_same_again(name):
    subject = check(name)
    first, again = subject.structure(), subject.structure()
    assert len(first.graph.nodes) > 10
    assert first.graph.nodes[-1].operator == "output"
    assert first.graph.nodes[-1].inputs
    assert first.fingerprint == again.fingerprint
    assert again.diff(first) == []


@pytest.mark.every_model
@pytest.mark.parametrize("name", models.list_models())
def test_every_model(name):
    test_a_model_is_traced_and_its_fingerprint_is_the_same_again(name)


def test_every_family_is_among_the_quick_ones():
    """Quantised models and the other tasks' further heads aside."""
    kinds = {models.get_model_builder(name).__module__.rpartition(".")[2] for name in QUICK}
    families = {
        models.get_model_builder(name).__module__.rpartition(".")[2]
        for name in models.list_models(module=models)
    }
    assert families <= kinds


CODE = """
import sys, torch
sys.path.insert(0, {here!r})
from test_torchvision import check
print(check({name!r}).structure().fingerprint)
"""


@pytest.mark.parametrize("name", ["resnet18", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_it_is_the_same_in_a_new_process_and_after_save_and_load(name, tmp_path):
    from pathlib import Path

    subject = check(name)
    expected = subject.structure().fingerprint
    code = CODE.format(here=str(Path(__file__).parent), name=name)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == expected
    torch.save(subject.subject.module.state_dict(), tmp_path / "weights.pt")
    torch.manual_seed(1)
    other = ModelCheck(f"torchvision:{name}", inputs(name))
    other.subject.module.load_state_dict(torch.load(tmp_path / "weights.pt"))
    assert other.structure().fingerprint == expected
