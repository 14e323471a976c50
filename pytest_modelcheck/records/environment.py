"""What a run took place in: versions, machine, commit. Imports nothing heavy."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

PACKAGES = (
    "pytest-modelcheck",
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "pytest",
    "pytest-xdist",
    "syrupy",
)


def environment(root: Path) -> dict[str, str]:
    """Versions, machine and the commit of the repository that `root` is in."""
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "CPUs": str(os.cpu_count()),
    }
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    commit = os.environ.get("GITHUB_SHA") or _git_commit(root)
    return {**found, **({"commit": commit} if commit else {})}


def torch_environment() -> dict[str, str]:
    """What only a process that has torch loaded can tell."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    facts = {"torch threads": str(torch.get_num_threads())}
    if torch.cuda.is_initialized():
        facts["CUDA device"] = torch.cuda.get_device_name()
    return facts


def _git_commit(root: Path) -> str:
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
