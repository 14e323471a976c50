"""What tracing a structure costs against a bare forward: pairs of both, CPU time, one thread.

`python benchmarks/structure.py [PAIRS]` prints the median ratio of each model; the aim is at most 2. The hashes of the
weights (`structure(weights=True)`) are on the last column by themselves.

First what comparing costs, of structures with so many operators in one module: fingerprints, changes and one graph of
both, and as a multiple of the fingerprints alone, which any comparison needs. Measured: 100,000 operators take 6 to 8
s, 3 to 5 times the fingerprints (4,000 took 29 s, when each was compared with each); equal structures nothing more.
"""

from __future__ import annotations

import statistics
import sys

import torch
from turns import cpu_seconds

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.structure.compare.diff import Comparison
from pytest_modelcheck.checks.structure.compare.merge import merged
from pytest_modelcheck.checks.structure.graph import Graph, Node, Scope
from pytest_modelcheck.checks.structure.measure import hash_weights, trace
from pytest_modelcheck.checks.structure.node import ModuleNode
from pytest_modelcheck.checks.structure.result import Structure

MODELS = ("resnet18", "resnet50", "googlenet", "vit_b_16", "swin_t", "mobilenet_v3_small")


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

        def traced_anew(subject=check.subject) -> None:
            trace.__wrapped__(subject)  # without what is shared by tests

        forward()
        traced_anew()
        runs = [(cpu_seconds(forward), cpu_seconds(traced_anew)) for _ in range(pairs)]
        ratio = statistics.median(traced / bare for bare, traced in runs)
        bare, traced = (statistics.median(times) for times in zip(*runs, strict=True))
        hashing = cpu_seconds(lambda subject=check.subject: hash_weights(subject))
        print(f"{name:<20} {bare:>8.3f} s {traced:>8.3f} s {ratio:>7.2f} {hashing:>8.3f} s")


CHANGES = {
    "none": lambda steps: [*steps],
    "one operator more": lambda steps: [*steps[: len(steps) // 2], "tanh", *steps[len(steps) // 2 :]],
    "every 100th another": lambda steps: ["exp" if n % 100 == 7 else step for n, step in enumerate(steps)],
    "all others": lambda steps: [f"other_{step}" for step in steps],
}


def chain(steps) -> Structure:
    """A structure of one module that runs these operators one after the other."""
    nodes = [Node("input", 0, shapes=((2, 8),), dtypes=("float32",))]
    for operator in [*steps, "output"]:
        source = ((len(nodes) - 1, 0),)
        nodes.append(Node(operator, 0, source, {}, (), ((2, 8),), ("float32",), places=("input",)))
    modules = (ModuleNode("", "Net", 0, "", 0, 0, False, ()),)
    return Structure("net", modules, Graph(tuple(nodes), (Scope("", "Net"),)))


def compare(sizes=(1_000, 10_000, 100_000)) -> None:
    print(f"\n{'changed':<20} {'operators':>10} {'compared':>10} {'ratio':>7}")
    for name, change in CHANGES.items():
        for many in sizes:
            steps = ["linear", "relu", "add", "layer_norm"] * (many // 4)
            base, head = chain(steps), chain(change(steps))
            hashing = cpu_seconds(lambda sides=(base, head): [side.fingerprint for side in sides])

            def whole(base=base, head=head) -> None:
                compared = Comparison(base, head)
                if compared.changes:
                    merged(compared)

            taken = hashing + cpu_seconds(whole)
            print(f"{name:<20} {many:>10,} {taken:>8.3f} s {taken / hashing:>7.2f}")


if __name__ == "__main__":
    compare()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
