"""Large projects, written in a moment: tests of many models, and tests of none."""

from __future__ import annotations

from pathlib import Path

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, width, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
            *[layer for _ in range({depth}) for layer in (
                nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())],
        )
        self.pool, self.hidden = nn.AdaptiveAvgPool2d(4), nn.Linear(16 * width, 2048)
        self.head = nn.Linear(2048, classes)

    def forward(self, x):
        return self.head(self.hidden(self.pool(self.body(x)).flatten(1)).relu())

def net(number):  # of three megabytes, about; each number's is another one
    torch.manual_seed(number)
    return Net(16 + number % 5, 10 + number)
"""
HEAD = """
from functools import partial
import pytest, torch
from nets import net

@pytest.fixture
def model():
    return net({number})

@pytest.fixture
def example_inputs():
    return torch.linspace(-1, 1, 3072).reshape(1, 3, 32, 32)
"""
TESTS = """
@pytest.mark.flops_budget("1 GFLOPs")
@pytest.mark.params_budget("10 M")
def test_cost(): ...

@pytest.mark.macs_budget("1 GMACs", phase="training_step")
def test_training_cost(): ...

@pytest.mark.peak_memory_budget("1 GiB")
def test_memory(): ...

@pytest.mark.peak_memory_budget("1 GiB", phase="training_step")
def test_training_memory(): ...

@pytest.mark.operator_budget("aten::convolution", 100)
def test_operators(): ...

def test_structure(modelcheck, structure_snapshot):
    assert modelcheck.structure() == structure_snapshot

def test_outputs(modelcheck, output_snapshot):
    assert modelcheck.outputs() == output_snapshot

def test_heatmap(modelcheck, heatmap_snapshot):
    assert modelcheck.gradcam(target=3) == heatmap_snapshot

def test_more(modelcheck):
    modelcheck.weights()
    assert modelcheck.summary()

@pytest.mark.latency_budget("1 s")
def test_latency(): ...
"""
WIDE = """
@pytest.mark.flops_budget("1 GFLOPs")
@pytest.mark.flops_budget("3 GFLOPs", phase="backward")
@pytest.mark.flops_budget("3 GFLOPs", phase="training_step")
@pytest.mark.macs_budget("1 GMACs")
@pytest.mark.params_budget("10 M")
@pytest.mark.params_budget("10 M", trainable=True)
@pytest.mark.activations_budget("10 M")
@pytest.mark.memory_access_budget("1 GiB")
@pytest.mark.peak_memory_budget("1 GiB")
@pytest.mark.peak_memory_budget("1 GiB", phase="training_step")
def test_costs(): ...

@pytest.mark.operator_budget("aten::convolution", 100)
@pytest.mark.operator_budget("aten::relu", 100)
@pytest.mark.operator_budget("aten::addmm", 100)
@pytest.mark.operator_budget("aten::batch_norm", 100)
@pytest.mark.operator_budget("aten::dropout", 0)
@pytest.mark.operator_budget("aten::*", 1000)
@pytest.mark.forbid_host_sync()
def test_operators(): ...

def test_snapshots(modelcheck, structure_snapshot, output_snapshot, heatmap_snapshot):
    assert modelcheck.structure() == structure_snapshot
    assert modelcheck.outputs() == output_snapshot
    assert modelcheck.gradcam(target=3) == heatmap_snapshot
"""
CHECKS = 20  # of WIDE
PER_MODEL = TESTS.count("def test_")
LOG = """
import gc, time
import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    start = time.process_time()
    try:
        return (yield)
    finally:
        took = time.process_time() - start
        with open("/proc/self/statm") as pages, open("log.txt", "a") as log:
            print(took, 4096 * int(pages.read().split()[1]), file=log)
"""
LIVING = """
import weakref
import nets

LIVING = weakref.WeakSet()
make = nets.Net.__init__

def counted(self, *given):
    make(self, *given)
    LIVING.add(self)

nets.Net.__init__ = counted

def pytest_sessionfinish():
    gc.collect()
    with open("living.txt", "w") as file:
        file.write(str(len(LIVING)))
"""
PLAIN = "def test_{0}():\n    pass\n"
PER_FILE = 100


def many(folder: Path, models: int, conftest: str = LOG, tests: str = TESTS, depth: int = 2) -> None:
    """Tests of each model, a file for each; every test builds its own, of so many layers and one. With LOG `log.txt`
    gets a line for each test: seconds of CPU, and bytes of the process.
    """
    (folder / "nets.py").write_text(NETS.replace("{depth}", str(depth)))
    (folder / "conftest.py").write_text(conftest)
    for number in range(models):
        (folder / f"test_{number:03}.py").write_text(HEAD.format(number=number) + tests)


def plain(folder: Path, count: int) -> None:
    """So many tests that check nothing, a hundred in a file."""
    for first in range(0, count, PER_FILE):
        numbers = range(first, min(first + PER_FILE, count))
        (folder / f"test_{first}.py").write_text("".join(map(PLAIN.format, numbers)))


def logged(folder: Path) -> list[tuple[float, float]]:
    """Seconds and bytes of each test, in their order."""
    lines = (folder / "log.txt").read_text().splitlines()
    return [(float(took), float(size)) for took, size in map(str.split, lines)]
