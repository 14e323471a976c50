"""What another process is told to collect the same tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Rerun:
    """A run of pytest, as another process can repeat it: what it collects, where, with which options.

    `path` is its sys.path, `patterns` name its test files, `options` are those that conftest files declare, `names`
    the markers and fixtures that check a model; `timeout` in seconds; `kept` is a folder that keeps records of bases.
    """

    rootdir: Path
    cwd: Path
    path: Sequence[str]
    patterns: Sequence[str]
    arguments: Sequence[str]
    tests: Sequence[str]
    options: Mapping[str, Any]
    names: Sequence[str]
    timeout: float
    kept: Path | None = None
