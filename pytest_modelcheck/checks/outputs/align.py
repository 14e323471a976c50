"""Which modules of two trees are the same ones: by name, else by what they are and in which order they stand."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from typing import TypeAlias

from .modules import Part

Key: TypeAlias = Callable[["Branch"], Hashable]


class Branch:
    """A module with those in it."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.children: list[Branch] = []

    @property
    def path(self) -> str:
        """Its name in the model."""
        return self.part.path

    @property
    def label(self) -> str:
        """Its name among its siblings."""
        return self.path.rpartition(".")[2]

    @cached_property
    def likeness(self) -> Hashable:
        """Equal for modules that hold the same, whatever they are called."""
        return self.part.kind, self.part.tensors, tuple(child.likeness for child in self.children)

    def family(self) -> Iterator[Branch]:
        """It and all in it."""
        yield self
        for child in self.children:
            yield from child.family()


def _branches(parts: Sequence[Part]) -> Branch:
    found = {part.path: Branch(part) for part in parts}
    for path, branch in found.items():
        if path:
            found.get(path.rpartition(".")[0], found[""]).children.append(branch)
    return found[""]


def aligned(base: Sequence[Part], head: Sequence[Part]) -> dict[str, str]:
    """Base -> head of the modules that are the same one."""
    roots = _branches(base), _branches(head)
    if roots[0].likeness == roots[1].likeness:
        return _whole(*roots)
    paths: dict[str, str] = {}
    _pair(*roots, paths)
    left = [one for one in roots[0].family() if one.path not in paths]
    come = [one for one in roots[1].family() if one.path not in {*paths.values()}]
    for old, new in _in_order(left, come, lambda one: one.likeness):
        if old.path not in paths:
            paths |= {a: b for a, b in _whole(old, new).items() if a not in paths and b not in paths.values()}
    return paths


def _whole(old: Branch, new: Branch) -> dict[str, str]:
    """Of two that are alike, all in them."""
    return {a.path: b.path for a, b in zip(old.family(), new.family(), strict=True)}


def _pair(old: Branch, new: Branch, paths: dict[str, str]) -> None:
    paths[old.path] = new.path
    for one, other in _children(old.children, new.children):
        _pair(one, other, paths)


def _children(old: list[Branch], new: list[Branch]) -> list[tuple[Branch, Branch]]:
    """In a sequence numbers are no names: what came or went moves all that follow."""
    numbered = all(one.label.isdigit() for one in (*old, *new))
    if numbered and [one.part.kind for one in old] != [one.part.kind for one in new]:
        return _by_kind(old, new)
    by_name = {one.label: one for one in new}
    pairs = [(one, by_name[one.label]) for one in old if one.label in by_name]
    known = {one.label for one, _ in pairs}
    left, come = ([one for one in side if one.label not in known] for side in (old, new))
    return pairs + _by_kind(left, come)


def _by_kind(old: list[Branch], new: list[Branch]) -> list[tuple[Branch, Branch]]:
    """Those that are alike in all, then those of one class, then, where as many are left, in order."""
    pairs: list[tuple[Branch, Branch]] = []
    keys: list[Key] = [lambda one: one.likeness, lambda one: (one.part.kind, one.part.tensors)]
    for key in [*keys, lambda one: one.part.kind]:
        for gap_old, gap_new in _gaps(old, new, pairs):
            pairs += _in_order(gap_old, gap_new, key)
    for gap_old, gap_new in _gaps(old, new, pairs):
        if len(gap_old) == len(gap_new):
            pairs += zip(gap_old, gap_new, strict=True)
    return pairs


def _gaps(
    old: list[Branch], new: list[Branch], pairs: Sequence[tuple[Branch, Branch]]
) -> list[tuple[list[Branch], list[Branch]]]:
    """What lies between those that are paired."""
    places: Mapping[int, int] = {old.index(a): new.index(b) for a, b in pairs}
    found, i, j = [], 0, 0
    for a, b in [*sorted(places.items()), (len(old), len(new))]:
        found.append((old[i:a], new[j:b]))
        i, j = a + 1, b + 1
    return found


def _in_order(old: Sequence[Branch], new: Sequence[Branch], key: Key) -> list[tuple[Branch, Branch]]:
    matcher = SequenceMatcher(None, [key(one) for one in old], [key(one) for one in new], autojunk=False)
    spans = matcher.get_matching_blocks()
    return [(old[i + n], new[j + n]) for i, j, size in spans for n in range(size)]
