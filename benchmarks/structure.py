"""What tracing a structure costs against a bare forward: pairs of both, CPU time, one thread.

`python benchmarks/structure.py [PAIRS]` prints the median ratio of each model; the aim is at most 2. The hashes of the
weights (`structure(weights=True)`) are on the last column by themselves.
"""

from __future__ import annotations

import statistics
import sys
import time

import torch

from pytest_modelcheck import ModelCheck

MODELS = ("resnet18", "resnet50", "googlenet", "vit_b_16", "swin_t", "mobilenet_v3_small")


def seconds(function) -> float:
    start = time.process_time()
    function()
    return time.process_time() - start


def main(pairs: int) -> None:
    torch.set_num_threads(1)
    print(f"{'model':<20} {'forward':>10} {'traced':>10} {'ratio':>7} {'hashing':>10}")
    for name in MODELS:
        check = ModelCheck(f"torchvision:{name}", input_size=(1, 3, 224, 224))
        model = check.subject.module.eval()
        inputs = check.subject.require_inputs()

        def forward(model=model, inputs=inputs) -> None:
            with torch.inference_mode():
                model(*inputs.args)

        forward()
        check.structure()
        runs = [(seconds(forward), seconds(check.structure)) for _ in range(pairs)]
        ratio = statistics.median(traced / bare for bare, traced in runs)
        bare, traced = (statistics.median(times) for times in zip(*runs, strict=True))
        hashing = seconds(lambda check=check: check.structure(weights=True)) - traced
        print(f"{name:<20} {bare:>8.3f} s {traced:>8.3f} s {ratio:>7.2f} {hashing:>8.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
