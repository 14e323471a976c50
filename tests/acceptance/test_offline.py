"""No download, no telemetry: the example project's run asks the network for nothing, and passes without one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ..features import DRAWS_OTHERWISE
from ..interpreter import REAL

ROOT = Path(__file__).parents[2]
CLOSED = """
import os, sys

ASKS = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo", "urllib.Request"}
ADDRESSED = {"socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg"}

def refuse(event, arguments):
    outside = event in ADDRESSED and isinstance(arguments[1], tuple)  # a name of a file stays on this machine
    if event in ASKS or outside:
        with open(os.environ["ASKED"], "a") as file:
            file.write(f"{event} {arguments[-1]} {sys.argv}\\n")
        raise OSError("the network is closed")

sys.addaudithook(refuse)
"""
DEAR = [  # of CPU time, and none of them does what another test does not
    "--ignore=tests/test_features.py",
    "--deselect=tests/test_heatmaps.py::test_most_maps_are_on_the_shape",
]
ACCEPTED = "tests/test_outputs.py::test_the_answers_are_those_that_were_accepted"
OTHER_PICTURES = [f"--deselect={ACCEPTED}"] if DRAWS_OTHERWISE else []
RUNS = {
    "most of it": DEAR,
    "all of it, with a base and workers": pytest.param(
        ["--modelcheck-base=HEAD", "-n2"], marks=pytest.mark.slow
    ),
}


class Offline:
    """A copy of the example project; each process of Python that `run` leads to refuses the network and notes it.

    Where the system allows it there is none either, so that no library gets past Python.
    """

    def __init__(self, folder: Path) -> None:
        self.project, self.asked = folder / "example_project", folder / "asked"
        shutil.copytree(
            ROOT / "example_project", self.project, ignore=shutil.ignore_patterns("__pycache__", ".*")
        )
        (folder / "sitecustomize.py").write_text(CLOSED)
        path = os.pathsep.join([str(folder), str(ROOT), os.environ.get("PYTHONPATH", "")])
        said = ("PYTEST_", "MODELCHECK_", "GITHUB_", "ORT_", "XDG_", "CI")  # with these some tell less
        known = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(said) or name == "PYTEST_ADDOPTS"
        }
        self.home = folder / "home"
        self.home.mkdir()
        self.environment = {**known, "PYTHONPATH": path, "ASKED": str(self.asked), "HOME": str(self.home)}
        self.alone = ["unshare", "-rn"] if self._run("unshare", "-rn", "true").returncode == 0 else []

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(*self.alone, REAL, *arguments)

    def git(self, *arguments: str) -> None:
        who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org")
        assert self._run("git", *who, *arguments).returncode == 0

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        if shutil.which(command[0]) is None:
            return subprocess.CompletedProcess(command, 127)
        return subprocess.run(
            command, cwd=self.project, env=self.environment, capture_output=True, text=True, check=False
        )

    def told(self) -> str:
        """What was asked of the network."""
        return self.asked.read_text() if self.asked.exists() else ""


@pytest.fixture
def offline(tmp_path: Path) -> Offline:
    return Offline(tmp_path)


@pytest.mark.parametrize(
    "code",
    [
        "import urllib.request as r; r.urlopen('https://example.org')",
        "import socket; socket.create_connection(('example.org', 443))",
        "import socket; socket.socket().connect(('127.0.0.1', 9))",
        "import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 9))",
        "import subprocess as s, sys; s.run([sys.executable, '-c', 'import socket; socket.getaddrinfo(\"x\", 1)'])",
    ],
)
def test_what_asks_is_noted(offline, code):
    offline.run("-c", code)
    assert offline.told()


@pytest.mark.parametrize("arguments", RUNS.values(), ids=RUNS)
def test_the_example_asks_for_nothing(offline, arguments):
    if "--modelcheck-base=HEAD" in arguments:
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "All"]):
            offline.git(*command)
    options = ("-q", "-p", "no:cacheprovider", "--modelcheck-report")
    done = offline.run("-m", "pytest", *options, *arguments, *OTHER_PICTURES)
    assert done.returncode == 0, done.stdout + done.stderr
    assert offline.told() == ""
    assert (offline.project / "modelcheck-report/index.html").exists()


EXPORTS = """
import torch
from pytest_modelcheck import ModelCheck
check = ModelCheck(torch.nn.Linear(2, 2), torch.ones(1, 2))
"""


@pytest.mark.parametrize("runs", ["check.onnx()", "check.drift('onnx')"])
@pytest.mark.parametrize(
    ("before", "kept"), [("", False), ("import onnxruntime", True)], ids=["ours", "the user's own"]
)
def test_onnx_runtime_is_told_to_report_nothing(offline, before, kept, runs):
    done = offline.run("-c", f"{before}{EXPORTS}{runs}")
    assert done.returncode == 0, done.stderr
    waits = [*offline.home.rglob("onnxruntime.db")]  # what is to be reported, from version 1.29 on
    assert kept or not waits
