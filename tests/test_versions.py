"""The versions that pyproject.toml promises are those that `nox -s lowest` installs."""

from __future__ import annotations

import importlib.util
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import yaml
from packaging.version import Version

ROOT = Path(__file__).parents[1]


def noxfile():
    """As a module, seen from the root."""
    spec = importlib.util.spec_from_file_location("noxfile", ROOT / "noxfile.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sessions():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return noxfile()


def test_floors_are_read_from_the_project_with_its_extras(sessions):
    project = {
        "name": "us",
        "dependencies": ["torch>=2.6", "numpy >=1.24,<3"],
        "optional-dependencies": {
            "a": ["us[b]", "docs[python]>=0.27"],
            "b": ["onnx>=1.17; python_version>'3'"],
        },
    }
    floors = ["torch==2.6", "numpy==1.24", "docs==0.27", "onnx==1.17"]
    assert list(sessions.floors(project)) == floors


@pytest.mark.parametrize("declared", ["torch", "torch<3", "torch==2.6", "torch>2.6"])
def test_every_requirement_has_a_floor(sessions, declared):
    with pytest.raises(ValueError, match="not enough values"):
        list(sessions.floors({"name": "us", "dependencies": [declared]}))


def test_what_is_installed_is_no_lower_and_the_lowest_session_has_just_that(sessions):
    for floor in sessions.floors():
        name, _, least = floor.partition("==")
        try:
            installed = Version(version(name))
        except PackageNotFoundError:  # of an extra that is not installed here
            continue
        assert installed >= Version(least), name
        if os.environ.get("MODELCHECK_VERSIONS") == "lowest":
            assert Version(installed.public.partition("+")[0]) == Version(least), name


def test_each_python_from_the_first_that_is_allowed_to_the_last_that_is_named_is_tested(sessions):
    assert sessions.PYTHONS == ["3.10", "3.11", "3.12", "3.13"]
    assert sessions.PYTHONS[0] == sessions.OLDEST
    assert sessions.tests.python == sessions.PYTHONS
    assert (sessions.lowest.python, sessions.newest.python) == (sessions.OLDEST, sessions.PYTHONS[-1])
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    assert workflow["jobs"]["test"]["strategy"]["matrix"]["python"] == sessions.PYTHONS
    if os.environ.get("MODELCHECK_VERSIONS") == "lowest":
        assert platform.python_version().startswith("3.10.")
