"""Many changes that are one: the parts of a refactor, and what changed alike in several modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ....alike import alike
from ....text import count
from .change import SAME, Change

TOLD = 3  # pairs of paths, names of tensors


def folded(changes: Sequence[Change]) -> list[Change]:
    """Changes that differ in the numbers of their paths alone as one: `layers.{0..11}.fc: stride changed: 2 -> 1`."""
    rows = [(_fact(change), (change.path, *_places(change))) for change in changes]
    return [_renamed(changes[same[0]], names) for names, same in alike(rows)]


def _fact(change: Change) -> tuple[str | None, ...]:
    return change.kind, change.what, *(() if _is_move(change) else (change.before, change.after))


def _places(change: Change) -> list[str]:
    return [change.before or "", change.after or ""] if _is_move(change) else []


def _is_move(change: Change) -> bool:
    """Whether both sides are modules' names."""
    return change.kind == "moved" and change.after == change.path


def _renamed(change: Change, names: Sequence[str]) -> Change:
    path, *sides = names
    return (
        replace(change, path=path, before=sides[0], after=sides[1]) if sides else replace(change, path=path)
    )


def same_operators(homes: Iterable[tuple[str, str]]) -> Change:
    """That operators are in modules of other paths (base, head), and do the same."""
    pairs = [*homes]
    found = alike((None, pair) for pair in _together(pairs))
    told = [" -> ".join(name or "(the model)" for name in one.names) for one in found[:TOLD]]
    rest = [f"and {len(found) - TOLD} more"] if len(found) > TOLD else []
    size = f" ({count(len(pairs), 'module')})" if len(pairs) > 1 else ""
    return Change("moved", "", SAME, after=", ".join([*told, *rest]) + size)


def _together(pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Three and more that keep their names in another module are one: `*` -> `net.*`."""
    homes: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for pair in pairs:
        (old, _, label), (new, _, name) = (path.rpartition(".") for path in pair)
        homes.setdefault((old, new) if label == name else (*pair, ""), []).append(pair)
    for (old, new, *_), same in homes.items():
        if len(same) > 2:
            yield f"{old}.*".lstrip("."), f"{new}.*".lstrip(".")
        else:
            yield from same


def in_short(names: Iterable[str]) -> str:
    """The first names, alike ones as one, and how many more."""
    found = alike((None, (name,)) for name in names)
    more = sum(len(one.rows) for one in found[TOLD:])
    told = [one.names[0] for one in found[:TOLD]]
    return ", ".join([*told, f"and {more:,} more"] if more else told)
