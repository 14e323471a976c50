"""Two structures as records hold them, side by side: what changed in words, in numbers and as a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ...errors import ModelCheckError
from .diff import Comparison
from .merge import merged
from .read import read_structure

Record = Mapping[str, Any]
Entry = dict[str, Any]

STATES = ("added", "removed", "changed")


class StructurePair:
    """The sections `structure` of one subject's two entries; `comparison` is None where one of them has none.

    Raises ModelCheckError for a section that is damaged.
    """

    def __init__(self, old: Record, new: Record) -> None:
        sides = [read_structure(side["name"], side.get("structure", {})) for side in (old, new)]
        self.comparison: Comparison | None = None
        if sides[0] is not None and sides[1] is not None:
            try:
                self.comparison = Comparison(sides[0], sides[1])
                self.picture = merged(self.comparison)
            except RecursionError as error:
                raise ModelCheckError(f"{new['name']}: modules are nested too deep to be compared") from error

    @property
    def paths(self) -> Mapping[str, str]:
        """Old name -> new name of the modules that are the same one."""
        return self.comparison.paths if self.comparison is not None else {}

    @cached_property
    def rows(self) -> list[Entry]:
        """Modules, settings and operators that were added, removed, changed or moved."""
        return list(self.picture["changes"]) if self.comparison is not None else []

    @cached_property
    def graph(self) -> Entry:
        """How many operators each side has, and how many were added, removed and changed; empty if none was."""
        picture = self.picture["graph"] if self.comparison is not None else None
        if picture is None:
            return {}
        states = Counter(node["status"] for node in picture["nodes"])
        if not any(states[state] for state in STATES):
            return {}
        total = len(picture["nodes"])
        sides = {"base": total - states["added"], "head": total - states["removed"]}
        return {**sides, **{state: states[state] for state in STATES}}
