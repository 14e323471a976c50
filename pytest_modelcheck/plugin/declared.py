"""The options that a project's own conftest files declare: the base's run needs them as they are set here."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import pytest


def declared_options(config: pytest.Config) -> dict[str, Any]:
    """Their values by name, from the command line and from addopts alike; those that JSON cannot hold are left out."""
    seen = pytest.Parser(_ispytest=True)
    for plugin in config.pluginmanager.get_plugins():
        declare = getattr(plugin, "pytest_addoption", None)
        if declare is not None and Path(getattr(plugin, "__file__", None) or "").name == "conftest.py":
            known = {"parser": seen, "pluginmanager": config.pluginmanager}
            declare(**{name: known[name] for name in inspect.signature(declare).parameters if name in known})
    declared = [option for group in (seen._anonymous, *seen._groups) for option in group.options]
    values = {o.dest: getattr(config.option, o.dest) for o in declared if hasattr(config.option, o.dest)}
    return {name: value for name, value in values.items() if _is_plain(value)}


class GivenOptions:
    """A pytest plugin of the base's run: the options as they were set, before anyone asks for them."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        for name, value in self.values.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)


def _is_plain(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False
