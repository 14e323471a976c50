"""Addresses within the page that people can paste: `#SmallCNN/checks/flops`. Page and Markdown make them alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from ..records.types import CheckEntry, Record
from ..text import file_stem
from ..verdict.message import option_words

LOOSE = "without-a-subject"  # what the page has for tests that have none


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug for each name of a subject: unique, ASCII letters, digits, `.`, `_` and `-`, no more than 90.

    Ids within a subject's part begin with its slug and a `/`, which no slug has.
    """
    known = list(dict.fromkeys(names))
    return dict(zip(known, _unique(map(_slug, known)), strict=True))


def subject_slugs(record: Record) -> dict[str, str]:
    """Those of a record's subjects, by name."""
    return slugs([LOOSE, *(entry["name"] for entry in record["subjects"])])


def check_slugs(checks: Sequence[CheckEntry]) -> list[str]:
    """One for each of a subject's checks, in their order: `flops`, `flops-backward`, `flops-2`."""
    return list(_unique(_slug("-".join([c["metric"], *option_words(c["options"])])) for c in checks))


def _slug(name: str) -> str:
    return re.sub("-{2,}", "-", file_stem(name))


def _unique(stems: Iterable[str]) -> Iterator[str]:
    """The stems; one that is taken with the next free number."""
    taken: dict[str, int] = {}
    for stem in stems:
        slug, number = stem, taken.get(stem, 1)
        while slug in taken:
            number += 1
            slug = f"{stem}-{number}"
        taken[stem] = number
        taken.setdefault(slug, 1)
        yield slug
