"""A small project that has a check of each kind, and what a run of it without any other plugin says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import coverage.tracer  # noqa: F401  # cannot be loaded twice, and pytester forgets what a run has loaded
import pytest

from ..acceptance.conftest import Project
from ..acceptance.conftest import project as project

MODULES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(8 * 6 * 6, 4)

    def forward(self, x):
        return self.fc(self.drop(self.relu(self.conv(x))).flatten(1))

class Other(Net): ...
"""
FIXTURES = """
import pytest, torch
from nets import Net

@pytest.fixture(scope="session")
def model():
    return Net()  # weights are drawn

@pytest.fixture(scope="session")
def example_inputs():
    return torch.randn(1, 3, 8, 8)
"""
CHECKS = """
import random
import pytest, torch
from torch import nn
from nets import Net, Other

def test_plain():
    torch.randn(3), random.random()

@pytest.mark.macs_budget(8928)
@pytest.mark.params_budget("1 M")
def test_passes(model):
    torch.randn(2)

@pytest.mark.macs_budget(1)
def test_fails(): ...

@pytest.mark.macs_budget(1, model=nn.Identity, input_size=(1, 3))
def test_vacuous(): ...

def test_snapshots(modelcheck, heatmap_snapshot, output_snapshot, complexity_snapshot):
    assert modelcheck.gradcam(target=1, layer="conv") == heatmap_snapshot
    assert modelcheck.outputs() == output_snapshot
    assert modelcheck.complexity() == complexity_snapshot

@pytest.mark.latency_budget("10 s")
def test_latency(): ...

@pytest.mark.operator_budget("aten::convolution", 1)
@pytest.mark.peak_memory_budget("10 MB")
def test_report(modelcheck):
    modelcheck.show("mine", "text")
    assert modelcheck.complexity().macs == 8928

class TestOthers:
    @pytest.mark.parametrize("n", [1, 2])
    @pytest.mark.macs_budget("20 kMACs", model=Other, input_size=(2, 3, 8, 8))  # another subject
    def test_param(self, n): ...

@pytest.mark.skip(reason="not now")
@pytest.mark.macs_budget(1)
def test_skipped(): ...

@pytest.mark.xfail(reason="known")
@pytest.mark.macs_budget(1)
def test_expected(): ...
"""
FILES = {"nets.py": MODULES, "conftest.py": FIXTURES, "tests/test_checks.py": CHECKS}
TIMED = ("latency", "profile")  # sections
Told = dict[str, Any]


def in_order(section: Any) -> Any:
    """What a section keeps of tests, by test; which of them describes the subject is a matter of who comes first."""
    is_kept = isinstance(section, list) and all(isinstance(one, dict) and "nodeid" in one for one in section)
    return sorted(section, key=lambda one: one["nodeid"] or "") if is_kept else section


def told(record: Mapping[str, Any]) -> Told:
    """All that a record says and that no clock decides, in no order of running."""
    checks = [
        {
            **{key: check[key] for key in ("nodeid", "metric", "subject", "limit_text", "outcome")},
            "value": None if check["metric"].startswith("latency") else check["value"],
        }
        for check in record["checks"]
    ]
    subjects = [
        {k: in_order(v) for k, v in one.items() if k not in TIMED}
        for one in sorted(record["subjects"], key=lambda one: one["name"])
    ]
    run = {key: record["run"][key] for key in ("exit_status", "tests", "no_result", "interrupted")}
    checks.sort(key=lambda check: check["nodeid"])  # shards come one after the other
    failures = [{k: v for k, v in one.items() if k != "text"} for one in record["failures"]]
    return {
        "run": run,
        "checks": checks,
        "subjects": subjects,
        "panels": record["panels"],
        "failures": failures,
    }


class Suite:
    """The project in a folder of its own; `alone`: what its record says without other plugins."""

    def __init__(self, project: Project, made: dict[str, Any], folder: Path) -> None:
        self.project, self.pytester, self.path = project, project.pytester, Path(project.pytester.path)
        if not made:
            self.write(FILES)
            assert self.run("--snapshot-update").ret == 1
            assert self.run("--modelcheck-report").ret == 1
            made["alone"] = self.told()
            shutil.rmtree(self.path / "modelcheck-report")
            shutil.copytree(self.path, folder)
        else:
            shutil.copytree(folder, self.path, dirs_exist_ok=True)
        self.alone: Told = made["alone"]

    def write(self, files: Mapping[str, str]) -> None:
        for name, source in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_text(source, "utf-8")

    def run(self, *arguments: str, subprocess: bool = False) -> pytest.RunResult:
        return self.project.run(*arguments, subprocess=subprocess)

    def told(self, folder: str = "modelcheck-report") -> Told:
        return told(json.loads((self.path / folder / "report.json").read_text("utf-8")))


@pytest.fixture(scope="session")
def made() -> dict[str, Any]:
    return {}


@pytest.fixture
def suite(project: Project, made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Suite:
    folder = tmp_path_factory.getbasetemp() / "beside"
    return Suite(project, made, folder)
