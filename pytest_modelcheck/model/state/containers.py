"""Containers: how each is saved, put back, and looked into, without asking a subclass's own methods.

A copy is shallow: a container's own entries; what these hold is saved in turn. Values are put back into the very
container that was there.
"""

from __future__ import annotations

import array
import operator
import zlib
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

Put: TypeAlias = Callable[[], object]
Value: TypeAlias = Any  # whatever a user's model holds


class Kind(NamedTuple):
    """`save(value)` gives a copy, `same(value, copy)` whether it is as it was, `put(value, copy)` makes it so.

    `inner(value)` is what it holds, names and keys as well; `token(value)` is plain data that says, with what it
    holds, which state it is in. `size(value)`: the bytes that a copy takes, where they may be many. `told`: why it
    cannot be saved, in words.
    """

    save: Callable[[Value], Value] | None = None
    same: Callable[[Value, Value], bool] | None = None
    put: Callable[[Value, Value], object] | None = None
    inner: Callable[[Value], Iterable[object]] | None = None
    token: Callable[[Value], object] | None = None
    size: Callable[[Value], int] | None = None
    told: str = ""


def identical(one: Iterable[object], other: Iterable[object]) -> bool:
    """Whether both, as long as each other, give the very same objects in the same order."""
    return all(map(operator.is_, one, other))


# Containers


def same_list(value: Value, copy: Value) -> bool:
    return len(value) == len(copy) and identical(iter(value), copy)


def _base(value: dict[Any, Any]) -> Any:
    """The methods of dict itself: a subclass may do more in its own."""
    return OrderedDict if isinstance(value, OrderedDict) else dict


def _save_dict(value: dict[Any, Any]) -> dict[Any, Any]:
    if type(value) is dict:
        return value.copy()
    return dict(_base(value).items(value))


def entries(value: dict[Any, Any]) -> Iterator[object]:
    base = _base(value)
    yield from base.keys(value)
    yield from base.values(value)


def same_dict(value: dict[Any, Any], copy: dict[Any, Any]) -> bool:
    base = _base(value)
    return (
        len(value) == len(copy)
        and identical(base.values(value), copy.values())
        and identical(base.keys(value), copy)
    )


def put_dict(value: dict[Any, Any], copy: dict[Any, Any]) -> None:
    base = _base(value)
    base.clear(value)
    if base is dict:
        dict.update(value, copy)
    else:  # whose own update asks the subclass
        for key, entry in copy.items():
            base.__setitem__(value, key, entry)


class Dicts:
    """Shallow copies of many dicts, compared all at once: as a rule none has changed."""

    def __init__(self, dicts: list[dict[Any, Any]]) -> None:
        self._dicts = dicts
        self._copies = [_save_dict(value) for value in dicts]
        self._keys = [*chain.from_iterable(dicts)]

    def changed(self) -> list[tuple[dict[Any, Any], dict[Any, Any]]]:
        """Those that are not as they were, each with its copy."""
        if self._are_the_same():
            return []
        pairs = zip(self._dicts, self._copies, strict=True)
        return [(value, copy) for value, copy in pairs if not same_dict(value, copy)]

    def _are_the_same(self) -> bool:
        """Values, one after the other, and keys, without a look at where a dict ends but for its length."""
        now, before = self._dicts, self._copies
        return (
            [*map(len, now)] == [*map(len, before)]
            and identical(_values(now), _values(before))
            and [*chain.from_iterable(now)] == self._keys
        )


def _values(dicts: list[dict[Any, Any]]) -> Iterator[object]:
    return chain.from_iterable(map(dict.values, dicts))


def _put_sequence(value: Value, copy: Value) -> None:
    value.clear()
    value.extend(copy)


def _put_list(value: list[Any], copy: list[Any]) -> None:
    list.__setitem__(value, slice(None), copy)


def _same_set(value: set[Any], copy: set[Any]) -> bool:
    """By identity: to be asked whether they are equal is no business of the elements."""
    return set(map(id, value)) == set(map(id, copy))


def _put_set(value: set[Any], copy: set[Any]) -> None:
    set.clear(value)
    set.update(value, copy)


def _put_array(value: array.array[Any], copy: array.array[Any]) -> None:
    del value[:]
    value.extend(copy)


CONTAINERS: dict[type, Kind] = {
    dict: Kind(_save_dict, same_dict, put_dict, entries, len),
    list: Kind(list.copy, same_list, _put_list, iter, len),
    deque: Kind(deque.copy, same_list, _put_sequence, iter, len),
    set: Kind(set.copy, _same_set, _put_set, iter, len),
    bytearray: Kind(bytes, lambda value, copy: value == copy, _put_sequence, token=zlib.crc32, size=len),
    array.array: Kind(
        lambda value: value[:],
        lambda value, copy: bool(value == copy),
        _put_array,
        token=lambda value: (len(value), zlib.crc32(value)),
        size=lambda value: len(value) * value.itemsize,
    ),
    tuple: Kind(inner=iter, token=len),
    frozenset: Kind(inner=iter, token=len),
}


def container(cls: type) -> Kind | None:
    return next((CONTAINERS[base] for base in cls.__mro__ if base in CONTAINERS), None)
