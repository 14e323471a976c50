"""What shows base and head together, added to the head's own sections."""

from __future__ import annotations

from typing import Any, cast

from .match import matched
from .section import Catalogue, content_of, sections_of
from .types import Changes, Record


def put_beside(base: Record, head: Record, changes: Changes, catalogue: Catalogue) -> None:
    """Add to each changed subject of `head` what its sections have to show of both sides."""
    twins = matched(base["subjects"], head["subjects"])
    changed = {subject["name"]: subject for subject in changes["subjects"] if subject["status"] == "changed"}
    for entry in head["subjects"]:
        old = twins.get(entry["signature"])
        if old is None or entry["name"] not in changed:
            continue
        for section in catalogue.sections.values():
            beside = section.changes.beside if section.changes is not None else None
            contents = [content_of(sections_of(side), section.name) for side in (old, entry)]
            if beside is not None and all(contents):
                more = beside(old, entry, changed[entry["name"]])
                cast("dict[str, Any]", entry)[section.name] = {**contents[1], **more}
