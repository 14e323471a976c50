"""Read a marker: its limits, and what it says about the subject. Every mistake becomes a sentence, none is lost."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import LimitError
from ..verdict.judge import Limit
from ..verdict.units import RATIO, Unit, named
from .check import (
    LEVELS,
    SUBJECT_KEYWORDS,
    BoundedBudget,
    Check,
    Choice,
    Free,
    Registry,
    default_of,
    signature,
)


@dataclass(frozen=True)
class Marker:
    """A marker as it was read; `problems` is empty for a good one."""

    check: Check | None
    limits: tuple[Limit, ...] = ()
    subject: Mapping[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_marker(
    registry: Registry, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], where: str
) -> Marker | None:
    """Read the marker `name(*args, **kwargs)` found at `where`; None if it is not one of ours."""
    if name == "modelcheck":
        problems = [*_unknown(name, kwargs, SUBJECT_KEYWORDS), *_positional(name, args, 0, "")]
        return Marker(None, (), _subject_part(kwargs), tuple(problems))
    check = registry.checks.get(name)
    if isinstance(check, Free):
        return _read_free(check, args, kwargs, where)
    if isinstance(check, BoundedBudget):
        return _read_bounded(check, args, kwargs, where)
    return _read_budget(check, args, kwargs, where) if check else None


def _read_free(check: Free, args: Sequence[Any], kwargs: Mapping[str, Any], where: str) -> Marker:
    """A marker of keywords like `onnx_export(opset=18)`: one limit, made of what was given and the defaults."""
    problems = [
        *_unknown(check.name, kwargs, signature(check).parameters),
        *_positional(check.name, args, 0, ""),
    ]
    problems += _not_allowed(check.name, "level", kwargs, LEVELS)
    options = {key: kwargs[key] for key in check.defaults if kwargs.get(key) is not None}
    limits: tuple[Limit, ...] = ()
    try:
        bound = check.bound({**check.defaults, **options})
        level = kwargs.get("level", LEVELS[0])
        limits = (Limit(check.metric, check.unit, max=bound, level=level, options=options, where=where),)
    except LimitError as error:
        problems.append(f"{check.name}: {error}")
    return Marker(check, limits, _subject_part(kwargs), tuple(problems))


def _read_bounded(check: BoundedBudget, args: Sequence[Any], kwargs: Mapping[str, Any], where: str) -> Marker:
    """A marker like `invariance_budget("rotation", min_probability=0.5)`: one limit for each bound given."""
    first = next(iter(check.choices))
    given = {**({first: args[0]} if args else {}), **kwargs}
    problems = _unknown(check.name, kwargs, signature(check).parameters)
    if len(args) > 1 or (args and first in kwargs) or first not in given:
        problems.append(f"{check.name}: give {first} once, as the only argument without a keyword")
    for key, allowed in {**check.choices, "level": LEVELS}.items():
        problems += _not_allowed(check.name, key, given, allowed)
    options = {key: given.get(key, default_of(choice)) for key, choice in check.choices.items()}
    options |= {key: given[key] for key in check.free if given.get(key) is not None}
    limits = []
    for key, bound in check.bounds.items():
        value = _bound(check.name, key, given, named(bound.unit), problems)
        if value is not None:
            said: dict[str, Any] = {bound.side: value, "level": given.get("level", LEVELS[0])}
            unit = named(bound.unit)
            limits.append(Limit(bound.metric, unit, options=options, where=where, **said))
    if all(given.get(key) is None for key in check.bounds):
        problems.append(f"{check.name}: no limit; give {' or '.join(f'{key}=' for key in check.bounds)}")
    return Marker(check, tuple(limits), _subject_part(kwargs), tuple(problems))


def _read_budget(check: Check, args: Sequence[Any], kwargs: Mapping[str, Any], where: str) -> Marker:
    parameters = signature(check).parameters
    places = [*check.leading, "max"] if check.fixed is None else list(check.leading)
    problems = [
        *_unknown(check.name, kwargs, parameters),
        *_positional(check.name, args, len(places), _example(check)),
    ]
    positional = dict(zip(places, args, strict=False))
    problems += [
        f"{check.name}: {_WORDS.get(key, key)} is given twice, by position and as {key}="
        for key in positional
        if key in kwargs
    ]
    given = {**positional, **kwargs, **({} if check.fixed is None else {"max": check.fixed})}
    problems += [
        f"{check.name}: {key} is missing; write for example {_example(check)}"
        for key in check.leading
        if key not in given
    ]
    bounds = {
        "max": _bound(check.name, "max", given, check.unit, problems),
        "min": _bound(check.name, "min", given, check.unit, problems),
        "max_regression": _bound(check.name, "max_regression", given, RATIO, problems),
    }
    if all(given.get(key) is None for key in bounds):
        problems.append(f"{check.name}: no limit; give one, for example {_example(check)}")
    if bounds["min"] is not None and bounds["max"] is not None and bounds["min"] > bounds["max"]:
        problems.append(f"{check.name}: min={given['min']!r} lies above max={given['max']!r}")
    choices = {**check.choices, "level": LEVELS}
    problems += [p for key, allowed in choices.items() for p in _not_allowed(check.name, key, given, allowed)]
    return Marker(check, _limits(check, bounds, given, where), _subject_part(kwargs), tuple(problems))


def _limits(
    check: Check, bounds: Mapping[str, Any], given: Mapping[str, Any], where: str
) -> tuple[Limit, ...]:
    options = {key: given.get(key, default_of(choice)) for key, choice in check.choices.items()}
    common: dict[str, Any] = {"level": given.get("level", LEVELS[0]), "options": options, "where": where}
    limits = []
    if bounds["max"] is not None or bounds["min"] is not None:
        limits.append(Limit(check.metric, check.unit, max=bounds["max"], min=bounds["min"], **common))
    if bounds["max_regression"] is not None:
        limits.append(Limit(check.metric, check.unit, max_regression=bounds["max_regression"], **common))
    return tuple(limits)


def _bound(name: str, key: str, given: Mapping[str, Any], unit: Unit, problems: list[str]) -> float | None:
    if given.get(key) is None:
        return None
    try:
        return unit.parse(given[key])
    except LimitError as error:
        problems.append(f"{name}: {key}: {error}")
        return None


def _unknown(name: str, kwargs: Mapping[str, Any], known: Iterable[str]) -> list[str]:
    known = list(known)
    problems = []
    for key in kwargs:
        if key not in known:
            close = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {close[0]!r}?" if close else f"it takes {', '.join(known)}"
            problems.append(f"{name}: unknown keyword {key!r}; {hint}")
    return problems


def _example(check: Check) -> str:
    arguments = [_EXAMPLES.get(key, repr(key)) for key in check.leading]
    arguments += [repr(check.unit.example)] if check.fixed is None else []
    return f"{check.name}({', '.join(arguments)})"


_WORDS = {"max": "the upper limit"}
_EXAMPLES = {"operator": repr("aten::copy_")}


def _positional(name: str, args: Sequence[Any], allowed: int, example: str) -> list[str]:
    if len(args) <= allowed:
        return []
    extra = ", ".join(repr(argument) for argument in args[allowed:])
    shown = f"only the upper limit, {example}," if allowed == 1 else f"only what {example} shows"
    takes = shown if allowed else "nothing"
    return [f"{name}: {takes} can be given without a keyword; too many: {extra}"]


def _not_allowed(name: str, key: str, given: Mapping[str, Any], allowed: Choice) -> list[str]:
    if key not in given or given[key] in allowed:
        return []
    wanted = f"one of {', '.join(map(repr, allowed))}" if isinstance(allowed, tuple) else str(allowed)
    return [f"{name}: {key}={given[key]!r} is not {wanted}"]


def _subject_part(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: kwargs[key] for key in SUBJECT_KEYWORDS if kwargs.get(key) is not None}
