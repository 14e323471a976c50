"""Names chosen by shell patterns: "layer4.*"."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TypeAlias

from ...errors import MeasurementError

Patterns = tuple[str, ...] | None
Named: TypeAlias = str | Iterable[str] | None  # what a user may write for them


def patterns(option: str, given: Named) -> Patterns:
    """The pattern(s) given as `option`: a string or several; None stays None. Raises MeasurementError for others."""
    if given is None:
        return None
    several = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if not all(isinstance(pattern, str) for pattern in several):
        raise MeasurementError(
            f"{option} takes a name, a pattern such as 'layer4.*', or a list of them, not {given!r}"
        )
    return several


def matches(name: str, chosen: Patterns) -> bool:
    """Whether a name matches one of the patterns; None matches nothing."""
    return any(fnmatchcase(name, pattern) for pattern in chosen or ())


def wanted(name: str, include: Patterns, exclude: Patterns) -> bool:
    """Whether a tensor's name matches a pattern of `include` (None: any) and none of `exclude`."""
    return (include is None or matches(name, include)) and not matches(name, exclude)
