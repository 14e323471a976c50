"""The plugins that are installed for these tests alone have no part in any other one."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

SHARED = {"subtests"}  # part of pytest since 9
PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
LOOK = """
def pytest_configure(config):
    with open("loaded.txt", "w") as file:
        print(*(name for name, plugin in config.pluginmanager.list_name_plugin() if plugin), file=file)
"""


def installed():
    """The names of the plugins that the extra brings, and of those that they bring."""
    block = re.search(r"^beside = \[(.*?)^\]", PYPROJECT.read_text("utf-8"), re.M | re.S)
    extra = re.findall(r'^ *"([\w-]+)', block[1], re.M)
    with_theirs = {*extra, *(name for one in extra for name in required(one))}
    return {entry.name for one in with_theirs for entry in entries(one)} - SHARED


def required(name):
    """Not pytest, nor what only an extra of it brings."""
    told = [text for text in distribution(name).requires or () if "extra ==" not in text]
    return {re.match(r"[\w.-]+", text)[0] for text in told} - {"pytest"}


def entries(name):
    try:
        return [entry for entry in distribution(name).entry_points if entry.group == "pytest11"]
    except PackageNotFoundError:
        return []


def test_no_other_test_has_them(pytestconfig, project):
    names = installed()
    assert {"randomly", "metadata", "timeout"} <= names
    loaded = {name for name, plugin in pytestconfig.pluginmanager.list_name_plugin() if plugin}
    assert not names & loaded
    project.pytester.makeconftest(LOOK)
    project.run()
    inside = set((project.pytester.path / "loaded.txt").read_text().split())
    assert "modelcheck" in inside
    assert not names & inside
