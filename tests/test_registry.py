"""The registry: every marker is known before its folder is loaded, and stays the one that the folder registers."""

import pytest

from pytest_modelcheck.checks.registry import FOLDERS, Registry, default_registry
from pytest_modelcheck.demand.check import Budget


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_registers_the_markers_that_it_is_listed_with(folder):
    registry = Registry({folder: FOLDERS[folder]})
    assert sorted(registry.checks) == sorted(FOLDERS[folder].markers)
    assert sorted(registry.sections) == sorted(FOLDERS[folder].sections)
    assert sorted(registry.metrics) == sorted(FOLDERS[folder].metrics)


@pytest.mark.parametrize("name", ["flops_budget", "modelcheck"])
def test_a_name_that_is_taken_is_refused(name):
    registry = default_registry()
    with pytest.raises(ValueError, match=f"a check named '{name}' is registered already"):
        registry.add(Budget(name, "x", "calls", "", lambda subject: 1, lambda seen: seen))


def test_names_are_the_same_before_and_after_loading():
    registry = default_registry()
    before = registry.names
    assert list(registry.checks)
    assert sorted(registry.names) == sorted(before)
