"""Shapes of JSON, and what is wrong with a value that should have one.

A shape is a type or a tuple of types, a list with the shape of its items, a mapping with the shapes of its values (a
key with "?" may be missing, keys that are not named may hold anything), or one of the classes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any


class Many:
    """A mapping whose values all have one shape."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        wrong = _wrong_type(value, dict, where)
        return wrong or _first((f"{where}.{key}", item, self.shape) for key, item in value.items())


class OneOf:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        good = isinstance(value, str) and value in self.words
        return "" if good else f"{where} is not one of {', '.join(self.words)}"


class Pair:
    """A list of two, each with its shape."""

    def __init__(self, first: Any, second: Any) -> None:
        self.shapes = (first, second)

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        if not isinstance(value, list) or len(value) != 2:
            return f"{where} is not a list of two"
        return _first((f"{where}[{i}]", value[i], shape) for i, shape in enumerate(self.shapes))


class Optional:
    """A shape, or None."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        return "" if value is None else problem(value, self.shape, where)


class Described:
    """A section of the record: a shape, or the error that stands in its place."""

    def __init__(self, shape: Any) -> None:
        self.shape = shape

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        failed = isinstance(value, dict) and isinstance(value.get("error"), str)
        return "" if failed else problem(value, self.shape, where)


class Matching:
    """A text that a pattern describes whole."""

    def __init__(self, pattern: str, noun: str) -> None:
        self.pattern, self.noun = re.compile(pattern), noun

    def problem(self, value: Any, where: str) -> str:
        """What is wrong with `value`; empty if nothing is."""
        return (
            "" if isinstance(value, str) and self.pattern.fullmatch(value) else f"{where} is not {self.noun}"
        )


def problem(value: Any, shape: Any, where: str = "") -> str:
    """What is wrong with `value`, the first thing found, and where; empty if nothing is."""
    if hasattr(shape, "problem"):
        return str(shape.problem(value, where))
    if isinstance(shape, list):
        wrong = _wrong_type(value, list, where)
        return wrong or _first((f"{where}[{i}]", item, shape[0]) for i, item in enumerate(value))
    if isinstance(shape, Mapping):
        return _mapping_problem(value, shape, where)
    return _wrong_type(value, shape, where)


def _first(parts: Iterable[tuple[str, Any, Any]]) -> str:
    return next((found for where, value, shape in parts if (found := problem(value, shape, where))), "")


def _wrong_type(value: Any, wanted: Any, where: str) -> str:
    types = wanted if isinstance(wanted, tuple) else (wanted,)
    if isinstance(value, types) and (not isinstance(value, bool) or bool in types):
        return ""
    return f"{where or 'the whole'} is a {type(value).__name__}, not {' or '.join(t.__name__ for t in types)}"


def _mapping_problem(value: Any, shape: Mapping[str, Any], where: str) -> str:
    wrong = _wrong_type(value, dict, where)
    if wrong:
        return wrong
    for key, inner in shape.items():
        name = key.removesuffix("?")
        if name not in value:
            if name == key:
                return f"{where or 'the whole'} has no {name!r}"
            continue
        found = problem(value[name], inner, f"{where}.{name}".lstrip("."))
        if found:
            return found
    return ""
