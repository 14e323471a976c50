"""What type checkers must refuse: each line is an error, and an ignored one that is none would be reported."""

from __future__ import annotations

import torch
from torch import nn

from pytest_modelcheck import HeatmapSnapshot, Latency, LatencySweep, ModelCheck

check = ModelCheck(nn.ReLU(), torch.rand(1, 3))

ModelCheck()  # type: ignore
ModelCheck(nn.ReLU(), shape=(1, 3))  # type: ignore
check.latency(quantile="p90")  # type: ignore
check.latency(statistic="mean")  # type: ignore
check.latency(threads="2")  # type: ignore
check.latency(phase="training")  # type: ignore
check.peak_memory("backward")  # type: ignore
check.complexity(phase="step")  # type: ignore
check.complexity(attention="full")  # type: ignore
check.summary(style="keras")  # type: ignore
check.summary(sort_by="cost")  # type: ignore
check.drift("bf16")  # type: ignore
check.invariance("shear")  # type: ignore
check.gradcam(layr="body")  # type: ignore
check.gradcam(classes=7)  # type: ignore
check.profile(steps=3, threads=1)  # type: ignore
check.compile(sizes=4)  # type: ignore
print(check.outputs().row)  # type: ignore
print(check.complexity().gflops)  # type: ignore
check.struct()  # type: ignore
one: LatencySweep = check.latency()  # type: ignore
many: Latency = check.latency(batch_sizes=[1])  # type: ignore


def loosely(heatmap_snapshot: HeatmapSnapshot, word: str) -> None:
    """A preset that there is not, and any word."""
    check.drift(word)  # type: ignore
    heatmap_snapshot(preset="lax")  # type: ignore
