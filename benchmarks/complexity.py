"""The counter against its peers on the same models in one run: error, CPU time, memory; then the giants.

`python benchmarks/complexity.py [ROUNDS]` prints ratios. Truth is torchvision's published `_ops`. Every tool counts
in turn, round by round, and its quickest round stands: noise only ever adds. Memory is the growth of the process's
peak in a fresh process. A peer that is not installed says so: pip install "pytest-modelcheck[bench]".
"""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torchvision import models

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.complexity.measure import count
from pytest_modelcheck.model.skeleton import parameters_on_meta
from pytest_modelcheck.model.subject import build_subject

MODELS = ("resnet50", "vit_b_16", "swin_t", "convnext_large")
WEIGHED = ("resnet50", "convnext_large")  # memory takes a process for each tool
SHAPE = (1, 3, 224, 224)


def bare_meta(model: nn.Module, image: torch.Tensor) -> None:
    """The forward that ours is compared with."""
    skeleton, inputs = on_meta(model, image)
    with torch.inference_mode():
        skeleton(inputs)


def ours(model: nn.Module, image: torch.Tensor) -> float:
    """Counted anew each time: what a first check costs."""
    return counted_anew(build_subject(model, image)).macs


counted_anew = count.__wrapped__  # type: ignore[attr-defined]


def ours_meta(model: nn.Module, image: torch.Tensor) -> float:
    return counted_anew(build_subject(*on_meta(model, image))).macs


def torch_real(model: nn.Module, image: torch.Tensor) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    return counter.get_total_flops() / 2


def torch_meta(model: nn.Module, image: torch.Tensor) -> float:
    return torch_real(*on_meta(model, image))


def fvcore(model: nn.Module, image: torch.Tensor) -> float:
    from fvcore.nn import FlopCountAnalysis

    return (
        FlopCountAnalysis(model, image)
        .unsupported_ops_warnings(False)
        .uncalled_modules_warnings(False)
        .total()
    )


def ptflops(model: nn.Module, image: torch.Tensor) -> float:
    from ptflops import get_model_complexity_info

    shape = tuple(image.shape[1:])
    return get_model_complexity_info(model, shape, as_strings=False, print_per_layer_stat=False)[0]


def torchinfo(model: nn.Module, image: torch.Tensor) -> float:
    from torchinfo import summary

    return summary(model, input_data=image, verbose=0).total_mult_adds


def thop(model: nn.Module, image: torch.Tensor) -> float:
    from thop import profile  # AGPL: run only

    return profile(model, inputs=(image,), verbose=False)[0]


def calflops(model: nn.Module, image: torch.Tensor) -> float:
    from calflops import calculate_flops

    shape = tuple(image.shape)
    return calculate_flops(model, shape, output_as_string=False, print_results=False, print_detailed=False)[1]


def deepspeed(model: nn.Module, image: torch.Tensor) -> float:
    from deepspeed.profiling.flops_profiler import get_model_profile

    shape = tuple(image.shape)
    return get_model_profile(model, shape, print_profile=False, detailed=False, as_string=False)[1]


TOOLS: dict[str, Callable] = {
    "ours": ours,
    "ours, model on meta": ours_meta,
    "torch FlopCounterMode, real": torch_real,
    "torch FlopCounterMode, meta": torch_meta,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "torchinfo": torchinfo,
    "ultralytics-thop": thop,
    "calflops": calflops,
    "deepspeed": deepspeed,
}
_SKELETONS: dict[int, tuple[nn.Module, torch.Tensor]] = {}


def on_meta(model: nn.Module, image: torch.Tensor) -> tuple[nn.Module, torch.Tensor]:
    """The same architecture on meta, made once."""
    if id(model) not in _SKELETONS:
        with parameters_on_meta():
            skeleton = models.get_model(model.zoo_name, weights=None)
        _SKELETONS[id(model)] = (skeleton.to("meta").eval(), image.to("meta"))
    return _SKELETONS[id(model)]


def quietly(call: Callable, *args: object) -> object:
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return call(*args)


def cpu_seconds(call: Callable, *args: object) -> tuple[float, object]:
    start = time.process_time()
    result = quietly(call, *args)
    return time.process_time() - start, result


def make(name: str) -> tuple[nn.Module, torch.Tensor, float]:
    """Model, image, and the truth: its weights are published at 224 px."""
    model = models.get_model(name, weights=None).eval()
    model.zoo_name = name
    weights = next(iter(models.get_model_weights(name)))
    return model, torch.zeros(SHAPE), weights.meta["_ops"] * 1e9


def compare(rounds: int) -> None:
    for name in MODELS:
        model, image, truth = make(name)
        best: dict[str, float] = {}
        found: dict[str, object] = {}
        for _ in range(rounds):
            for tool, call in {**TOOLS, "bare": bare_meta}.items():
                if isinstance(found.get(tool), str):
                    continue
                try:
                    seconds, found[tool] = cpu_seconds(call, model, image)
                    best[tool] = min(best.get(tool, seconds), seconds)
                except Exception as error:
                    found[tool] = f"{type(error).__name__}: {str(error).splitlines()[0][:60]}"
        print(
            f"\n{name}: published {truth / 1e9:.3f} GMACs; bare meta forward {best['bare'] * 1000:.1f} ms CPU"
        )
        for tool in TOOLS:
            if isinstance(found[tool], str):
                print(f"  {tool:<28} not run: {found[tool]}")
                continue
            error = float(found[tool]) / truth - 1  # type: ignore[arg-type]
            memory = f"  memory +{memory_growth(name, tool):.0f} MB" if name in WEIGHED else ""
            print(
                f"  {tool:<28} error {error:+8.2%}  CPU {best[tool] * 1000:8.1f} ms"
                f"  = {best[tool] / best['bare']:6.2f} x bare meta, {best[tool] / best['ours']:6.2f} x ours"
                f"{memory}"
            )


def memory_growth(name: str, tool: str) -> float:
    """Growth of the peak by one count beyond the model, in a fresh process that has counted a tiny model before."""
    command = [sys.executable, __file__, "--memory", name, tool]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 and done.stdout else float("nan")


def memory_child(name: str, tool: str) -> None:
    small, image, _ = make("squeezenet1_1")
    quietly(TOOLS[tool], small, image)
    model, image, _ = make(name)
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.detach().sum()  # the model itself is in memory
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts afresh from what is there now (Linux)
    before = peak_kib()
    quietly(TOOLS[tool], model, image)
    print((peak_kib() - before) / 1024)


def peak_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


class Llama(nn.Module):
    """A block of Llama's shape: grouped queries, gated feed-forward."""

    def __init__(self, width: int, heads: int, groups: int, hidden: int) -> None:
        super().__init__()
        self.head = width // heads
        self.norm1, self.norm2 = nn.RMSNorm(width), nn.RMSNorm(width)
        self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.k, self.v = (nn.Linear(width, groups * self.head, bias=False) for _ in range(2))
        self.gate, self.up = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm1(x)
        q, k, v = (f(y).unflatten(-1, (-1, self.head)).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + self.o(y.transpose(1, 2).flatten(2))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def llama(layers: int, *sizes: int) -> tuple[nn.Module, torch.Tensor]:
    with torch.device("meta"):
        blocks = [Llama(*sizes) for _ in range(layers)]
        head = nn.Linear(sizes[0], 32000, bias=False)
        model = nn.Sequential(nn.Embedding(32000, sizes[0]), *blocks, nn.RMSNorm(sizes[0]), head)
        return model, torch.zeros(1, 4096, dtype=torch.long)


def vision(name: str, size: int, **options: int) -> tuple[nn.Module, torch.Tensor]:
    with parameters_on_meta():
        model = models.get_model(name, weights=None, **options)
    return model.to("meta"), torch.empty(1, 3, size, size, device="meta")


GIANTS: dict[str, Callable] = {
    "ViT-H/14 at 518": lambda: vision("vit_h_14", 518, image_size=518),
    "RegNetY-128GF at 384": lambda: vision("regnet_y_128gf", 384),
    "7 B Llama at 4096": lambda: llama(32, 4096, 32, 32, 11008),
    "70 B Llama at 4096": lambda: llama(80, 8192, 64, 8, 28672),
}


def giants(rounds: int) -> None:
    print("\ngiants, on meta")
    for name, build in GIANTS.items():
        check = ModelCheck(*build())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        best, cost = min((cpu_seconds(check.complexity) for _ in range(rounds)), key=lambda pair: pair[0])
        growth = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        print(
            f"  {name:<22} {cost.params / 1e9:6.2f} G parameters, {cost.macs / 1e9:12,.3f} GMACs,"
            f" {best:.3f} s CPU, memory +{growth:.0f} MB"
        )


def growth_with_depth(rounds: int) -> None:
    print("\ngrowth: transformer blocks")
    before = 0.0
    for depth in (8, 80, 800):
        with torch.device("meta"):
            blocks = [nn.TransformerEncoderLayer(64, 4, 128, batch_first=True) for _ in range(depth)]
            check = ModelCheck(nn.Sequential(*blocks), torch.empty(1, 16, 64))
        best = min(cpu_seconds(check.complexity)[0] for _ in range(rounds))
        ratio = f"  {best / before:.1f} x for 10 x the layers" if before else ""
        print(f"  {depth:>4} blocks {best:7.3f} s CPU{ratio}")
        before = best


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    if sys.argv[1:2] == ["--memory"]:
        memory_child(sys.argv[2], sys.argv[3])
    else:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
        compare(count)
        giants(count)
        growth_with_depth(count)
