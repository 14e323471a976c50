"""Truth that others publish: torchvision's `_ops` (GMACs, three decimals) and `num_params` of its weights.

Recipe: a 512 px random image through the weights' own transforms; 16 frames for video; two frames for optical flow.
"""

import pytest
import torch

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.model.skeleton import parameters_on_meta

models = pytest.importorskip("torchvision.models")

SIZE = {"video": (16, 3, 512, 512), "optical_flow": (1, 3, 512, 512)}
OPTIONS = {  # as the published figures were made
    "googlenet": {"init_weights": False, "aux_logits": False},
    "inception_v3": {"init_weights": False},
    "fcn_resnet50": {"aux_loss": True},
    "fcn_resnet101": {"aux_loss": True},
    "deeplabv3_mobilenet_v3_large": {"aux_loss": True},
    "deeplabv3_resnet50": {"aux_loss": True},
    "deeplabv3_resnet101": {"aux_loss": True},
}


def task(name: str) -> str:
    """ "classification", or the sub-package that the model stands in."""
    parts = models.get_model_builder(name).__module__.split(".")
    return parts[2] if len(parts) > 3 else "classification"


def settings(*tasks: str) -> dict[str, tuple]:
    """One weight for each distinct setting: weights that differ in their values alone are one."""
    distinct = {}
    for name in models.list_models():
        if task(name) in tasks:
            for weights in models.get_model_weights(name):
                distinct.setdefault((name, weights.meta["_ops"]), (name, weights))
    return {f"{name}-{weights.name}": (name, weights) for name, weights in distinct.values()}


def published_inputs(weights, kind):
    """The recipe's inputs."""
    images = torch.zeros(SIZE.get(kind, (3, 512, 512)), dtype=torch.uint8)
    if kind == "optical_flow":
        return tuple(weights.transforms()(images, images))
    return weights.transforms()(images)[None]


SETTINGS = settings("classification", "segmentation", "video", "optical_flow")


def test_all_settings_are_here():
    assert len(SETTINGS) >= 103


@pytest.mark.parametrize(("name", "weights"), SETTINGS.values(), ids=SETTINGS.keys())
def test_macs_and_parameters_equal_the_published_ones(name, weights):
    kind = task(name)
    options = {"weights_backbone": None} if kind == "segmentation" else {}
    if name.startswith("vit_"):
        options["image_size"] = weights.meta["min_size"][0]
    with parameters_on_meta():
        model = models.get_model(name, weights=None, **options, **OPTIONS.get(name, {}))
    cost = ModelCheck(model, published_inputs(weights, kind)).complexity(strict=True)
    assert round(cost.macs / 1e9, 3) == weights.meta["_ops"]
    assert cost.params == weights.meta["num_params"]
    assert cost.counted_on == "meta"


SMALL = 15_000_000  # parameters; all 12 settings hold, the larger ones take 10 s each to quantise
QUANTIZED = {k: v for k, v in settings("quantization").items() if v[1].meta["num_params"] < SMALL}
USUAL = (
    "mobilenet_v2",
    "mobilenet_v3_large",
    "resnet18",
    "shufflenet_v2_x0_5",
)  # the others have no other operators


@pytest.mark.filterwarnings(
    "ignore:.*quantization.*:DeprecationWarning", "ignore:.*reduce_range.*:UserWarning"
)
@pytest.mark.parametrize(
    ("name", "weights"),
    [
        pytest.param(*each, id=key, marks=[] if each[0].endswith(USUAL) else [pytest.mark.slow])
        for key, each in QUANTIZED.items()
    ],
)
def test_quantized_models_count_as_their_float_twins_are_published(name, weights):
    options = OPTIONS.get(name.removeprefix("quantized_"), {})
    model = models.get_model(name, weights=None, quantize=True, **options)
    cost = ModelCheck(model, published_inputs(weights, "quantization")).complexity(strict=True)
    assert round(cost.macs / 1e9, 3) == weights.meta["_ops"]
    assert cost.counted_on == "real"  # torch's quantised operators have no meta kernels


def test_detection_is_a_fixed_part_and_one_for_each_proposal():
    model = models.get_model("fasterrcnn_resnet50_fpn", weights=None, weights_backbone=None)
    cost = ModelCheck(model, ([torch.rand(3, 512, 512)],)).complexity(strict=True)
    by_module = cost.by_module()
    proposals = by_module["roi_heads.box_head.fc6"].facts.output_shape[0]
    assert cost.counted_on == "real"
    assert cost.reason
    assert by_module["roi_heads"].macs == proposals * 14_359_552
    assert round((cost.macs - by_module["roi_heads"].macs) / 1e9, 6) == 120.020169
    assert round((cost.macs + (1000 - proposals) * 14_359_552) / 1e9, 2) == 134.38


def test_single_stage_detection_equals_the_published_figures():
    name = "ssdlite320_mobilenet_v3_large"
    weights = next(iter(models.get_model_weights(name)))
    model = models.get_model(name, weights=None, weights_backbone=None)
    cost = ModelCheck(model, ([torch.rand(3, 512, 512)],)).complexity(strict=True)
    assert round(cost.macs / 1e9, 3) == weights.meta["_ops"]
    assert cost.params == weights.meta["num_params"]


DETECTORS = (
    "ssd300_vgg16",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "maskrcnn_resnet50_fpn_v2",
)


@pytest.mark.every_model
@pytest.mark.parametrize("name", DETECTORS)
def test_detectors_equal_the_published_figures(name):
    """Those whose untrained weights give as many proposals and detections as the published count had."""
    weights = models.get_model_weights(name).DEFAULT
    model = models.get_model(name, weights=None, weights_backbone=None)
    cost = ModelCheck(model, ([torch.rand(3, 512, 512)],)).complexity(strict=True)
    assert round(cost.macs / 1e9, 3) == weights.meta["_ops"]
    frozen = (
        0 if name.endswith(("v2", "vgg16")) else 2 * 26_560
    )  # published with FrozenBatchNorm2d: no parameters
    assert cost.params - frozen == weights.meta["num_params"]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v3_small", "vit_b_16", "swin_t", "efficientnet_b0"])
def test_a_training_step_has_a_formula_for_every_operator(name):
    with parameters_on_meta():
        model = models.get_model(name, weights=None)
    check = ModelCheck(model, input_size=(2, 3, 224, 224))
    forward, step = (check.complexity(phase=phase, strict=True) for phase in ("forward", "training_step"))
    assert 2.8 < step.macs / forward.macs < 3  # 3 but for the first layer, whose input needs no gradient
    assert {m for m, cost in step.by_module().items() if cost.own.macs} == {
        m for m, cost in forward.by_module().items() if cost.own.macs
    }
