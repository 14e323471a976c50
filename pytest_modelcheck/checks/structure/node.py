"""A module of the tree, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ModuleNode:
    """One module. `attributes` as `extra_repr` prints them, `settings` as they are compared: its plain public values.

    `params` with its children's, `own_params` without; `shapes` of its own parameters and buffers by name, `buffers`
    are the names of the latter (None in older records, which do not know).
    """

    name: str
    type: str
    depth: int
    attributes: str
    params: int
    own_params: int
    frozen: bool
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    settings: Mapping[str, object] = field(default_factory=dict)
    buffers: tuple[str, ...] | None = None

    @property
    def facts(self) -> list[object]:
        """What makes it this module, apart from its name."""
        return [self.type, sorted(self.settings.items()), self.shapes, self.buffers or ()]
