"""What a module returns: which tensor in it is the map, and the same with another tensor in its place."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from torch import Tensor, nn

from ...errors import ExplanationError

Key: TypeAlias = "int | str"


def only_map(output: object) -> Tensor | None:
    """The map of a module's output; None where there is none, or several."""
    found = where_only_map(output)
    return found[1] if found else None


def where_only_map(output: object) -> tuple[tuple[Key, ...], Tensor] | None:
    """The same, with the way to it."""
    maps = _maps(output)
    return maps[0] if maps and (len(maps) == 1 or isinstance(output, (tuple, list))) else None


def the_map(output: object, name: str = "") -> tuple[tuple[Key, ...], Tensor] | None:
    """Where in a module's output the map is, and the map; None if there is no tensor of numbers.

    The first one of a tuple or list, if it is like a map; else the only one that is. Raises ExplanationError if a
    dict or dataclass has several.
    """
    maps = _maps(output)
    if not maps:
        return None
    if len(maps) > 1 and not isinstance(output, (tuple, list)):
        shown = ", ".join(f"{_spelled(path)} {tuple(t.shape)}" for path, t in maps)
        raise ExplanationError(
            f"layer {name!r} returns several maps: {shown}; choose a layer that returns one of them"
        )
    return maps[0]


def _maps(output: object) -> list[tuple[tuple[Key, ...], Tensor]]:
    """The tensors that may be maps; where none may, all of numbers."""
    if isinstance(output, Tensor):
        return [((), output)] if output.is_floating_point() else []
    found = [(path, t) for path, t in tensors(output) if t.is_floating_point()]
    return [(path, t) for path, t in found if t.dim() >= 3] or found


def tensors(output: object, path: tuple[Key, ...] = ()) -> Iterator[tuple[tuple[Key, ...], Tensor]]:
    """All tensors in nested dicts, tuples, lists, dataclasses and a user's objects, with the way to each."""
    if isinstance(output, Tensor):
        yield path, output
    for key, part in _parts(output):
        yield from tensors(part, (*path, key))


def put(output: object, path: tuple[Key, ...], tensor: Tensor) -> object:
    """`output` with `tensor` at the end of the way; what holds it is copied."""
    if not path:
        return tensor
    key, rest = path[0], path[1:]
    part = put(dict(_parts(output))[key], rest, tensor)
    if isinstance(output, (tuple, list)):
        items: list[Any] = [part if i == key else item for i, item in enumerate(output)]
        return type(output)(*items) if hasattr(output, "_fields") else type(output)(items)
    changed: Any = copy.copy(output)
    if isinstance(output, Mapping):
        changed[key] = part
    else:
        object.__setattr__(changed, str(key), part)
    return changed


def _parts(output: object) -> Iterator[tuple[Any, object]]:
    if isinstance(output, Mapping):
        yield from output.items()
    elif isinstance(output, (tuple, list)):
        yield from enumerate(output)
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        yield from ((field.name, getattr(output, field.name)) for field in dataclasses.fields(output))
    elif not isinstance(output, (Tensor, type, nn.Module)):
        yield from (
            (key, part) for key, part in getattr(output, "__dict__", {}).items() if isinstance(part, Tensor)
        )


def _spelled(path: tuple[Key, ...]) -> str:
    return ".".join(map(str, path))
