"""A real git repository with a small model, its tests, and a branch on which something changes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

NET = """
import torch
from torch import nn
STRIDE = 2

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, stride=STRIDE)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.conv(x).mean((2, 3)))

def net():
    return Net()
"""
TESTS = """
import pytest
from nets.model import net

@pytest.mark.modelcheck(model=net, input_size=(1, 3, 8, 8))
@pytest.mark.macs_budget(max_regression="2%")
def test_net():
    print("a body")
"""
UNTOLD = (
    "CI",
    "BUILD_NUMBER",
    "PYTEST_XDIST_WORKER",
    "GITHUB_ACTIONS",
)  # in them pytest and we behave otherwise
STRIDED, FULL = 8 * 27 * 16 + 32, 8 * 27 * 64 + 32  # MACs, by hand


class Ran(NamedTuple):
    """A run of pytest: its exit status, and all that it said."""

    returncode: int
    out: str


class GitRepository:
    """A folder with the user's files, under git."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, cwd: Path | None = None) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "protocol.file.allow=always")
        return subprocess.run(
            ["git", *identity, *arguments], cwd=cwd or self.path, check=True, capture_output=True, text=True
        ).stdout

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def hold(self, files: dict[str, str], instead_of: Iterable[str] = ()) -> None:
        """Write files, after taking others away."""
        for name in instead_of:
            (self.path / name).unlink()
        for name, text in files.items():
            self.write(name, text)

    def commit(self, message: str = "a change") -> str:
        """All that there is; the commit's name. The message is kept to the letter."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def against_head(self) -> dict[str, Any]:
        """As `against`, the last commit."""
        return self.against("HEAD")

    def against(self, base: str, *arguments: str, **environment: str) -> dict[str, Any]:
        """The record of a run against a commit, in a process of its own, with `status` and `out`."""
        options = ["-p", "no:cacheprovider", f"--modelcheck-base={base}", "--modelcheck-report"]
        return self.reported(*options, *arguments, **environment)

    def reported(self, *arguments: str, **environment: str) -> dict[str, Any]:
        """The record of a run, likewise; none is left of an earlier one."""
        path = self.path / "modelcheck-report/report.json"
        path.unlink(missing_ok=True)
        inherited = {name: value for name, value in os.environ.items() if name not in UNTOLD}
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *arguments],
            cwd=self.path,
            env={**inherited, "OMP_NUM_THREADS": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert path.exists(), done.stdout
        return {**json.loads(path.read_text()), "status": done.returncode, "out": done.stdout}

    def left_behind(self, scratch: Path | None = None) -> list[str]:
        """What a run left: worktrees, folders in the temporary folder, files that git does not know."""
        trees = self.git("worktree", "list").splitlines()[1:]
        folders = [str(p) for p in Path(scratch or tempfile.gettempdir()).glob("modelcheck-*")]
        return trees + folders + self.git("status", "--porcelain").splitlines()

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))


class Repository(GitRepository):
    """A repository with `src/nets/model.py` and `tests/test_net.py`; `main` is the base."""

    def __init__(self, path: Path, pytester: pytest.Pytester) -> None:
        super().__init__(path)
        self.pytester = pytester
        self.write("src/nets/__init__.py", "")
        self.write("src/nets/model.py", NET)
        self.write("tests/test_net.py", TESTS)
        self.write("pytest.ini", "[pytest]\npythonpath = src\n")
        self.write(".gitignore", "__pycache__\nmodelcheck-report\n")
        self.commit()
        self.git("checkout", "-q", "-b", "change")

    def run(self, *arguments: str, base: str = "main", apart: bool = False) -> Ran:
        """pytest in the repository; in this process, which has torch loaded, unless it is to stand `apart`."""
        given = ["-p", "no:cacheprovider", f"--modelcheck-base={base}", *arguments]
        if apart or any(argument.startswith(("-n", "-d")) for argument in arguments):
            command = [sys.executable, "-m", "pytest", *given]
            done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, timeout=120)
            return Ran(done.returncode, done.stdout + done.stderr)
        os.chdir(self.path)  # the fixture takes it back
        torch.seed()  # what other tests of ours chose is no choice of this project
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            result = self.pytester.runpytest_inprocess(*given)
        return Ran(int(result.ret), "\n".join([*result.outlines, *result.errlines]))

    def record(self) -> dict[str, Any]:
        text = (self.path / "modelcheck-report/report.json").read_text()
        return json.loads(text)  # type: ignore[no-any-return]


def heed_interrupts() -> None:
    """In a child: a job in a shell's background ignores SIGINT, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
