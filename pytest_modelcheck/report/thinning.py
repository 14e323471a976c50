"""What is left out of a page that would be too large: subject by subject, what a reviewer misses least goes first."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar


class Thin(enum.IntEnum):
    """What a subject's part leaves out, each with all before it."""

    NOTHING = 0
    ROWS = 1
    PICTURES = 2
    GRAPHS = 3
    PANELS = 4

    @property
    def words(self) -> str:
        """What is left out, in words."""
        if self is Thin.PANELS:
            return "all but its checks and changes"
        told = ("histograms and deep rows", "further pictures", "graphs")
        return ", ".join(told[:self])


class Thinnable(Protocol):
    """A subject: its name in addresses, and whether it failed or changed."""

    @property
    def slug(self) -> str: ...

    @property
    def is_worthy(self) -> bool: ...


Subject = TypeVar("Subject", bound=Thinnable)


class Part(NamedTuple):
    """A subject's part, as thin as it had to be."""

    html: str
    thin: Thin


STEPS = (  # whether failed and changed subjects are thinned, and how far
    (False, Thin.ROWS),
    (False, Thin.PICTURES),
    (True, Thin.ROWS),
    (False, Thin.GRAPHS),
    (True, Thin.PICTURES),
    (False, Thin.PANELS),
    (True, Thin.GRAPHS),
    (True, Thin.PANELS),
)
FAR = 3  # times the room; beyond it the steps between would be for nothing


def fitted(
    subjects: Sequence[Subject], draw: Callable[[Subject, Thin], str], room: int
) -> Mapping[str, Part]:
    """The parts of all subjects in `room` bytes, if there is a way; of equals the largest is thinned first."""
    parts = {subject.slug: Part(draw(subject, Thin.NOTHING), Thin.NOTHING) for subject in subjects}
    sizes = {slug: size_of(part.html) for slug, part in parts.items()}
    total = sum(sizes.values())
    steps = STEPS if total <= FAR * room else ((False, Thin.PANELS), *STEPS)
    for worthy, thin in steps:
        of_step = [subject for subject in subjects if subject.is_worthy == worthy]
        for subject in sorted(of_step, key=lambda s: -sizes[s.slug]):
            if total <= room:
                return parts
            if parts[subject.slug].thin < thin:
                parts[subject.slug] = Part(draw(subject, thin), thin)
                total += size_of(parts[subject.slug].html) - sizes[subject.slug]
                sizes[subject.slug] = size_of(parts[subject.slug].html)
    return parts


def size_of(text: str) -> int:
    """In bytes, as it is written."""
    return len(text.encode("utf-8", "replace"))
