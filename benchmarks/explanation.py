"""Grad-CAM at the last layer of ResNet-50 beside the bare forward and the peers: paired, one thread, CPU time.

`python benchmarks/explanation.py [ROUNDS]` (needs the extra `test`). In each round every contender runs once, in random
order; printed is the median over rounds of its time divided by the bare forward's of the same round.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import torch
from captum.attr import LayerGradCam
from figures import Ratios, add_option, write
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchcam.methods import GradCAM as TorchcamGradCAM
from torchvision.models import resnet50
from turns import in_turns, ratio, ratios

from pytest_modelcheck import ModelCheck

TARGET = 3


def contenders() -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    model, images = resnet50(weights=None).eval(), torch.randn(1, 3, 224, 224)
    check = ModelCheck(model, images)
    attribution = LayerGradCam(model, model.layer4)

    def bare():
        with torch.no_grad():
            model(images)

    def torchcam():
        with TorchcamGradCAM(model, "layer4") as extractor:
            extractor(TARGET, model(images), normalized=False)

    def grad_cam():
        with GradCAM(model=model, target_layers=[model.layer4]) as extractor:
            extractor(input_tensor=images, targets=[ClassifierOutputTarget(TARGET)])

    return {
        "bare forward": bare,
        "ours": lambda: check.gradcam(target=TARGET, layer="layer4"),
        "torchcam": torchcam,
        "captum": lambda: attribution.attribute(images, target=TARGET),
        "grad-cam": grad_cam,
        "ours, AblationCAM of 2,048 features": lambda: check.ablation_cam(target=TARGET, layer="layer4"),
    }


def main(rounds: int) -> list[Ratios]:
    torch.set_num_threads(1)
    times = in_turns(contenders(), rounds)
    for name, seen in times.items():
        times_bare = ratio(seen, times["bare forward"])
        print(f"{name:<36} {1000 * statistics.median(seen):6.0f} ms   {times_bare:5.2f} x the bare forward")
    return [Ratios("Grad-CAM beside a forward", ratios(times["ours"], times["bare forward"]))]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=15, metavar="ROUNDS")
    add_option(parser)
    told = parser.parse_args()
    write(told.json, main(told.rounds))
