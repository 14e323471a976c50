"""Truth that others publish: torchvision's `_ops` (GMACs, three decimals) and `num_params` of its weights.

Recipe: a 512 px random image through the weights' own transforms; 16 frames for video; two frames for optical flow.
"""

import pytest
import torch

from pytest_modelcheck import ModelCheck

models = pytest.importorskip("torchvision.models")

IMAGES = [
    "resnet18",
    "resnet50",
    "mobilenet_v3_small",
    "vit_b_16",
    "swin_t",
    "swin_v2_t",
    "convnext_tiny",
    "efficientnet_b0",
    "regnet_y_400mf",
    "densenet121",
    "shufflenet_v2_x0_5",
    "mnasnet0_5",
    "maxvit_t",
    "squeezenet1_1",
    "alexnet",
    "vgg11",
    "googlenet",
    "inception_v3",
]
MAPS = ["fcn_resnet50", "deeplabv3_mobilenet_v3_large", "lraspp_mobilenet_v3_large"]
VIDEOS = ["r3d_18", "s3d", "mvit_v1_b", "swin3d_t"]
OPTIONS = {
    "googlenet": {"init_weights": False, "aux_logits": False},  # published without its auxiliary heads
    "inception_v3": {"init_weights": False},
    "fcn_resnet50": {"aux_loss": True},
    "deeplabv3_mobilenet_v3_large": {"aux_loss": True},
}


@pytest.mark.parametrize("name", IMAGES + MAPS + VIDEOS)
def test_macs_and_parameters_equal_the_published_ones(name):
    weights = next(iter(models.get_model_weights(name)))
    shape = (16, 3, 512, 512) if name in VIDEOS else (3, 512, 512)
    inputs = weights.transforms()(torch.zeros(shape, dtype=torch.uint8))[None]
    options = {"weights_backbone": None} if name in MAPS else {}
    model = models.get_model(name, weights=None, **options, **OPTIONS.get(name, {}))
    cost = ModelCheck(model, inputs).complexity(strict=True)
    assert round(cost.macs / 1e9, 3) == weights.meta["_ops"]
    assert cost.params == weights.meta["num_params"]
    assert cost.counted_on == "meta"


def test_detection_is_counted_by_a_real_run_and_says_why():
    model = models.get_model("fasterrcnn_mobilenet_v3_large_320_fpn", weights=None, weights_backbone=None)
    cost = ModelCheck(model, ([torch.rand(3, 320, 320)],)).complexity()
    assert cost.counted_on == "real"
    assert cost.reason
    assert cost.by_module()["backbone"].macs > 100e6
