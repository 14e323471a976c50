"""Tensors that hold other values: parameters and buffers, and those that attributes and closures hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ....text import count
from ..checkpoint import renamed
from .change import Change
from .fold import in_short

Digests = Mapping[str, str]  # of tensors, by name


def other_values(base: Digests | None, head: Digests | None, modules: Mapping[str, str]) -> list[str]:
    """Names in the head of what both have with other values; none where one side is not known."""
    if base is None or head is None:
        return []
    old = {renamed(name, modules): digest for name, digest in base.items()}
    return [name for name, digest in head.items() if old.get(name, digest) != digest]


def of_weights(names: list[str]) -> Iterator[Change]:
    """In one sentence, however many they are."""
    if len(names) == 1:
        path, _, own = names[0].rpartition(".")
        yield Change("changed", path, f"values of {own}")
    elif names:
        yield Change("changed", "", f"values of {count(len(names), 'tensor')}", after=in_short(names))


def of_held(names: list[str]) -> Iterator[Change]:
    """One for each."""
    for name in names:
        is_path = name.replace(".", "").isidentifier()
        path, own = name.rpartition(".")[::2] if is_path else ("", name)
        yield Change("changed", path, f"values of the tensor held as {own}")
