"""Suites that are laid out as those of large libraries: mixins of unittest with parameters, folders of tests."""

from __future__ import annotations

MIXIN = """
import pytest
from parameterized import parameterized

class ModelTesterMixin:
    all_model_classes = ()

    @pytest.mark.params_budget("4 k", model="nets:base")
    def test_model_common(self):
        for cls in self.all_model_classes:
            cls()

    @parameterized.expand([("eager", 1), ("sdpa", 2)])
    @pytest.mark.macs_budget(8_928, model="nets:base", input_size=(1, 3, 8, 8))
    def test_attention(self, name, number):
        self.assertIn(number, (1, 2))

    @pytest.mark.macs_budget(1, model="nets:base", input_size=(1, 3, 8, 8))
    def test_too_much(self): ...
"""
MODELING = """
import unittest
import pytest
from parameterized import parameterized, parameterized_class
from nets import Net
from ...test_modeling_common import ModelTesterMixin

class NetModelTester:
    def __init__(self, parent):
        self.parent = parent

@pytest.mark.modelcheck(model=Net, input_size=(1, 3, 8, 8))
class NetModelTest(ModelTesterMixin, unittest.TestCase):
    all_model_classes = (Net,)

    def setUp(self):
        self.model_tester = NetModelTester(self)

    @unittest.skip(reason="not for Net")
    def test_attention_0_eager(self): ...  # without the marker of that which it replaces

    @pytest.mark.flops_budget("17.856 kFLOPs")
    def test_own(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertLess(n, 3)

@parameterized_class(("size",), [(8,), (16,)])
@pytest.mark.macs_budget(9_000, model=Net, input_size=(1, 3, 8, 8))
class IntegrationTest(unittest.TestCase):
    def test_size(self):
        self.assertIn(self.size, (8, 16))
"""
HUGGING_FACE = {
    "conftest.py": "def pytest_configure(config):\n    config.addinivalue_line('markers', 'not_device_test: x')\n",
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--doctest-glob=\"**/*.md\"'\nasyncio_mode = 'auto'\n",
    "suite/__init__.py": "",
    "suite/test_modeling_common.py": MIXIN,
    "suite/models/__init__.py": "",
    "suite/models/net/__init__.py": "",
    "suite/models/net/test_modeling_net.py": MODELING,
}
NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8 * 6 * 6, 4)

    def forward(self, x):
        return self.fc(self.conv(x).relu().flatten(1))

def base(): return Net()
"""
CONFTEST = """
import os, signal, threading
import pytest, torch

@pytest.fixture(scope="function", autouse=True)
def preserve_global_rank_variable():
    yield

@pytest.fixture(scope="function", autouse=True)
def restore_env_variables():
    before = os.environ.copy()
    yield
    leaked = set(os.environ) - set(before) - {"PYTEST_CURRENT_TEST"}
    os.environ.clear()
    os.environ.update(before)
    assert not leaked, leaked

@pytest.fixture(scope="function", autouse=True)
def restore_signal_handlers():
    handlers = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    assert handlers == {number: signal.getsignal(number) for number in signal.valid_signals()}

@pytest.fixture(scope="function", autouse=True)
def teardown_process_group():
    yield

@pytest.fixture(scope="function", autouse=True)
def thread_police_duuu_daaa_duuu_daaa():
    active = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - active if thread.is_alive()]

@pytest.fixture
def reset_deterministic_algorithm():
    yield
    torch.use_deterministic_algorithms(False)

@pytest.fixture
def mps_count_0(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.get_closest_marker("single") is not None)
"""
BORING = """
import torch
from torch import nn

class LightningModule(nn.Module):
    def __init__(self):
        super().__init__()
        self._trainer = None
        self.automatic_optimization = True

    @property
    def trainer(self):
        if self._trainer is None:
            raise RuntimeError(f"{type(self).__qualname__} is not attached to a `Trainer`.")
        return self._trainer

    @property
    def device(self): return torch.device("cpu")

    def log(self, *args): self.trainer.log(*args)

class BoringModel(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(32, 2)

    def forward(self, x): return self.layer(x)
    def training_step(self, batch, number): return {"loss": self(batch).sum()}
    def configure_optimizers(self): return [torch.optim.SGD(self.layer.parameters(), lr=0.1)], []
"""
TRAINER = """
import pytest, torch
from lightning_like.boring import BoringModel

class Model(BoringModel):
    def training_step(self, batch, number):
        self.log("x", 1)
        return super().training_step(batch, number)

@pytest.fixture
def model(): return Model()
@pytest.fixture
def example_inputs(): return torch.ones(4, 32)

@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("tpu", marks=pytest.mark.skip(reason="no TPU"))])
@pytest.mark.macs_budget(256)
@pytest.mark.params_budget(66)
@pytest.mark.compile_budget(graph_breaks=0)
def test_fit(accelerator, model, tmp_path, reset_deterministic_algorithm, mps_count_0): ...

@pytest.mark.macs_budget(1)
def test_too_much(tmp_path): ...

@pytest.mark.latency_budget("10 s")
@pytest.mark.peak_memory_budget("1 MB", phase="training_step")
def test_measured(modelcheck, output_snapshot):
    assert modelcheck.structure().modules
"""
LIGHTNING = {
    "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--strict-markers --doctest-modules --color=yes'\n"
    "filterwarnings = ['error::FutureWarning']\nxfail_strict = true\nmarkers = ['single: x']\n"
    "norecursedirs = ['.git']\njunit_duration_report = 'call'\n",
    "tests/tests_pytorch/__init__.py": "",
    "tests/tests_pytorch/conftest.py": CONFTEST,
    "tests/tests_pytorch/models/__init__.py": "",
    "tests/tests_pytorch/models/test_boring.py": TRAINER,
    "src/lightning_like/__init__.py": "",
    "src/lightning_like/boring.py": BORING,
}


def outcomes(record):
    return {
        (check["nodeid"].rpartition("::")[2], check["metric"]): check["outcome"] for check in record["checks"]
    }


def write(project, files):
    for name, source in files.items():
        path = project.pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)


def test_mixins_with_parameters(project):
    write(project, {**HUGGING_FACE, "nets.py": NETS})
    result = project.run("--modelcheck-report")
    result.assert_outcomes(passed=5, failed=1, skipped=1)
    assert outcomes(project.record()) == {
        ("test_attention_1_sdpa", "macs"): "pass",
        ("test_model_common", "params"): "pass",
        ("test_own", "flops"): "pass",
        ("test_size", "macs"): "pass",
        ("test_too_much", "macs"): "fail",
    }


def test_folders_with_fixtures_that_look_for_traces(project, monkeypatch):
    write(project, LIGHTNING)
    monkeypatch.syspath_prepend(project.pytester.path / "src")
    result = project.run("tests/tests_pytorch", "--modelcheck-report")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    assert "Error" not in result.stdout.str()
    bad = {key: outcome for key, outcome in outcomes(project.record()).items() if outcome != "pass"}
    assert bad == {
        ("test_too_much", "macs"): "fail",
        **{("test_fit[tpu]", metric): "skipped" for metric in ("macs", "params", "graph_breaks")},
    }
