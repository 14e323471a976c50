"""What is left out of a page that would be too large: subject by subject, what a reviewer misses least goes first."""

from __future__ import annotations

import enum
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar


class Thin(enum.IntEnum):
    """What a subject's part leaves out, each with all before it."""

    NOTHING = 0
    ROWS = 1
    PICTURES = 2
    GRAPHS = 3
    PANELS = 4
    TEXTS = 5

    @property
    def words(self) -> str:
        """What is left out, in words."""
        if self is Thin.TEXTS:
            return "all but a line for each of its failures"
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
Step = tuple[bool, Thin]


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
    (False, Thin.TEXTS),
    (True, Thin.TEXTS),
)
SAMPLE = 12  # subjects that stand for many


def fitted(
    subjects: Sequence[Subject], draw: Callable[[Subject, Thin], str], room: int
) -> Mapping[str, Part]:
    """The parts of all subjects in `room` bytes, if there is a way; of equals the largest is thinned first.

    Drawing takes time: steps that some subjects show to be needed in whole are taken without drawing the others.
    """
    sketch = _Sketch(subjects, draw)
    taken = 0
    while taken < len(STEPS) and sketch.size(STEPS[:taken]) > room:
        if sketch.size(STEPS[: taken + 1]) <= room:
            break
        taken += 1
    parts = {subject.slug: sketch.part(subject, STEPS[:taken]) for subject in subjects}
    sizes = {slug: size_of(part.html) for slug, part in parts.items()}
    total = sum(sizes.values())
    for worthy, thin in STEPS[taken:]:
        of_step = [subject for subject in subjects if subject.is_worthy == worthy]
        for subject in sorted(of_step, key=lambda s: -sizes[s.slug]):
            if total <= room:
                return parts
            parts[subject.slug] = sketch.drawn(subject, thin)
            total += size_of(parts[subject.slug].html) - sizes[subject.slug]
            sizes[subject.slug] = size_of(parts[subject.slug].html)
    return parts


class _Sketch(Generic[Subject]):
    """Subjects, drawn as far as somebody asks."""

    def __init__(self, subjects: Sequence[Subject], draw: Callable[[Subject, Thin], str]) -> None:
        self.draw = draw
        self.made: dict[tuple[str, Thin], Part] = {}
        self.kinds = [[s for s in subjects if s.is_worthy == worthy] for worthy in (False, True)]

    def drawn(self, subject: Subject, thin: Thin) -> Part:
        """Its part, drawn once."""
        key = subject.slug, thin
        if key not in self.made:
            self.made[key] = Part(self.draw(subject, thin), thin)
        return self.made[key]

    def part(self, subject: Subject, steps: Sequence[Step]) -> Part:
        """Its part after these steps."""
        own = [thin for worthy, thin in steps if worthy == subject.is_worthy]
        return self.drawn(subject, max(own, default=Thin.NOTHING))

    def size(self, steps: Sequence[Step]) -> float:
        """About how many bytes all are after these steps; of few subjects exactly."""
        return sum(self._size(kind, steps) for kind in self.kinds)

    def _size(self, kind: Sequence[Subject], steps: Sequence[Step]) -> float:
        some = kind[:: -(-len(kind) // SAMPLE) or 1]
        sizes = [size_of(self.part(subject, steps).html) for subject in some]
        return sum(sizes) if len(some) == len(kind) else statistics.median(sizes) * len(kind)


def size_of(text: str) -> int:
    """In bytes, as it is written."""
    return len(text.encode("utf-8", "replace"))
