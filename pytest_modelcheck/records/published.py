"""The JSON schema of a record, with all sections that are registered."""

from __future__ import annotations

from typing import cast

from .schema import json_schema
from .section import Catalogue
from .types import SCHEMA_VERSION, Record

Definitions = dict[str, dict[str, dict[str, object]]]


def published_schema(catalogue: Catalogue) -> dict[str, object]:
    """Of `report.json` as this release writes it; keys that it does not name may hold anything."""
    schema = json_schema(Record)
    schema["title"] = f"report.json of pytest-modelcheck, schema_version {SCHEMA_VERSION}"
    definitions = cast("Definitions", schema["$defs"])
    for section in catalogue.sections.values():
        definitions["SubjectEntry"]["properties"][section.name] = _described(section.type, definitions)
        if section.changes is not None:
            for key, shape in section.changes.types.items():
                definitions["SubjectChanges"]["properties"][key] = _inner(shape, definitions)
    return schema


def _described(shape: object, definitions: Definitions) -> dict[str, object]:
    """A section's content, or the error that stands in its place."""
    error = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
    return {"anyOf": [_inner(shape, definitions), error]}


def _inner(shape: object, definitions: Definitions) -> dict[str, object]:
    made = json_schema(shape)
    definitions |= cast("Definitions", made.pop("$defs"))
    made.pop("$schema")
    return made
