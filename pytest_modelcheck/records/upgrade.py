"""Records of older releases, brought to today's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def upgraded(record: dict[str, object], version: int) -> dict[str, object]:
    """`record`, written in schema `version`, in today's. Where it lacks a part, the check of its shape says so."""
    for older, step in STEPS.items():
        if version <= older:
            record = step(record)
    return record


def _from_1(record: dict[str, object]) -> dict[str, object]:
    """Schema 1 knew neither where a marker stands nor what a test says about its subject: empty, nobody knows."""
    subjects = [_subject_from_1(entry) for entry in _dicts(record.get("subjects"))]
    signatures = {entry.get("name"): entry.get("signature") for entry in subjects}
    checks = [_check_from_1(entry, signatures) for entry in _dicts(record.get("checks"))]
    panels = [
        {**panel, "signature": signatures.get(_hashable(panel.get("subject"))) or ""}
        for panel in _dicts(record.get("panels"))
    ]
    made = {"subjects": subjects, "checks": checks, "panels": panels}
    kept = {key: value for key, value in made.items() if _whole(record.get(key))}
    run = record.get("run")
    more = {"run": {"waited": 0.0, **run}} if isinstance(run, dict) else {}
    return {**record, "schema_version": 2, **kept, **more}


def _subject_from_1(entry: dict[str, object]) -> dict[str, object]:
    nodeids = entry.get("nodeids")
    demands = [{"nodeid": nodeid, "source": ""} for nodeid in nodeids] if isinstance(nodeids, list) else []
    return {**entry, "demands": demands, "definitions": {}}


def _check_from_1(entry: dict[str, object], signatures: dict[Any, Any]) -> dict[str, object]:
    defaults = {
        "limit_reason": "",
        "reason": "",
        "caveat": "",
        "protocol": "",
        "changes": [],
        "definition": 1,
    }
    identity = {
        "place": {"node": "", "marker": "", "index": 0},
        "source": "",
        "signature": signatures.get(_hashable(entry.get("subject"))) or "",
    }
    return {**defaults, **entry, **identity}


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _whole(value: object) -> bool:
    """Whether nothing is lost by taking its mappings alone."""
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _hashable(value: object) -> object:
    return value if isinstance(value, str) else ""


STEPS: dict[int, Callable[[dict[str, object]], dict[str, object]]] = {1: _from_1}
