"""Operators that the user registers with torch: there is one table of them for the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.library import Library

BUILTIN = ("aten", "prim", "prims")


@contextmanager
def registrations() -> Iterator[set[str]]:
    """Collects what is defined or implemented in the block: "space::name", and "space::name on KEY"."""
    seen: set[str] = set()
    define, implement = Library.define, Library.impl

    def defining(self: Library, schema: str, *args: object, **kwargs: object) -> object:
        seen.add(f"{self.ns}::{schema.partition('(')[0].strip()}")
        return define(self, schema, *args, **kwargs)  # type: ignore[no-untyped-call]

    def implementing(
        self: Library, op_name: object, fn: object, dispatch_key: str = "", **kwargs: object
    ) -> object:
        name = op_name if isinstance(op_name, str) else getattr(op_name, "_name", str(op_name))
        full = name if "::" in name else f"{self.ns}::{name}"
        seen.add(f"{full} on {dispatch_key or self.dispatch_key or 'all devices'}")
        return implement(self, op_name, fn, dispatch_key, **kwargs)  # type: ignore[no-untyped-call]

    Library.define, Library.impl = defining, implementing  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        Library.define, Library.impl = define, implement  # type: ignore[method-assign]


def conflicts(base: set[str], head: set[str]) -> list[str]:
    """What both registered, and what one of them put in the place of torch's own."""
    replaced = {name for name in base | head if name.partition("::")[0] in BUILTIN}
    return sorted((base & head) | replaced)
