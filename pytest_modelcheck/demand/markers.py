"""Read a marker: its limits, and what it says about the subject. Every mistake becomes a sentence, none is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import in_short
from ..verdict.limit import Limit, Place
from . import SUBJECT, arguments
from .arguments import SUBJECT_KEYWORDS, SUBJECT_SHOWN, Given
from .check import Catalogue, Check, Reading

UNREADABLE = "an argument cannot be read"
WRITES = "pytest --modelcheck-update-budgets"


@dataclass(frozen=True)
class Marker:
    """A marker as it was read, with what it says about the subject; `check` is None for the subject's own marker."""

    check: Check | None
    limits: tuple[Limit, ...] = ()
    subject: Given = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_marker(
    catalogue: Catalogue,
    name: str,
    args: Sequence[object],
    kwargs: Given,
    place: Place,
    where: str,
    *,
    fills: bool = False,
) -> Marker | None:
    """Read the marker `name(*args, **kwargs)` that stands at `place`; None if it is not one of ours.

    `fills`: one without a limit is measured, since its limit is to be written.
    """
    subject = arguments.subject_part(kwargs)
    if name == SUBJECT:
        problems = [
            *arguments.unknown(name, kwargs, (*SUBJECT_KEYWORDS, "reason")),
            *arguments.too_many(name, args, 0, ""),
            *arguments.word_problems(name, kwargs),
        ]
        return Marker(None, (), subject, tuple(problems))
    check = catalogue.checks.get(name)
    if check is None:
        return None
    reading = _filled(_reading(check, args, kwargs), fills)
    if reading.problems:  # then nothing that it says is used
        return Marker(check, problems=reading.problems)
    said: dict[str, Any] = {
        "level": kwargs.get("level", arguments.LEVELS[0]),
        "reason": kwargs.get("reason") or "",
    }
    limits = tuple(replace(limit, place=place, where=where, **said) for limit in reading.limits)
    return Marker(check, limits, subject)


def _reading(check: Check, args: Sequence[object], kwargs: Given) -> Reading:
    """What the check makes of its arguments; one that raises when it is looked at is a problem too."""
    try:
        return check.read_marker(args, kwargs)
    except Exception as error:
        return Reading(problems=(f"{check.name}: {UNREADABLE}: {in_short(error)}",))


def _filled(reading: Reading, fills: bool) -> Reading:
    """The limits of a marker that sets none: those that are to be written, or a problem."""
    if not reading.missing:
        return reading
    if fills and reading.blank:
        return replace(reading, limits=reading.blank)
    hint = f", or have it written: {WRITES}" if reading.blank else ""
    return replace(reading, problems=(*reading.problems, reading.missing + hint))


def marker_lines(checks: Iterable[Check]) -> list[str]:
    """The lines that `pytest --markers` prints."""
    own = (
        f"modelcheck({SUBJECT_SHOWN}): says what the budgets of this test, class or module check. "
        "model: an nn.Module, a callable that returns one, 'package.module:factory' or a fixture's name; inputs: "
        "tensors, a callable or a fixture's name; input_size: one shape or a list of shapes."
    )
    return [own, *(check.marker_line() for check in checks)]
