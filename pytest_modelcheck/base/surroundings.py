"""What a measurement stands on besides sources: interpreter, machine, environment, installed distributions."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from .process import OF_THIS_RUN

PASSING = (  # beginnings of names of the environment that say when, where and for whom a run is, and not what it does
    "GITHUB_", "RUNNER_", "ACTIONS_", "CI_", "BUILD_", "JENKINS_", "GITLAB_", "SSH_", "XDG_", "DBUS_", "TERM",
    "VSCODE_", "TMUX", "COLUMNS", "LINES", "SHLVL", "OLDPWD", "PWD", "WINDOWID", "DISPLAY", "COV_", "COVERAGE_",
    "PYTEST_DEBUG",
)  # fmt: skip
DISTRIBUTION = (".dist-info", ".egg-info", ".egg-link", ".pth")


def surroundings() -> dict[str, object]:
    """All of it, as JSON has it; torch need not be loaded."""
    return {
        "python": [sys.version, sys.executable, sys.prefix],
        "machine": [*platform.uname(), os.cpu_count(), _affinity(), _cpu(), *_gpus()],
        "environment": {name: value for name, value in sorted(os.environ.items()) if not _is_passing(name)},
        "distributions": list(_distributions()),
    }


def _is_passing(name: str) -> bool:
    return name == "_" or name.startswith((*PASSING, *OF_THIS_RUN))


def _affinity() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def _cpu() -> str:
    """Model and capabilities of the processors."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    return _digest("\n".join(sorted(set(re.findall(r"(?m)^(?:model name|flags|Features)\s*:.*$", text)))))


def _gpus() -> Iterator[str]:
    """Driver and models of NVIDIA's."""
    folder = Path("/proc/driver/nvidia")
    for path in (folder / "version", *sorted(folder.glob("gpus/*/information"))):
        if path.is_file():
            yield path.read_text("utf-8", "replace")


def _distributions() -> Iterator[str]:
    """By name and version, with the time at which each was installed; of those that are links, what they say."""
    for place in dict.fromkeys(sys.path):
        try:
            entries = sorted(os.scandir(place or "."), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            if entry.name.endswith(DISTRIBUTION):
                link = entry.name.endswith((".pth", ".egg-link"))
                text = _digest(Path(entry.path).read_text("utf-8", "replace")) if link else ""
                yield f"{place} {entry.name} {text or entry.stat().st_mtime_ns}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
