"""The options of the run that asked, as they were set there, before anyone asks for them."""

from __future__ import annotations

from typing import Any

import pytest


class GivenOptions:
    """A pytest plugin: sets them."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        for name, value in self.values.items():
            if hasattr(config.option, name):
                setattr(config.option, name, value)
