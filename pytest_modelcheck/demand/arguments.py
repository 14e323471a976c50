"""The arguments of a marker: what each may be, and every mistake as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import TypeAlias

from ..errors import LimitError
from ..text import as_written, did_you_mean, not_one_of
from ..verdict.units import Unit

LEVELS = ("fail", "warn")
SUBJECT_KEYWORDS = ("model", "inputs", "input_size", "dtype", "device", "name")
SUBJECT_SHOWN = ", ".join(f"{key}=None" for key in SUBJECT_KEYWORDS)
Given: TypeAlias = Mapping[str, object]


@dataclass(frozen=True)
class Whole:
    """A keyword that takes a whole number from `least` on; None leaves it to the settings."""

    default: int | None = None
    least: int = 1

    def __contains__(self, value: object) -> bool:
        return value is None or (type(value) is int and value >= self.least)

    def __str__(self) -> str:
        return f"a whole number from {self.least} on"


@dataclass(frozen=True)
class Text:
    """A keyword that takes any text but the empty one, and has no default."""

    default: None = None

    def __contains__(self, value: object) -> bool:
        return isinstance(value, str) and bool(value)

    def __str__(self) -> str:
        return "a text"


Choice: TypeAlias = "tuple[object, ...] | Whole | Text"  # what a marker's keyword may be
WORDS = Text()


def default_of(choice: Choice) -> object:
    """What the keyword is when it is not given."""
    return choice[0] if isinstance(choice, tuple) else choice.default


def keyword_parameters(defaults: Given) -> list[Parameter]:
    """A marker's keywords: its own with their defaults, those of every marker, those of the subject."""
    everywhere = {"level": LEVELS[0], "reason": None, **dict.fromkeys(SUBJECT_KEYWORDS)}
    known = {**defaults, **everywhere}
    return [Parameter(key, Parameter.KEYWORD_ONLY, default=value) for key, value in known.items()]


def common_problems(name: str, given: Given) -> Iterator[str]:
    """What is wrong with the keywords that every marker of a check takes."""
    yield from not_allowed(name, "level", given, LEVELS)
    yield from word_problems(name, given)


def word_problems(name: str, given: Given) -> Iterator[str]:
    """What is wrong with the keywords of every marker that take a text."""
    for key in ("reason", "name"):
        if given.get(key) is not None:
            yield from not_allowed(name, key, given, WORDS)


def unknown(name: str, keywords: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """A sentence for each keyword that is not known, with the one that may be meant."""
    known = list(known)
    for key in keywords:
        if key not in known:
            hint = did_you_mean(key, known) or f"it takes {', '.join(known)}"
            yield f"{name}: unknown keyword {key!r}; {hint}"


def too_many(name: str, args: Sequence[object], allowed: int, example: str) -> Iterator[str]:
    """A sentence where more arguments than `allowed` stand without a keyword."""
    if len(args) > allowed:
        extra = ", ".join(as_written(argument) for argument in args[allowed:])
        shown = f"only the upper limit, {example}," if allowed == 1 else f"only what {example} shows"
        takes = shown if allowed else "nothing"
        yield f"{name}: {takes} can be given without a keyword; too many: {extra}"


def not_allowed(name: str, key: str, given: Given, allowed: Choice) -> Iterator[str]:
    """A sentence where a keyword has a value that is not allowed: 1 is not True."""
    if key in given and not _is_one_of(given[key], allowed):
        if isinstance(allowed, tuple):
            yield f"{name}: {not_one_of(key, given[key], allowed)}"
        else:
            yield f"{name}: {key}={as_written(given[key])} is not {allowed}"


def _is_one_of(value: object, allowed: Choice) -> bool:
    if isinstance(allowed, tuple):
        return any(value is one or (type(value) is type(one) and value == one) for one in allowed)
    return value in allowed


def bound(name: str, key: str, given: Given, unit: Unit, problems: list[str]) -> float | None:
    """The keyword's amount; None, and a problem more, where it cannot be read."""
    if given.get(key) is None:
        return None
    try:
        return unit.parse(given[key])
    except LimitError as error:
        problems.append(f"{name}: {key}: {error}")
        return None


def subject_part(kwargs: Given) -> dict[str, object]:
    """What a marker says about the subject."""
    return {key: kwargs[key] for key in SUBJECT_KEYWORDS if kwargs.get(key) is not None}
