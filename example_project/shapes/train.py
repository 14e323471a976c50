"""Make the weights again: `python -m shapes.train` (in example_project; about eight minutes on one core)."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from .data import CLASSES, render, to_tensor
from .model import WEIGHTS, SimpleConv3

HELD_OUT_SEED = 1_000_000
KEPT = (0, 4, 16, 64, 128, 256)  # optimiser steps whose features `--checkpoints` keeps, apart from the last


def tensors(length: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """A whole set in memory: pictures (length, 3, 48, 48), labels (length,), ground (length, 1, 5, 5).

    `ground` is 1 where a cell of the feature maps (15 x 15 pixels, 8 apart) sees nothing of the shape.
    """
    samples = [render(index % len(CLASSES), seed + index) for index in range(length)]
    masks = torch.stack([torch.from_numpy(sample.mask) for sample in samples])[:, None].float()
    labels = torch.tensor([sample.label for sample in samples])
    return torch.stack([to_tensor(sample) for sample in samples]), labels, 1 - F.max_pool2d(masks, 15, 8)


def accuracy(model: SimpleConv3, pictures: Tensor, labels: Tensor, _: Tensor) -> float:
    """Share of pictures whose top class is right."""
    with torch.inference_mode():
        return (model.eval()(pictures).argmax(1) == labels).float().mean().item()


class Guide(nn.Module):
    """A second head for training only: the class is also read off the sums of the feature maps, by weights >= 0.

    Each class then has features of its own that fire on its shape. Together with `mixed` (the real head takes a
    feature for the same evidence everywhere) and a ground that stays silent, this is what Grad-CAM presumes when it
    weighs a feature by its mean gradient over all places. Trained on cross-entropy alone, the same network is as
    accurate, and its maps light up everything but the shape.
    """

    def __init__(self, features: int = 48) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(len(CLASSES), features) / 10)
        self.bias = nn.Parameter(torch.zeros(len(CLASSES)))

    def forward(self, maps: Tensor) -> Tensor:
        return F.linear(maps.sum((2, 3)), self.weight.relu(), self.bias)


def mixed(maps: Tensor) -> Tensor:
    """Feature maps rolled by a random offset; every second time with all places shuffled."""
    if torch.rand(()) < 0.5:
        return maps.flatten(2)[:, :, torch.randperm(25)].unflatten(2, (5, 5))
    return torch.roll(maps, torch.randint(5, (2,)).tolist(), (2, 3))


def loss(model: SimpleConv3, guide: Guide, pictures: Tensor, labels: Tensor, ground: Tensor) -> Tensor:
    """Cross-entropy of both heads, and a price on features that fire on the ground."""
    maps = model.features(pictures)
    heads = (model.classify(mixed(maps)), guide(maps))
    errors = [F.cross_entropy(logits, labels, label_smoothing=0.05) for logits in heads]
    return sum(errors, 3 * (maps * ground).mean())


def train(
    epochs: int, seed: int, length: int = 8000, checkpoints: Path | None = None
) -> tuple[SimpleConv3, float]:
    """Train from scratch, each epoch on new pictures; the network, and its accuracy on held-out ones.

    Its convolutions go to the folder `checkpoints` as they come to be.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the same weights from the same seed
    model, guide = SimpleConv3(), Guide()
    optimiser = torch.optim.AdamW([*model.parameters(), *guide.parameters()], lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=epochs * (length // 64))
    held_out = tensors(2000, HELD_OUT_SEED)
    step, last = 0, epochs * len(range(0, length, 64))
    for epoch in range(epochs):
        data = tensors(length, (seed * epochs + epoch) * length)
        model.train()
        for batch in torch.randperm(length).split(64):
            if checkpoints is not None and step in KEPT:
                save_features(model, checkpoints / f"step{step:04}.safetensors")
            step += 1
            optimiser.zero_grad()
            loss(model, guide, *(tensor[batch] for tensor in data)).backward()
            optimiser.step()
            schedule.step()
        print(f"epoch {epoch + 1}: held-out accuracy {accuracy(model, *held_out):.4f}", flush=True)
    if checkpoints is not None:
        save_features(model, checkpoints / f"step{last:04}.safetensors")
    return model, accuracy(model.half().float(), *held_out)


def save_features(model: SimpleConv3, path: Path) -> None:
    """Write the convolutions and their normalisation in half precision: 33 kB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kept = {
        n: t for n, t in model.state_dict().items() if n.startswith(("conv", "bn")) and t.is_floating_point()
    }
    save_file({name: tensor.half() for name, tensor in kept.items()}, path)


def save(model: SimpleConv3, path: Path, **facts: object) -> None:
    """Write the weights in half precision, with `facts` as metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: t.half() for name, t in model.state_dict().items() if t.is_floating_point()}
    save_file(weights, path, {key: str(value) for key, value in facts.items()})


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--checkpoints", type=Path, help="keep the convolutions of some steps in this folder")
    arguments = parser.parse_args()
    model, held_out = train(arguments.epochs, arguments.seed, checkpoints=arguments.checkpoints)
    save(model, arguments.out, accuracy=held_out, epochs=arguments.epochs, seed=arguments.seed)
    print(f"{arguments.out}: held-out accuracy {held_out:.4f}")


if __name__ == "__main__":
    main()
