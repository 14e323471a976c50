"""A small project as a user has it, in a folder of its own."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .repository import Repository

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.relu = nn.ReLU()
        self.fc = nn.Linear(8 * 6 * 6, 4)

    def forward(self, x):
        return self.fc(self.relu(self.conv(x)).flatten(1))

def net():
    torch.manual_seed(0)
    return Net()
"""
# Net at 1x3x8x8, by hand: conv 8*3*9*36 = 7,776 MACs, fc 288*4 = 1,152; params 216+8 and 1,152+4; outputs 288 + 4
MACS, PARAMS, ACTIVATIONS = 8928, 1380, 292
HEAD = "import pytest, torch\nfrom torch import nn\nfrom nets import Net, net\n"  # of test files


class Project:
    """A folder with `nets.py` and the given test files; `run` calls pytest in it."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        pytester.makepyfile(nets=NETS)
        pytester.syspathinsert()

    def tests(self, source: str, **more: str) -> Project:
        """Write `test_it.py`, and the files named by keyword."""
        self.pytester.makepyfile(test_it=HEAD + source, **more)
        return self

    def conftest(self, source: str) -> Project:
        self.pytester.makeconftest("import pytest, torch\nfrom nets import Net, net\n" + source)
        return self

    def run(self, *arguments: str, subprocess: bool = False) -> pytest.RunResult:
        call = self.pytester.runpytest_subprocess if subprocess else self.pytester.runpytest_inprocess
        return call("-p", "no:cacheprovider", *arguments)

    def record(self, folder: str = "modelcheck-report") -> dict[str, Any]:
        text = (Path(self.pytester.path) / folder / "report.json").read_text("utf-8")
        return json.loads(text)  # type: ignore[no-any-return]


@pytest.fixture(autouse=True, scope="package")
def quick_interpreter(commands: Path) -> Iterator[None]:
    """Whatever starts Python here starts a fork of one that has torch: a second instead of four."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(commands / "python"))
        yield


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    for name in (  # in them pytest, syrupy and we behave otherwise
        "CI",
        "BUILD_NUMBER",
        "PYTEST_XDIST_WORKER",
        "GITHUB_ACTIONS",
    ):
        monkeypatch.delenv(name, raising=False)
    return Project(pytester)


FIXTURES = """
@pytest.fixture(scope="session")
def model():
    return net()

@pytest.fixture(scope="session")
def example_inputs():
    return torch.linspace(0, 1, 192).reshape(1, 3, 8, 8)
"""


@pytest.fixture
def repository(project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    """An own temporary folder shows what is left in it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other take most of the time
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path = tmp_path / "repository"
    path.mkdir()
    made = Repository(path, project.pytester)
    monkeypatch.chdir(path)
    return made
