"""Faults from outside: processes that die, disks that are full, other plugins that raise."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..acceptance.conftest import project as project
from ..acceptance.conftest import repository as repository


@pytest.fixture
def full_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 64 KiB; where nothing can be mounted, the test skips."""
    place = tmp_path / "small"
    place.mkdir()
    yield from mounted(place, "-t", "tmpfs", "-o", "size=64k", "tmpfs")


def mounted(place: Path, *options: str) -> Iterator[Path]:
    """A mount for as long as a test takes; skips where that is not allowed."""
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
