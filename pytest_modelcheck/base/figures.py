"""The base as a judge asks for it: what did this figure of this test's subject amount to there?"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from ..demand.plan import Demand
from ..errors import MeasurementError, ModelCheckError
from ..records.beside import put_beside
from ..records.compare import Figures, compare, other_definition
from ..records.entries import place_entry
from ..records.load import read_record
from ..records.match import CheckKey, find_check, find_subject
from ..records.plain import number, to_json
from ..records.section import content_of, sections_of
from ..records.types import Changes, CheckEntry, Record, RevisionEntry, SubjectEntry
from ..text import duration
from ..verdict.judge import BaseValue, Verdict
from ..verdict.measurement import Contributor
from ..verdict.message import metric_title
from ..verdict.phases import FORWARD
from .accepted import Accepted
from .trailers import Catalogue, trailers_since

NO_REVISION = (
    "times of two runs are no base for each other; --modelcheck-base=REV measures both revisions in turns"
)


class Base:
    """A base's record; one that holds an `error` answers every question with it."""

    def __init__(self, record: Mapping[str, Any], catalogue: Catalogue) -> None:
        self.record = cast("Record", record)
        self.catalogue = catalogue
        self.error = str(record.get("error", ""))

    @classmethod
    def read(cls, path: Path, catalogue: Catalogue) -> Base:
        """From a report.json. Raises RecordError."""
        return cls(read_record(path, catalogue), catalogue)

    def read_trailers(self, path: Path) -> None:
        """Look what the commits from the base to HEAD accept, in the repository that `path` is in."""
        if not self.error:
            self.record["trailers"] = trailers_since(path, self.record["environment"].get("commit", ""))

    @classmethod
    def from_json(cls, text: str, catalogue: Catalogue) -> Base:
        """From what `to_json` gave in another process."""
        return cls(json.loads(text), catalogue)

    def to_json(self) -> str:
        """The record, for another process."""
        return to_json(self.record)

    def value(self, nodeid: str, demand: Demand, all_demands: Sequence[Demand] = ()) -> BaseValue:
        """The figure that a demand of a test is about, or why there is none; `all_demands` are those of its test.

        Raises MeasurementError if nothing is known.
        """
        if self.error:
            raise MeasurementError(f"the base could not be measured: {self.error}")
        if demand.check.paired:
            return self._pair(nodeid, demand)
        limit, source = demand.limit, demand.source.written
        others = frozenset(other.source.written for other in all_demands) - {source}
        key = CheckKey(nodeid, place_entry(limit.place), limit.metric.name, limit.options, source, others)
        found = self._of_check(key, demand) or self._of_section(key, demand)
        return found or BaseValue(reason=self._new(nodeid, demand))

    def accept(self, nodeid: str, demand: Demand, verdict: Verdict, all_demands: Sequence[Demand]) -> Verdict:
        """The verdict on a demand of a test, accepted where a commit since the base owns up to the breach."""
        return verdict if self.error else self.accepted.judged(nodeid, demand, verdict, all_demands)

    @functools.cached_property
    def accepted(self) -> Accepted:
        """What the commits since the base accept."""
        return Accepted(self.record, self.catalogue)

    def _of_check(self, key: CheckKey, demand: Demand) -> BaseValue | None:
        """What the same check found there."""
        check = find_check(self.record["checks"], key)
        if check is None:
            return None
        value = number(check["value"])
        if value is None:
            return BaseValue(reason=f"not measured at the base: {_short(check['message'])}")
        refusal = other_definition(demand.limit.metric, check["definition"])
        return BaseValue(reason=refusal) if refusal else BaseValue(value, _parts(check), "", self.notes)

    def _of_section(self, key: CheckKey, demand: Demand) -> BaseValue | None:
        """The figure among those that the sections of the same subject have."""
        entry = find_subject(self.record["subjects"], key)
        metric = demand.limit.metric
        title = metric_title(metric, demand.limit.options)
        figure = Figures(self.record, self.catalogue).of(entry).get((metric.name, title))
        if entry is None or figure is None:
            return None
        refusal = other_definition(metric, figure.definition)
        if refusal:
            return BaseValue(reason=refusal)
        return BaseValue(figure.value, self._own_parts(entry, metric.name), "", self.notes)

    def _own_parts(self, entry: SubjectEntry, metric: str) -> tuple[Contributor, ...]:
        """Each module's own part, where a section has them."""
        for section in self.catalogue.sections.values():
            for total in section.totals:
                if total.metric.name == metric:
                    return tuple(total.parts(content_of(sections_of(entry), section.name)))
        return ()

    def _new(self, nodeid: str, demand: Demand) -> str:
        """Why there is no figure: the base has no such test, or its test has no such figure."""
        label = demand.source.label
        if any(nodeid in entry["nodeids"] for entry in self.record["subjects"]):
            return f"the base has no such figure for {label!r}: the check is new"
        broken = "".join(f"; {text}" for text in self.record.get("broken", [])[:1])
        return f"new: the base has no subject {label!r}{broken}"

    def _pair(self, nodeid: str, demand: Demand) -> BaseValue:
        """Both revisions timed in turns. Raises MeasurementError where that failed."""
        if "timed" not in self.record:
            return BaseValue(reason=NO_REVISION)
        if demand.limit.options.get("phase") not in (None, FORWARD):
            return BaseValue(reason="only forward calls are compared with a base")
        key = (nodeid, demand.identity)
        pairs = self.record.get("pairs", [])
        pair = next((pair for pair in pairs if (pair["nodeid"], pair["demand"]) == key), None)
        if pair is None:
            return BaseValue(reason=self._new(nodeid, demand))
        if "error" in pair:
            raise MeasurementError(f"the base and this tree could not be compared: {pair['error']}")
        compared = pair.get("comparison")
        return BaseValue(reason=pair.get("reason", ""), notes=self.notes if compared else (), pair=compared)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a relative verdict should say besides."""
        notes = tuple(self.record.get("notes", []))
        changed = self.record.get("dependencies", [])
        text = "dependencies changed since the base, both were measured with those installed here: "
        return (text + ", ".join(changed), *notes) if changed else notes

    def _age(self) -> list[str]:
        """That its figures are those of an earlier run."""
        if "kept" not in self.record:
            return []
        age = duration(time.time() - self.record["kept"])
        return [f"the base was measured {age} ago; its figures were kept in pytest's cache (--cache-clear)"]

    def tell(self, head: Record) -> None:
        """Add to the head's record what changed: `changes`, and to its sections what shows both sides."""
        try:
            if self.error:
                raise MeasurementError(self.error)
            changes = compare(self.record, head, self.catalogue)
            put_beside(self.record, head, changes, self.catalogue)
        except ModelCheckError as error:
            head["changes"] = _failed(str(error))
            return
        self.accepted.refuse_doubtful(head)
        broken = [f"could not be collected at the base: {text}" for text in self.record.get("broken", [])]
        changes["notes"] = [*self.notes, *self._age(), *broken, *self.accepted.notes(head)]
        changes["gone"] = list(self.record.get("gone", []))
        head["changes"] = changes


def _failed(error: str) -> Changes:
    nothing: RevisionEntry = {"commit": "", "created": ""}
    return {"error": error, "base": nothing, "head": nothing, "environment": [], "subjects": []}


def _parts(check: CheckEntry) -> tuple[Contributor, ...]:
    found = check.get("modules") or check["contributors"]
    values = ((part["module"], number(part["value"])) for part in found)
    return tuple(Contributor(module, value) for module, value in values if value is not None)


def _short(message: str) -> str:
    return message.strip().splitlines()[1].strip() if "\n" in message else message
