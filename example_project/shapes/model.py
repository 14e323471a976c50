"""SimpleConv3: three strided convolutions and three linear layers, for 48 x 48 pictures."""

from __future__ import annotations

from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).resolve().parent.parent / "weights" / "simpleconv3.safetensors"


class SimpleConv3(nn.Module):
    """Maps pictures (N, 3, 48, 48) to logits (N, nclass)."""

    def __init__(self, nclass: int = 4) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, 2)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, 2)
        self.bn2 = nn.BatchNorm2d(24)
        self.conv3 = nn.Conv2d(24, 48, 3, 2)
        self.bn3 = nn.BatchNorm2d(48)
        self.relu3 = nn.ReLU()  # a module, so that heatmaps can name it: what passes it is what the head sees
        self.fc1 = nn.Linear(48 * 5 * 5, 1200)
        self.fc2 = nn.Linear(1200, 128)
        self.fc3 = nn.Linear(128, nclass)

    def features(self, x: Tensor) -> Tensor:
        """The feature maps (N, 48, 5, 5)."""
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.relu3(self.bn3(self.conv3(x)))

    def classify(self, maps: Tensor) -> Tensor:
        """Logits (N, nclass) from feature maps."""
        x = F.relu(self.fc1(maps.flatten(1)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x))


def load_trained(path: Path = WEIGHTS) -> SimpleConv3:
    """The trained network in eval mode. Raises FileNotFoundError that names the command which makes the weights."""
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing; make it with: python -m shapes.train (in example_project)"
        )
    model = SimpleConv3()
    model.load_state_dict({name: tensor.float() for name, tensor in load_file(path).items()}, strict=False)
    return model.eval()
