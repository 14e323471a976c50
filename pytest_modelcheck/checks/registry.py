"""The registry: marker name -> check, and the sections of the record. A check folder is one line here; third parties
add theirs through the hook `pytest_modelcheck_register(registry)`.

Folders load when the first check is looked up: the start of a suite without checks must not pay for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..demand.check import Check

SUBJECT = "modelcheck"  # the marker that names a subject, and checks nothing
FOLDERS: Mapping[str, tuple[str, ...]] = {  # folder -> its markers, in the order of the report
    "complexity": (
        "flops_budget",
        "macs_budget",
        "memory_access_budget",
        "activations_budget",
        "params_budget",
    ),
    "latency": ("latency_budget",),
    "profiler": ("operator_budget", "forbid_host_sync"),
    "memory": ("peak_memory_budget",),
    "structure": (),
    "export": ("onnx_export",),
    "weights": (),
    "explain": ("invariance_budget",),
}
Describe = Callable[[Any], Any]  # a Subject -> a JSON-able section of the record


class Registry:
    """All checks by marker name, and all sections of the record by name; `folders` are still to be loaded."""

    def __init__(self, folders: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self._folders = dict(folders or {})
        self._checks: dict[str, Check] = {}
        self._sections: dict[str, Describe] = {}

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by marker name."""
        self._load()
        return self._checks

    @property
    def sections(self) -> Mapping[str, Describe]:
        """The sections by name."""
        self._load()
        return self._sections

    @property
    def names(self) -> list[str]:
        """The markers that stand for a check."""
        return [*(name for names in self._folders.values() for name in names), *self._checks]

    def add(self, check: Check) -> None:
        """Register a check. Raises ValueError if its name is taken."""
        if check.name in self.names or check.name == SUBJECT:
            raise ValueError(f"a check named {check.name!r} is registered already")
        self._checks[check.name] = check

    def add_section(self, name: str, describe: Describe) -> None:
        """Register a section: what the report tells about each subject under `name`."""
        if name in self._sections:
            raise ValueError(f"a section named {name!r} is registered already")
        self._sections[name] = describe

    def _load(self) -> None:
        folders, self._folders = self._folders, {}
        for folder in folders:
            importlib.import_module(f".{folder}", __package__).register(self)


def default_registry() -> Registry:
    """The checks that come with the package."""
    return Registry(FOLDERS)
