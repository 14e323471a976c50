"""Addresses within the page that people can paste: `#SmallCNN/checks/flops`. Page and Markdown make them alike."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import quote

from ..records.section import Origin
from ..records.types import CheckEntry, Record
from ..text import file_stem
from ..verdict.message import option_words

LOOSE = "without-a-subject"  # what the page has for tests that have none
OWN = tuple(
    f"{name}{end}" for name in ("main", "broke", "overview", "since") for end in ("", "-title")
)  # ids


def slugs(names: Sequence[str]) -> list[str]:
    """A slug for each subject, by its name: ASCII letters, digits, `.`, `_` and `-`, no more than 90; all different,
    and none of them an id of the page's own.

    Ids within a subject's part begin with its slug and a `/`, which no slug has.
    """
    taken = (LOOSE, *OWN)
    return list(_unique([*taken, *map(_slug, names)]))[len(taken) :]


def subject_slugs(record: Record) -> list[str]:
    """Those of a record's subjects, in their order."""
    return slugs([entry["name"] for entry in record["subjects"]])


def check_slugs(checks: Sequence[CheckEntry]) -> list[str]:
    """One for each of a subject's checks, in their order: `flops`, `flops-backward`, `flops-2`."""
    return list(_unique(_slug("-".join([c["metric"], *option_words(c["options"])])) for c in checks))


def module_address(slug: str, origin: Origin) -> str:
    """Where a subject's part shows a module that changed: `SmallCNN/graph/body.0`."""
    place = f"/{quote(origin.place, safe='')}" if origin.place else ""
    return f"{slug}/{origin.link}{place}"


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
