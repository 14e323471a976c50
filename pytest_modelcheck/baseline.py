"""Baseline: the record of an earlier run (report.json), to judge relative limits against."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .record import SCHEMA_VERSION
from .verdict import Contributor, Limit


@dataclass(frozen=True)
class BaseValue:
    """What the base had: the value, and each module's part of it; `reason` says why there is none."""

    value: float | None = None
    contributors: tuple[Contributor, ...] = ()
    reason: str = ""


class Baseline:
    """Values of a base's record, by subject, metric and options."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._subjects = {entry["name"] for entry in record["subjects"]}
        self._checks = {
            (c["subject"], c["metric"], _key(c.get("options") or {})): c
            for c in record["checks"]
            if c.get("value") is not None
        }

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a report.json. Raises ValueError that says what is wrong with the file."""
        try:
            record = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ValueError(f"cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from error
        if not isinstance(record, dict) or not isinstance(record.get("checks"), list):
            raise ValueError("is not a report.json of pytest-modelcheck")
        if record.get("schema_version") != SCHEMA_VERSION:
            found = record.get("schema_version")
            raise ValueError(f"has schema version {found}, this pytest-modelcheck reads {SCHEMA_VERSION}")
        try:
            return cls(record)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"is not a report.json of pytest-modelcheck: {error!r}") from error

    def value(self, subject: str, limit: Limit) -> BaseValue:
        """The base's value for a limit; one that is missing is new."""
        check = self._checks.get((subject, limit.metric, _key(limit.options)))
        if check is None:
            known = subject in self._subjects
            reason = (
                f"the base has no value of it for {subject!r}: the check is new"
                if known
                else f"the base has no subject {subject!r}: it is new"
            )
            return BaseValue(reason=reason)
        parts = check.get("modules") or check.get("contributors") or ()
        return BaseValue(check["value"], tuple(Contributor(p["module"], p["value"]) for p in parts))


def _key(options: Mapping[str, Any]) -> str:
    return json.dumps(dict(options), sort_keys=True, default=str)
