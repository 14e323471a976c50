"""A system without what POSIX has: the package can be imported, and what needs it says so where it is used."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_modelcheck.base import run as base_run
from pytest_modelcheck.base.git import BaseError

STRIPPED = """
import importlib, json, os, pkgutil, select, signal, socket, sys
import pytest, xdist, syrupy.extensions.single_file, filelock, jinja2, numpy, PIL.Image, libcst.metadata, torch
import torch._dynamo.repro.after_dynamo, torch.utils._python_dispatch, torch.profiler, torch.overrides

os.environ["GITHUB_SHA"] = "0" * 40  # git is not asked: python's subprocess is that of this system
POSIX = {
    os: ["fork", "forkpty", "kill", "killpg", "setsid", "getuid", "geteuid", "getgid", "getloadavg", "sysconf", "chown",
         "waitstatus_to_exitcode", "sched_getaffinity", "sched_setaffinity", "register_at_fork", "mkfifo", "WNOHANG",
         "uname", "getpgid", "posix_spawn"],
    signal: ["SIGKILL", "SIGHUP", "SIGALRM", "SIGCHLD", "SIGSTOP", "SIGCONT", "SIGUSR1", "setitimer", "alarm"],
    socket: ["AF_UNIX", "socketpair"],
    select: ["poll", "epoll"],
}
for module, names in POSIX.items():
    for name in names:
        vars(module).pop(name, None)
for name in ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog"):
    sys.modules[name] = None

class Lock:  # filelock's own, for Windows, cannot be had here
    def __init__(self, path): self.lock_file = path
    def acquire(self, timeout): ...
    def release(self, force): ...
filelock.FileLock = Lock

import pytest_modelcheck
failed = {}
for module in pkgutil.walk_packages(pytest_modelcheck.__path__, "pytest_modelcheck."):
    if not module.name.endswith("__main__"):
        try: importlib.import_module(module.name)
        except Exception as error: failed[module.name] = repr(error)

from pathlib import Path
from torch import nn
from pytest_modelcheck import ModelCheck
from pytest_modelcheck.base.asking import Asking, socket_in
from pytest_modelcheck.base.pairs import measure_pairs
from pytest_modelcheck.checks.latency import region
from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.records.run import RunRecord
from pytest_modelcheck.report.write import write_report
from pytest_modelcheck.worker.timing.apart import cores

said = {"failed": failed, "cores": cores(), "lock": region.lock_path().name, "load": str(region.load_average())}
(pair,) = measure_pairs(Path(), {}, [("test", "demand")], Path(), 1.0)
said["pair"] = pair["reason"]
with socket_in(Path()) as address:
    said["address"] = address
asking = Asking(address, 1.0, lambda: "")
asking.reach()
said["asking"] = asking.lost
seen = ModelCheck(nn.Linear(4, 4), input_size=(1, 4)).latency(cap=0.2)
said["latency"] = str(seen)
said["report"] = str(write_report(RunRecord().build(0, Path()), Path("report"), default_registry()))
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "stripped.py").write_text(STRIPPED)
    done = subprocess.run(
        [sys.executable, "stripped.py"], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return {
        **json.loads(done.stdout.splitlines()[-1]),
        "left": sorted(p.name for p in (folder / "report").iterdir()),
    }


def test_every_module_can_be_imported(said):
    assert said["failed"] == {}


def test_what_needs_a_fork_says_so(said):
    assert said["pair"] == "two revisions can be timed in turns only where processes fork (Linux, macOS)"


def test_what_needs_a_socket_in_a_file_says_so(said):
    assert (said["address"], said["asking"]) == ("", "its models cannot be asked on this system")


def test_time_is_on_the_wall_and_says_so(said):
    assert "wall time (not thread CPU time: this system does not tell a thread that waits" in said["latency"]
    assert (said["cores"], said["load"]) == ([None], "nan")


def test_a_report_is_written(said):
    assert said["left"] == [".gitignore", "index.html", "report.json"]


def test_measuring_another_revision_on_windows_says_what_to_do_instead(monkeypatch):
    monkeypatch.setattr(base_run, "WINDOWS", True)
    with pytest.raises(
        BaseError, match=r"(?s)process groups of POSIX systems.*--modelcheck-base-report=PATH"
    ):
        base_run.find_base(None, "main")
