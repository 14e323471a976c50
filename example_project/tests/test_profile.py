"""Where the time goes when a folder of pictures is classified: files, decoding, transforms and network together."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from shapes import CLASSES, render
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from .conftest import SEED

PICTURES, BATCH = 10, 8  # per class, and in a batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """PNG files as a user has them: a folder for each class."""
    root = tmp_path_factory.mktemp("pictures")
    for label, name in enumerate(CLASSES):
        (root / name).mkdir()
        for i in range(PICTURES):
            picture = Image.fromarray(render(label, SEED + 1000 + i).image)
            picture.resize((60, 60)).save(root / name / f"{i}.png")
    return root


@pytest.fixture
def loader(folder) -> DataLoader:
    transform = v2.Compose(
        [
            v2.Resize(48),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [64 / 255] * 3),
        ]
    )
    return DataLoader(ImageFolder(str(folder), transform), batch_size=BATCH)


def test_classifying_a_folder_of_pictures(modelcheck, model, loader) -> None:
    right, names = 0, loader.dataset.classes  # in the order of the folders' names, not of CLASSES
    with modelcheck.profile(steps=2, wait=1, warmup=1) as step, torch.inference_mode():
        for pictures, labels in loader:
            answers = [CLASSES[i] for i in model(pictures).argmax(1)]
            right += sum(answer == names[label] for answer, label in zip(answers, labels, strict=True))
            step()
    assert right / len(loader.dataset) > 0.9
    seen = step.result
    assert seen.steps == 2
    assert seen.counts["aten::conv2d"] == 2 * 3  # the network's three, once a batch
    assert seen.counts["aten::stack"] == 2  # the loader's, once a batch
    assert (
        seen.counts["aten::_local_scalar_dense"] == 2 * BATCH * 2
    )  # one for each answer, one for each label
    assert seen.by_module()["conv1"].calls == 2
    modelcheck.show("Slowest modules", seen.module_table(row_limit=5))


@pytest.mark.operator_budget("aten::conv2d", 3)
@pytest.mark.forbid_host_sync
@pytest.mark.peak_memory_budget("7 MiB")
def test_the_network_alone() -> None: ...
