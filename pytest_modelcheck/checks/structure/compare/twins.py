"""Modules that have another place in the tree, matched by what they do in the data flow."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .align import Branch
from .flow import Flow


def family(branches: Sequence[Branch]) -> Iterator[Branch]:
    """The branches with all in them, parents first."""
    for branch in branches:
        yield branch
        yield from family(branch.children)


def twins(
    removed: Sequence[Branch], added: Sequence[Branch], flow: Flow | None
) -> list[tuple[Branch, Branch]]:
    """Which of the removed modules and which of the added ones are the same one, parents first.

    By their operators' places in the data flow; those that hold the same modules; at last those that are alike in all
    but their names, which is all there is to know of models that did not run. Of one that ran, a module that is alike
    and does something else is another one, unless it stayed where it was or kept its name.
    """
    gone, come = ({b.path: b for b in family(side)} for side in (removed, added))
    found: dict[str, str] = {}
    if flow is not None and gone and come:
        _by_operators(gone, come, flow, found)
        _by_content(gone, come, found)
    _by_likeness(removed, added, found, Nearness(gone, come, None if flow is None else flow.paths))
    return [(branch, come[found[path]]) for path, branch in gone.items() if path in found]


def _by_operators(
    gone: Mapping[str, Branch], come: Mapping[str, Branch], flow: Flow, found: dict[str, str]
) -> None:
    """A module is the one of the same class that runs most of its operators, or that reads its parameters."""
    votes: Counter[tuple[str, str]] = Counter()
    for left, right in flow.likely.items():
        one, other = flow.base.nodes[left], flow.head.nodes[right]
        pair = flow.base.path(one), flow.head.path(other)
        if pair[0] not in gone or pair[1] not in come:
            continue
        if left in flow.same or _anchor(pair[0], gone, flow.paths) == _anchor(pair[1], come):
            alike = gone[pair[0]].node.type == come[pair[1]].node.type
            if alike or (one.params and [s for _, s in one.params] == [s for _, s in other.params]):
                votes[pair] += 1
    _take(votes.most_common(), found)


def _anchor(path: str, tree: Mapping[str, Branch], paths: Mapping[str, str] | None = None) -> str | None:
    """The closest module around it that both sides have, by its path in the head."""
    while path in tree:
        path = path.rpartition(".")[0]
    return path if paths is None else paths.get(path)


def _by_content(gone: Mapping[str, Branch], come: Mapping[str, Branch], found: dict[str, str]) -> None:
    """A container is the one that holds most of its modules; of several, the one of its class, then of its name."""
    shared: Counter[tuple[str, str]] = Counter()
    for one, other in found.items():
        shared.update((p, q) for p in _around(one, gone) for q in _around(other, come))
    sizes = (
        Counter(p for path in found for p in _around(path, gone)),
        Counter(p for path in found.values() for p in _around(path, come)),
    )

    def likeness(pair: tuple[str, str]) -> tuple[float, bool, bool, int]:
        left, right = gone[pair[0]], come[pair[1]]
        share = shared[pair] / max(sizes[0][pair[0]], sizes[1][pair[1]])
        depth = pair[0].count(".") + pair[1].count(".")
        return share, left.node.type == right.node.type, left.label == right.label, -depth

    ranked = sorted((pair for pair in shared if likeness(pair)[0] > 0.5), key=likeness, reverse=True)
    _take([(pair, 1) for pair in ranked], found)


def _around(path: str, tree: Mapping[str, Branch]) -> Iterator[str]:
    """The modules of a tree that a module is in."""
    while "." in path:
        path = path.rpartition(".")[0]
        if path in tree:
            yield path


class Nearness(NamedTuple):
    """Whether modules may be the same one for being alike; without `paths`, of models that did not run, any may."""

    gone: Mapping[str, Branch]
    come: Mapping[str, Branch]
    paths: Mapping[str, str] | None

    def places_of(self, branch: Branch, *, head: bool = False) -> Iterator[object]:
        """Two that have one of these in common may be the same one."""
        if self.paths is None:
            yield "anywhere"
            return
        if not branch.label.isdigit():
            yield "called", branch.label
        yield "in", _anchor(branch.path, self.come) if head else _anchor(branch.path, self.gone, self.paths)


def _by_likeness(
    removed: Sequence[Branch], added: Sequence[Branch], found: dict[str, str], near: Nearness
) -> None:
    """Whole branches that are equal; and in containers that are the same, what has its name and class."""
    taken = {*found.values()}
    free: dict[tuple[str, object], deque[Branch]] = {}
    for branch in added if removed else ():
        for place in near.places_of(branch, head=True):
            free.setdefault((branch.signature, place), deque()).append(branch)
    for gone in removed if added else ():
        for place in near.places_of(gone) if gone.path not in found else ():
            alike = free.get((gone.signature, place), deque())
            while alike and alike[0].path in taken:
                alike.popleft()
            if alike:
                found[gone.path] = alike[0].path
                taken.add(alike[0].path)
                break
    places = {branch.path: branch for branch in family(added)}
    for gone in family(removed):  # parents first: what is found here counts for its children
        twin = places[found[gone.path]] if gone.path in found else None
        names = {child.label: child for child in twin.children} if twin is not None else {}
        for child in gone.children:
            other = names.get(child.label)
            if child.path in found or other is None or other.path in taken:
                continue
            if other.node.type == child.node.type:
                found[child.path] = other.path
                taken.add(other.path)


def _take(ranked: Sequence[tuple[tuple[str, str], int]], found: dict[str, str]) -> None:
    """Pairs in their order, each module once."""
    taken = {*found.values()}
    for (one, other), _ in ranked:
        if one not in found and other not in taken:
            found[one] = other
            taken.add(other)
