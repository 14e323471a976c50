"""The base as a judge asks for it: what did this figure of this test's subject amount to there?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import MeasurementError, ModelCheckError
from ..records.build import to_json
from ..records.compare import compare, metrics_of, pictures
from ..records.load import number, read_record
from ..verdict.judge import ROOT, BaseValue, Contributor, Limit
from ..verdict.message import metric_title
from ..verdict.units import SECONDS

NO_REVISION = (
    "times of two runs are no base for each other; --modelcheck-base=REV measures both revisions in turns"
)
Parts = tuple[Contributor, ...]


class Base:
    """A base's record; one that holds an `error` answers every question with it."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.record = record
        self.error = str(record.get("error", ""))

    @classmethod
    def read(cls, path: Path) -> Base:
        """From a report.json. Raises RecordError."""
        return cls(read_record(path))

    @classmethod
    def from_json(cls, text: str) -> Base:
        """From what `to_json` gave in another process."""
        return cls(json.loads(text))

    def to_json(self) -> str:
        """The record, for another process."""
        return to_json(self.record)

    def value(self, nodeid: str, subject: str, limit: Limit) -> BaseValue:
        """The figure that `limit` is about, or why there is none. Raises MeasurementError if nothing is known."""
        if self.error:
            raise MeasurementError(f"the base could not be measured: {self.error}")
        if limit.unit is SECONDS:
            return self._pair(nodeid, subject, limit)
        value, parts, reason = self._find(nodeid, subject, limit)
        return BaseValue(value, parts, reason, self.notes if value is not None else ())

    def _find(self, nodeid: str, subject: str, limit: Limit) -> tuple[float | None, Parts, str]:
        title = metric_title(limit.metric, limit.options)
        check = self._check(nodeid, subject, (limit.metric, title))
        if check is not None:
            value = number(check["value"])
            reason = "" if value is not None else f"not measured at the base: {_short(check['message'])}"
            return value, _parts(check), reason
        figure = metrics_of(self.record, subject).get((limit.metric, title))
        if figure is not None:
            return figure["value"], self._own_parts(subject, limit.metric), ""
        known = any(entry["name"] == subject for entry in self.record["subjects"])
        new = f"the base has no such figure for {subject!r}: the check is new"
        return None, (), new if known else self._new(subject)

    def _new(self, subject: str) -> str:
        broken = "".join(f"; {text}" for text in self.record.get("broken", [])[:1])
        return f"new: the base has no subject {subject!r}{broken}"

    def _pair(self, nodeid: str, subject: str, limit: Limit) -> BaseValue:
        """Both revisions timed in turns. Raises MeasurementError where that failed."""
        if "timed" not in self.record:
            return BaseValue(reason=NO_REVISION)
        if limit.options.get("phase") not in (None, "forward"):
            return BaseValue(reason="only forward calls are compared with a base")
        pairs = self.record.get("pairs", ())
        pair = next((p for p in pairs if (p["nodeid"], p["where"]) == (nodeid, limit.where)), None)
        if pair is None:
            return BaseValue(reason=self._new(subject))
        if "error" in pair:
            raise MeasurementError(f"the base and this tree could not be compared: {pair['error']}")
        compared = pair.get("comparison")
        return BaseValue(reason=pair.get("reason", ""), notes=self.notes if compared else (), pair=compared)

    def _own_parts(self, subject: str, metric: str) -> Parts:
        """Each module's own part, from the section `complexity`: it has them for contractions."""
        scale = {"macs": 1, "flops": 2}.get(metric)
        entry: Mapping[str, Any] = next((e for e in self.record["subjects"] if e["name"] == subject), {})
        modules = entry.get("complexity", {}).get("modules", []) if scale else []
        return tuple(
            Contributor(m["name"] or ROOT, m["own_macs"] * scale) for m in modules if m.get("own_macs")
        )

    def _check(self, nodeid: str, subject: str, key: tuple[str, str]) -> Mapping[str, Any] | None:
        """The same test's check; by its subject's name where it has several. A renamed model stays gated."""
        same = [
            c for c in self.record["checks"] if c["nodeid"] == nodeid and (c["metric"], c["title"]) == key
        ]
        namesakes = re.compile(rf"{re.escape(subject)}( \(\d+\))?")  # "net (2)" is a second "net" of its run
        named = [c for c in same if namesakes.fullmatch(c["subject"])]
        return next(iter(named or (same if len({c["subject"] for c in same}) == 1 else ())), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a relative verdict should say besides."""
        notes = tuple(self.record.get("notes", []))
        changed = self.record.get("dependencies", [])
        text = "dependencies changed since the base, both were measured with those installed here: "
        return (text + ", ".join(changed), *notes) if changed else notes

    def tell(self, head: dict[str, Any]) -> None:
        """Add to the head's record what changed: the section `changes`, and to each structure the base's beside it."""
        try:
            if self.error:
                raise MeasurementError(self.error)
            changes = compare(self.record, head)
            beside = pictures(self.record, head, changes)
        except ModelCheckError as error:
            about = {"commit": "", "created": ""}
            sides = {"base": about, "head": about, "environment": [], "subjects": []}
            head["changes"] = {"error": str(error), **sides}
            return
        gone = list(self.record.get("gone", []))
        broken = [f"could not be collected at the base: {text}" for text in self.record.get("broken", [])]
        head["changes"] = {**changes, "notes": [*self.notes, *broken], "gone": gone}
        for entry in head["subjects"]:
            if entry["name"] in beside:
                entry["structure"] = {**entry["structure"], "diff": beside[entry["name"]]}


def _parts(check: Mapping[str, Any]) -> Parts:
    found = check.get("modules") or check.get("contributors") or ()
    return tuple(Contributor(p["module"], p["value"]) for p in found)


def _short(message: str) -> str:
    return message.strip().splitlines()[1].strip() if "\n" in message else message
