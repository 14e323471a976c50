"""Drift between two models beside a bare forward of each: paired, one thread, CPU time.

`python benchmarks/drift.py [ROUNDS]` (needs the extra `vision`). The other model is a copy whose last layer is another,
so that all modules are compared and the first one is looked for. In each round both ways run once, in random order;
printed is the median over rounds of a way's time divided by that of the two forwards of the same round: of both
forwards with what every module gave (what a run against a base pays), and of drift with its comparison.
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Callable

import torch
import torchvision.models as tv
from figures import Ratios, add_option, write
from torch import nn
from turns import in_turns, ratio, ratios

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs.answer import answer

NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-18": tv.resnet18,
    "ResNet-50": tv.resnet50,
    "MobileNetV2": tv.mobilenet_v2,
    "EfficientNet-B0": tv.efficientnet_b0,
    "ViT-B/16": tv.vit_b_16,
}


def contenders(make: Callable[[], nn.Module]) -> dict[str, Callable[[], object]]:
    torch.manual_seed(0)
    model, images = make().eval(), torch.randn(1, 3, 224, 224)
    other = copy.deepcopy(model)
    last = [part for part in other.modules() if isinstance(part, nn.Linear)][-1]
    nn.init.normal_(last.weight)
    here, there = ModelCheck(model, images), ModelCheck(other, images)

    def bare() -> None:
        with torch.no_grad():
            model(images)
            other(images)

    def traced() -> None:
        answer(here.subject)
        answer(there.subject)

    return {"bare": bare, "both traced": traced, "drift": lambda: here.drift(there)}


def main(rounds: int) -> list[Ratios]:
    torch.set_num_threads(1)
    found: list[float] = []
    for name, make in NETWORKS.items():
        times = in_turns(contenders(make), rounds)
        bare = times.pop("bare")
        found += ratios(times["drift"], bare)
        told = ", ".join(f"{way} {ratio(seen, bare):.2f} x" for way, seen in times.items())
        print(f"{name:<16} two forwards {1000 * statistics.median(bare):5.0f} ms   {told}")
    return [Ratios("drift beside both forwards", found)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rounds", nargs="?", type=int, default=15, metavar="ROUNDS")
    add_option(parser)
    told = parser.parse_args()
    write(told.json, main(told.rounds))
