"""Which files are test code: it is this tree's on both sides of a comparison, all else is each revision's own."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import PurePath

FOLDERS = ("tests", "test")
SETTINGS = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")  # which tests there are


def is_test_code(path: PurePath, patterns: Sequence[str]) -> bool:
    """Whether a file or folder, relative to its tree, is; `patterns` name test files."""
    if any(part in FOLDERS for part in path.parts):
        return True
    return path.name == "conftest.py" or any(fnmatch(path.name, pattern) for pattern in patterns)
