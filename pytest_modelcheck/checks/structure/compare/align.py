"""Which modules of two trees are the same ones: by name, or in a sequence by what they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ....text import count
from ..digest import digest
from ..node import ModuleNode
from .sequences import opcodes

Pairs = tuple[
    list[tuple["Branch", "Branch"]], list["Branch"], list["Branch"]
]  # same, only in base, only in head


@dataclass
class Branch:
    """A module with its children."""

    node: ModuleNode
    children: list[Branch] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Its name in `named_modules()`."""
        return self.node.name

    @property
    def label(self) -> str:
        """Its name among its siblings."""
        return self.path.rpartition(".")[2]

    @property
    def title(self) -> str:
        """It in words: `Conv2d(3, 64, kernel_size=(7, 7))`, `Sequential (2 modules)`."""
        if self.children:
            return f"{self.node.type} ({count(self.size, 'module')})"
        return f"{self.node.type}({self.node.attributes})"

    @property
    def size(self) -> int:
        """Modules inside."""
        return sum(1 + child.size for child in self.children)

    @cached_property
    def signature(self) -> str:
        """Equal for modules that are alike in all but their own name and the numbers among the names inside."""
        inside = [["" if c.label.isdigit() else c.label, c.signature] for c in self.children]
        return digest([self.node.facts, inside])


def branches(modules: Sequence[ModuleNode]) -> Branch:
    """The tree of a flat list; the first is the root."""
    found = {node.name: Branch(node) for node in modules}
    for name, branch in found.items():
        if name:
            parent = name.rpartition(".")[0]
            found.get(parent, found[modules[0].name]).children.append(branch)
    return found[modules[0].name]


def align(base: list[Branch], head: list[Branch]) -> Pairs:
    """Pair the children of two modules."""
    if base and head and all(c.label.isdigit() for c in (*base, *head)):
        return _align_sequences(base, head)
    by_name = {c.label: c for c in head}
    names = {c.label for c in base}
    pairs = [(c, by_name[c.label]) for c in base if c.label in by_name]
    return pairs, [c for c in base if c.label not in by_name], [c for c in head if c.label not in names]


def _align_sequences(base: list[Branch], head: list[Branch]) -> Pairs:
    """In a sequence numbers only count: equal contents are the same module wherever they have slipped to."""
    if [c.node.type for c in base] == [c.node.type for c in head]:
        return list(zip(base, head, strict=True)), [], []
    pairs: list[tuple[Branch, Branch]] = []
    removed: list[Branch] = []
    added: list[Branch] = []
    for tag, i1, i2, j1, j2 in opcodes([c.signature for c in base], [c.signature for c in head]):
        old, new = base[i1:i2], head[j1:j2]
        if tag == "replace" and len(old) != len(new):
            same, gone, come = _align_types(old, new)
        else:
            count = min(len(old), len(new))
            same, gone, come = list(zip(old, new, strict=False)), old[count:], new[count:]
        pairs += same
        removed += gone
        added += come
    return pairs, removed, added


def _align_types(old: list[Branch], new: list[Branch]) -> Pairs:
    found = opcodes([c.node.type for c in old], [c.node.type for c in new])
    same = [(old[i1:i2], new[j1:j2]) for tag, i1, i2, j1, j2 in found if tag == "equal"]
    pairs = [pair for sides in same for pair in zip(*sides, strict=True)]
    kept = {id(branch) for pair in pairs for branch in pair}
    return pairs, [c for c in old if id(c) not in kept], [c for c in new if id(c) not in kept]
