"""`pytest-modelcheck init`: a test file that passes as it is, and which models there are in a folder."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from pytest_modelcheck.cli import main
from pytest_modelcheck.cli.draft import call, literal

from .acceptance.conftest import Project

NETS = """
import torch
from torch import nn

print("a word while it is imported")

class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.layer = nn.Linear(width, 3)

    def forward(self, x):
        return self.layer(x)

class Breaks(Net):
    def forward(self, x):
        return self.layer(x) if x.sum() > 0 else x

def net():
    torch.manual_seed(0)
    return Net()
"""


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.delenv("CI", raising=False)
    made = Project(pytester)
    pytester.makepyfile(nets=NETS)
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    return made


@pytest.fixture
def init(project, capsys):
    """`init(arguments)` gives exit status, standard output and error."""

    def run(*arguments):
        capsys.readouterr()
        status = main(["init", *arguments])
        return status, *capsys.readouterr()

    return run


def test_the_file_passes_as_it_is_once_its_snapshots_are_recorded(project, init):
    pytest.importorskip("onnxscript")
    status, text, told = init("nets:Net(width=5)", "--input-size=2,5", "--snapshots")
    assert status == 0
    assert "pytest test_net.py --snapshot-update" in told
    lines = (
        "input_size=(2, 5)",
        'params_budget("18 parameters")',
        "onnx_export()",
        "(graph_breaks=0, recompiles=0)",
    )
    assert [line for line in lines if line not in text] == []
    assert formatted(text) == text
    project.pytester.makepyfile(test_net=text)
    snapshots = ("-k", "structure or complexity or outputs")
    project.run("test_net.py", "--snapshot-update", *snapshots).assert_outcomes(passed=3, deselected=4)
    project.run("test_net.py", "--modelcheck-strict").assert_outcomes(passed=7)


def test_what_does_not_pass_today_is_left_out_and_says_why(project, init):
    status, text, _ = init("nets:Breaks", "--input-size=1,4")
    assert status == 0
    assert "onnx_export" not in text
    assert "# - export: " in text
    assert formatted(text) == text
    project.pytester.makepyfile(test_new=text)
    assert project.run("test_new.py").ret == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nets:Net"], "Its first layer, layer (Linear), would take 1,4."),
        (["nets:Net", "--input-size=1,3"], "mat1 and mat2 shapes cannot be multiplied"),
        (["nets:Nett", "--input-size=1,4"], "did you mean 'Net'?"),
        (["nets:Net(width=w)", "--input-size=1,4"], "is not a literal"),
    ],
)
def test_a_wrong_model_is_refused_and_nothing_is_printed(init, arguments, told):
    status, text, said = init(*arguments)
    assert (status, text) == (2, "")
    assert told in said


def test_without_a_model_it_says_what_there_is(project, init, monkeypatch):
    files = {
        "pack/__init__.py": "",
        "pack/model.py": "from torch import nn\nimport nets\nclass Deep(nets.Net):\n"
        "    def __init__(self, depth): super().__init__()\n"
        "def deep(): return Deep(3)\ndef number(): return 3\ndef said() -> nn.Module:\n    return nn.Conv1d(2, 3, 1)\n",
        "broken.py": "import nowhere\ndef make(): ...\n",
        "ends.py": "import os\ndef make(): ...\nos._exit(3)\n",
        "works.py": "def train(): raise SystemExit('trained')\ntrain()\n",
        "tests/test_it.py": "raise SystemExit('a test was imported')\ndef f(): ...\n",
    }
    for name, text in files.items():
        path = project.pytester.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    status, text, _ = init()
    assert status == 0
    commands, needs, skipped = (part.split("\n")[1:] for part in text.strip().split("\n\n"))
    assert commands == [
        "  pytest-modelcheck init nets:Net --input-size=1,4",
        "  pytest-modelcheck init nets:Breaks --input-size=1,4",
        "  pytest-modelcheck init nets:net --input-size=1,4",
        "  pytest-modelcheck init pack.model:deep --input-size=1,4",
        "  pytest-modelcheck init pack.model:said --input-size=1,2,128",
    ]
    assert needs == ["  pytest-modelcheck init 'pack.model:Deep(depth=...)'"]
    assert [line.partition(":")[0].strip() for line in skipped] == ["works.py", "broken.py", "ends.py"]
    assert "nowhere" in skipped[1]
    assert "status 3" in skipped[2]


LISTED = """
import socket
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
    def forward(self, x):
        return self.layer(x)

class Loss(nn.MSELoss):
    def __init__(self, weight):
        super().__init__()

class Free(nn.Module):
    def forward(self, x):
        return x.exp()

class Uses(nn.Module):
    def __init__(self, width=4, block=Block):
        super().__init__()
        self.parts = nn.ModuleList([Block(width)])
    def forward(self, x):
        return self.parts[0](x)

class Other(Uses):
    pass

class Cut(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(12, 4, 3)
    def forward(self, x, other: Uses = None):
        assert not isinstance(other, Other)
        return self.layer(nn.functional.pixel_unshuffle(x, 2)) + torch.ones(1).numpy()

def fetched(weights="best", pretrained=True, size=4):
    if weights or pretrained:
        socket.create_connection(("localhost", 9))
    return Block(size)

def only_fetched():
    socket.create_connection(("localhost", 9))
    return Block(4)

def moved():
    return Block(4).to("cpu")

def filled(): ...
filled()
"""


def test_the_list_tells_models_from_their_parts_and_fetches_nothing(project, init):
    (project.pytester.path / "nets.py").unlink()
    package = project.pytester.path / "src" / "pack"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "listed.py").write_text(LISTED)
    status, text, _ = init()
    assert status == 0
    assert text.strip().split("\n\n") == [
        "Models that build without arguments:\n"
        "  pytest-modelcheck init pack.listed:Uses --input-size=1,4\n"
        "  pytest-modelcheck init pack.listed:Other --input-size=1,4\n"
        "  pytest-modelcheck init pack.listed:Cut --input-size=1,3,224,224\n"
        "  pytest-modelcheck init 'pack.listed:fetched(weights=None, pretrained=False)' --input-size=1,4\n"
        "  pytest-modelcheck init pack.listed:moved --input-size=1,4",
        "Parts of models:\n  pack.listed: Block, Loss, Free",
        "Skipped:\n  pack.listed:only_fetched: OSError: it asks the network, which init does not",
    ]


def test_a_project_in_src_needs_no_installation_and_a_long_name_is_cut(project, init, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    package = project.pytester.path / "src" / "far"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(NETS.replace("width=4", "width=4, depth=1, heads=1, ratio=1"))
    status, text, _ = init("far:Net(width=5, depth=1, heads=1, ratio=1)", "--input-size=2,5")
    assert status == 0
    assert 'name="Net"' in text
    project.pytester.makepyfile(test_far=text)
    assert "FLOPs" in project.run("test_far.py", "-k", "counts", "--modelcheck-only=flops", "-v").stdout.str()
    assert "(width=5" not in project.run("test_far.py", "-k", "counts").stdout.str()


def test_a_folder_without_models_says_what_to_do(project, init):
    (project.pytester.path / "nets.py").unlink()
    status, text, said = init()
    assert (status, text) == (2, "")
    assert "pytest-modelcheck init package.module:factory" in said


@pytest.mark.parametrize(
    "value", ["it's", 'a "word"', "plain", "\\n\t", (1,), [1, "x"], 2.5, None, (1, (2, "'"))]
)
def test_values_are_written_as_they_are_read(value):
    assert eval(literal(value)) == value
    text = "\n".join(call("f", [value] * 30, {"key": value})) + "\n"
    assert formatted(text) == text


def formatted(text: str) -> str:
    """As ruff would leave it."""
    ruff = shutil.which("ruff") or pytest.skip("ruff is not installed")
    command = [ruff, "format", "--isolated", "--stdin-filename=test_new.py", "-"]
    return subprocess.run(command, input=text, capture_output=True, check=True, text=True).stdout
