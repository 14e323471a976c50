"""What a model's checkpoints hold, and whether the base's load into the head: keys and shapes, no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ...text import count
from .compare.change import Change

if TYPE_CHECKING:
    from .rows import CheckpointChange, KeyPair, StateEntry, StateRow

TOLD = 20  # keys of each sort that a record holds


@dataclass(frozen=True)
class Held:
    """An entry of a state_dict: `kind` is parameter, buffer or other; `same`: the first key of the same tensor, where
    several are tied; `shape` is None for what is no tensor, or has no shape yet.
    """

    key: str
    shape: tuple[int, ...] | None
    dtype: str
    kind: str
    same: str = ""


@dataclass(frozen=True)
class State:
    """What `state_dict()` gives. `loaders`: classes that load in a way of their own, which may translate old keys."""

    held: tuple[Held, ...]
    loaders: tuple[str, ...] = ()

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...] | None]:
        """By key."""
        return {one.key: one.shape for one in self.held}

    @cached_property
    def ties(self) -> dict[str, str]:
        """Key -> the first key of the same tensor, where that is another one."""
        return {one.key: one.same for one in self.held if one.same}

    def to_dict(self) -> StateEntry:
        """As the record holds it."""
        rows: list[StateRow] = []
        for one in self.held:
            shape = list(one.shape) if one.shape is not None else None
            row: StateRow = {"key": one.key, "shape": shape, "dtype": one.dtype, "kind": one.kind}
            if one.same:
                row["same"] = one.same
            rows.append(row)
        return {"held": rows, "loaders": list(self.loaders)}

    @classmethod
    def from_dict(cls, entry: StateEntry) -> State:
        """From a record."""
        held = tuple(
            Held(
                row["key"],
                tuple(row["shape"]) if row["shape"] is not None else None,
                row["dtype"],
                row["kind"],
                row.get("same", ""),
            )
            for row in entry["held"]
        )
        return cls(held, tuple(entry["loaders"]))


def renamed(key: str, modules: Mapping[str, str]) -> str:
    """A tensor of the base under the name that its module has in the head; `modules`: base -> head."""
    module, _, own = key.rpartition(".")
    while module and module not in modules:  # a shared module's second name is in no tree
        module, _, last = module.rpartition(".")
        own = f"{last}.{own}"
    module = modules.get(module, module)
    return f"{module}.{own}" if module else own


def checkpoint(
    base: State, head: State, modules: Mapping[str, str], gone: AbstractSet[str], names: Mapping[str, str]
) -> CheckpointChange:
    """What becomes of a checkpoint of the base that is loaded into the head, `strict` as `load_state_dict` is.

    `modules`: base -> head of those that are the same ones; `gone`: the base's that the head has no more; `names`:
    tensors that have another name in their module, both as in the head.
    """
    kept = [key for key in base.shapes if key.rpartition(".")[0] not in gone]
    expected = {key: renamed(key, modules) for key in kept}
    places = {old: place for old, new in expected.items() if (place := names.get(new, new)) in head.shapes}
    places |= {key: key for key in kept if key not in places and key in head.shapes}
    reached = {*places.values()}
    moved = [(old, new) for old, new in places.items() if new != old]
    missing = [key for key in head.shapes if key not in reached]
    unexpected = [key for key in base.shapes if key not in places]
    shapes = [(old, new) for old, new in places.items() if base.shapes[old] != head.shapes[new]]
    loads = base.shapes == head.shapes
    return {
        "loads": loads,
        "renamed": len(moved),
        "missing": len(missing),
        "unexpected": len(unexpected),
        "reshaped": len(shapes),
        "first": {
            "renamed": _pairs(moved, base, head),
            "missing": missing[:TOLD],
            "unexpected": unexpected[:TOLD],
            "reshaped": _pairs(shapes, base, head),
        },
        "loaders": list(dict.fromkeys([*base.loaders, *head.loaders])),
    }


def _pairs(found: list[tuple[str, str]], base: State, head: State) -> list[KeyPair]:
    return [
        {"base": old, "head": new, "shapes": [_shape(base.shapes[old]), _shape(head.shapes[new])]}
        for old, new in found[:TOLD]
    ]


def _shape(shape: tuple[int, ...] | None) -> str:
    return "no tensor" if shape is None else "×".join(map(str, shape)) or "scalar"


def checkpoint_words(found: CheckpointChange) -> tuple[str, str]:
    """What becomes of it, and why: ("a checkpoint of the base does not load", "24 keys renamed (first: a -> b)")."""
    why = ", ".join(_reasons(found)) or "yes"
    words = "a checkpoint of the base loads"
    if found["loads"]:
        return (f"{words}, but into other places", why) if found["renamed"] else (words, why)
    if found["loaders"] and found["renamed"] + found["missing"] + found["unexpected"]:
        why += f"; unless {', '.join(found['loaders'][:3])} can translate, with loading code of its own"
    return "a checkpoint of the base does not load", why


def _reasons(found: CheckpointChange) -> Iterator[str]:
    first = found["first"]
    sorts = (
        (found["renamed"], "renamed", [f"{p['base']} -> {p['head']}" for p in first["renamed"]]),
        (found["missing"], "missing", first["missing"]),
        (found["unexpected"], "unexpected", first["unexpected"]),
        (found["reshaped"], "of another shape", [_reshaped(pair) for pair in first["reshaped"]]),
    )
    noun = True  # for the first number
    for many, words, keys in sorts:
        if many:
            number = count(many, "key") if noun else f"{many:,}"
            noun = False
            yield f"{number} {words} ({'first: ' if many > 1 else ''}{keys[0]})"


def _reshaped(pair: KeyPair) -> str:
    key = pair["base"] if pair["base"] == pair["head"] else f"{pair['base']} -> {pair['head']},"
    return f"{key} {' -> '.join(pair['shapes'])}"


def tie_changes(base: State | None, head: State | None, modules: Mapping[str, str]) -> Iterator[Change]:
    """Keys of both sides that share their tensor with another key on one side alone."""
    if base is None or head is None:
        return
    places = {renamed(key, modules): key for key in base.shapes}
    for key in head.shapes:
        if key not in places:
            continue
        before = base.ties.get(places[key])
        sides = renamed(before, modules) if before else "", head.ties.get(key, "")
        if sides[0] != sides[1]:
            path, _, own = key.rpartition(".")
            yield Change(
                "changed", path, own, *(f"tied to {side}" if side else "of its own" for side in sides)
            )
