"""The base as a judge asks for it: what did this figure of this test's subject amount to there?"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ..demand.plan import Demand
from ..errors import MeasurementError, ModelCheckError, UngatedError
from ..records.beside import put_beside
from ..records.compare import Figures, compare, other_definition
from ..records.entries import place_entry
from ..records.gone import NO_LONGER, gone_entry
from ..records.load import read_record
from ..records.match import CheckKey, find_check, find_subject, stem
from ..records.plain import number, to_json
from ..records.section import Ask, content_of, sections_of
from ..records.types import Changes, CheckEntry, LossEntry, Record, RevisionEntry, SubjectEntry
from ..text import duration
from ..verdict.judge import BaseValue, Verdict
from ..verdict.measurement import Contributor
from ..verdict.message import metric_title
from ..verdict.phases import FORWARD
from .accepted import Accepted
from .asking import Asking
from .gone import Match, elsewhere, lies_in, match_demands, notes_on, without
from .keys import check_key
from .trailers import Catalogue, trailers_since

NO_REVISION = (
    "times of two runs are no base for each other; --modelcheck-base=REV measures both revisions in turns"
)

NO_MODELS = "a report holds no models; --modelcheck-base=REV compares with those of a revision"

RECIPE = (
    "the base has no {name}.\n"
    "If it moved or was renamed, say what it was there; both revisions then find it:\n"
    "    try:\n        from new_place import Name\n    except ImportError:\n        from old_place import Name"
)


class Base:
    """A base's record; one that holds an `error` answers every question with it."""

    def __init__(self, record: Mapping[str, Any], catalogue: Catalogue, asking: Asking | None = None) -> None:
        self.record, self.asking = cast("Record", record), asking
        self.catalogue = catalogue
        self.error = str(record.get("error", ""))
        self.matches: list[Match] = []
        self.demands: list[CheckEntry] = []
        self.seen: set[str] = set()
        self.planned: set[tuple[str, str]] = set()  # test, and what it says of a subject
        self.unseen: list[str] = []

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
        found = json.loads(text)
        return cls(found["record"], catalogue, Asking(*found["asking"]) if found["asking"] else None)

    def to_json(self) -> str:
        """The record, and where its models can be asked, for another process: one that starts none itself."""
        asking = self.asking
        if asking is not None and not self.error:
            asking.reach()
        return to_json(
            {
                "record": self.record,
                "asking": [asking.address, asking.timeout] if asking is not None else None,
            }
        )

    def ask(self, nodeid: str, source: str, section: str, given: Any) -> Any:
        """What a section answers of the base's own subject, of which its test says `source`. Raises MeasurementError;
        UngatedError where the base is a report, or has no such subject.
        """
        if self.error:
            raise MeasurementError(f"the base could not be measured: {self.error}")
        if self.asking is None:
            raise UngatedError(NO_MODELS)
        return self.asking(nodeid, source, section, given)

    def asked(self, nodeid: str, demand: Demand, all_demands: Sequence[Demand]) -> Ask:
        """The same for a demand of a test. What the base provably has not, it is not asked for."""
        source = demand.source.written

        def ask(section: str, given: Any) -> Any:
            if not self.error and self.asking is not None and self._twin(nodeid, source) is None:
                others = frozenset(other.source.written for other in all_demands) - {source}
                raise UngatedError(self._new(nodeid, demand, others))
            return self.ask(nodeid, source, section, given)

        return ask

    def between(self, nodeid: str, subject: Any, source: str, content: Mapping[str, Any]) -> dict[str, Any]:
        """What sections find between the base's subject and this tree's, which has `content`: lists by section."""
        twin = None if self.error else self._twin(nodeid, source)
        found: dict[str, Any] = {}
        if twin is None:
            return found
        for section in self.catalogue.sections.values():
            both = content_of(sections_of(twin), section.name), content_of(content, section.name)
            if section.between is not None and all(both):
                found |= section.between(subject, *both, partial(self.ask, nodeid, source))
        return found

    def _twin(self, nodeid: str, source: str) -> SubjectEntry | None:
        """The base's subject of which a test says the same; what its model says of itself may be another."""
        said = [
            (entry, demand["source"])
            for entry in self.record["subjects"]
            for demand in entry["demands"]
            if demand["nodeid"] == nodeid
        ]
        exact = [entry for entry, known in said if known == source]
        like = exact or [entry for entry, known in said if stem(known) == stem(source)]
        return like[0] if like else None

    def value(self, nodeid: str, demand: Demand, all_demands: Sequence[Demand] = ()) -> BaseValue:
        """The figure that a demand of a test is about, or why there is none; `all_demands` are those of its test.

        Raises MeasurementError if nothing is known.
        """
        if self.error:
            raise MeasurementError(f"the base could not be measured: {self.error}")
        key = check_key(nodeid, demand, all_demands, same_code="lost" in self.record)
        source, others = key.source, key.others
        if demand.check.paired:
            return self._pair(nodeid, demand, others)
        check = find_check(self.record["checks"], key)
        if check is not None and number(check["value"]) is not None:
            return self._of_check(check, key, demand)
        if check is not None and self._loss(nodeid, source, others) is None:
            raise MeasurementError(f"the base has this check and could not measure it: {_short(check)}")
        found = self._of_section(key, demand) if check is None else None
        return found or BaseValue(reason=self._new(nodeid, demand, others))

    def accept(self, nodeid: str, demand: Demand, verdict: Verdict, all_demands: Sequence[Demand]) -> Verdict:
        """The verdict on a demand of a test, accepted where a commit since the base owns up to the breach."""
        return verdict if self.error else self.accepted.judged(nodeid, demand, verdict, all_demands)

    @functools.cached_property
    def accepted(self) -> Accepted:
        """What the commits since the base accept."""
        return Accepted(self.record, self.catalogue)

    def meet(self, demands: Sequence[CheckEntry], unseen: Sequence[str] = ()) -> None:
        """Learn what this tree's tests demand, those that will not run too; `unseen`: node ids of files and classes
        that could not be looked into.
        """
        moves = self.record.get("moves") or {"tests": {}, "names": {}}
        self.matches = match_demands(self.record.get("own", []), demands, moves)
        self.demands = list(demands)
        self.seen, self.unseen = {entry["nodeid"] for entry in demands}, list(unseen)
        self.planned = {(entry["nodeid"], entry["source"]) for entry in demands}

    def _of_check(self, check: CheckEntry, key: CheckKey, demand: Demand) -> BaseValue:
        """What the same check found there."""
        refusal = other_definition(demand.limit.metric, check["definition"])
        if refusal:
            return BaseValue(reason=refusal)
        return BaseValue(number(check["value"]), _parts(check), "", self._notes_of(key.nodeid))

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
        return BaseValue(figure.value, self._own_parts(entry, metric.name), "", self._notes_of(key.nodeid))

    def _own_parts(self, entry: SubjectEntry, metric: str) -> tuple[Contributor, ...]:
        """Each module's own part, where a section has them."""
        for section in self.catalogue.sections.values():
            for total in section.totals:
                if total.metric.name == metric:
                    return tuple(total.parts(content_of(sections_of(entry), section.name)))
        return ()

    def _new(self, nodeid: str, demand: Demand, others: frozenset[str]) -> str:
        """What the base provably has not, so that there is no figure. Raises MeasurementError where it may have it."""
        label = demand.source.label
        loss = self._loss(nodeid, demand.source.written, others)
        gated = any(m.head is not None and _is(m.head, nodeid, demand) for m in self.matches)
        if loss is not None and loss["absent"] and gated:
            raise MeasurementError(f"{NO_LONGER}: {RECIPE.format(name=loss['absent'])}")
        if loss is not None and (gated or not (loss["absent"] or loss["phase"] == "skip")):
            raise MeasurementError(f"could not be measured at the base: {loss['reason']}")
        if loss is not None:
            return f"new: the base has no {loss['absent']}" if loss["absent"] else f"new: {loss['reason']}"
        if gated:
            raise MeasurementError("the base has this check, and its test did not come up there")
        if any(nodeid in entry["nodeids"] for entry in self.record["subjects"]):
            return f"the base has no such figure for {label!r}: the check is new"
        return f"new: the base has no subject {label!r}"

    def _loss(self, nodeid: str, source: str, others: frozenset[str]) -> LossEntry | None:
        """Why there is no figure: what is said of the test's subject, of the test, of its file."""
        found = [
            loss
            for loss in self.record.get("lost", [])
            if lies_in(nodeid, loss["nodeid"]) and loss["source"] not in others
        ]
        rank = {source: 2, "": 1}
        return max(found, key=lambda one: (len(one["nodeid"]), rank.get(one["source"], 0)), default=None)

    def _pair(self, nodeid: str, demand: Demand, others: frozenset[str]) -> BaseValue:
        """Both revisions timed in turns. Raises MeasurementError where that failed."""
        if "timed" not in self.record:
            return BaseValue(reason=NO_REVISION)
        if demand.limit.options.get("phase") not in (None, FORWARD):
            return BaseValue(reason="only forward calls are compared with a base")
        key = (nodeid, demand.identity)
        pairs = self.record.get("pairs", [])
        pair = next((pair for pair in pairs if (pair["nodeid"], pair["demand"]) == key), None)
        if pair is None:
            return BaseValue(reason=self._new(nodeid, demand, others))
        if "error" in pair:
            raise MeasurementError(f"the base and this tree could not be compared: {pair['error']}")
        compared = pair.get("comparison")
        return BaseValue(
            reason=pair.get("reason", ""), notes=self._notes_of(nodeid) if compared else (), pair=compared
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What a relative verdict should say besides."""
        notes = tuple(self.record.get("notes", []))
        changed = self.record.get("dependencies", [])
        text = "dependencies changed since the base, both were measured with those installed here: "
        return (text + ", ".join(changed), *notes) if changed else notes

    def _notes_of(self, nodeid: str) -> tuple[str, ...]:
        """The same, and what of a test, and of what it imports, has another name at the base."""
        tests = {m.base["nodeid"] for m in self.matches if m.head is not None and m.head["nodeid"] == nodeid}
        told = [f"this test was {name} at the base" for name in sorted(tests - {nodeid})]
        moved = sorted(f"{new} was {old}" for new, old in self._uses(nodeid).items())
        return (*self.notes, *told, *([f"{', '.join(moved)} at the base"] if moved else []))

    def _uses(self, nodeid: str) -> dict[str, str]:
        """Names that a test's file, or the conftest files above it, import, with what they are at the base."""
        file = PurePosixPath(nodeid.partition("::")[0])
        with_tests = {PurePosixPath(test.partition("::")[0]) for test in self.seen}
        found: dict[str, str] = {}
        for name, table in self.record.get("uses", {}).items():
            user = PurePosixPath(name)
            above = user.name != "conftest.py" or file.is_relative_to(user.parent)
            if user == file or (user not in with_tests and above):
                found |= table
        return found

    def _age(self) -> list[str]:
        """That its figures are those of an earlier run."""
        if "kept" not in self.record:
            return []
        age = duration(time.time() - self.record["kept"])
        return [f"the base was measured {age} ago; its figures were kept in pytest's cache (--cache-clear)"]

    def tell(self, head: Record) -> None:
        """Add to the head's record what changed: `changes`, to its sections what shows both sides, and to its checks
        what the base gated and this tree does not.
        """
        head["run"]["seconds"] = round(head["run"]["seconds"] + self.record.get("seconds", 0.0), 3)
        try:
            if self.error:
                raise MeasurementError(self.error)
            changes = compare(self.record, head, self.catalogue)
            unseen = self._leave_out(changes, head)
            put_beside(self.record, head, changes, self.catalogue)
            unknown = self._unmeasured(head)
            changes["subjects"] = [s for s in changes["subjects"] if (s["status"], s["name"]) not in unknown]
        except ModelCheckError as error:
            head["changes"] = _failed(str(error))
            return
        gone = self._gone()
        removed = sorted({entry["nodeid"] for entry in gone})
        head["checks"] += self.removals([entry for entry in gone if entry["metric"]])
        self.accepted.refuse_doubtful(head)
        ran = {check["nodeid"] for check in head["checks"]}
        left_out = [entry for entry in self.demands if entry["nodeid"] not in ran]
        changes["notes"] = [
            *changes.get("notes", ()),
            *self.notes,
            *unseen,
            *self._age(),
            *self._told(),
            *self.accepted.notes(head, removed, left_out),
        ]
        checked = {check["nodeid"] for check in head["checks"] if check["value"] is not None}
        changes["gone"] = [nodeid for nodeid in removed if nodeid not in checked]
        head["changes"] = changes

    def _leave_out(self, changes: Changes, head: Record) -> list[str]:
        """Take out what seems new since no test's body ran at the base, where it is made; a note on that."""
        if "lost" not in self.record:  # a report: there they ran
            return []
        planned = {
            entry["name"]
            for entry in head["subjects"]
            if any((one["nodeid"], one["source"]) in self.planned for one in entry["demands"])
        }
        made = [s for s in changes["subjects"] if s["status"] == "new" and s["name"] not in planned]
        changes["subjects"] = [subject for subject in changes["subjects"] if subject not in made]
        names = ", ".join(subject["name"] for subject in made)
        told = f"not compared, made in the body of a test, which does not run at the base: {names}"
        return [told] if made else []

    def _unmeasured(self, head: Record) -> set[tuple[str, str]]:
        """What would be called new though the base has a test of it, which could not be measured there."""
        lost = [one for one in self.record.get("lost", []) if one["phase"] != "skip" and not one["absent"]]
        return {
            ("new", entry["name"])
            for entry in head["subjects"]
            if any(lies_in(nodeid, one["nodeid"]) for nodeid in entry["nodeids"] for one in lost)
        }

    def removals(self, gone: Sequence[CheckEntry]) -> list[CheckEntry]:
        """The entries of demands that are gone, accepted where a commit owns up to them."""
        found = [(entry, self.accepted.removed(entry["nodeid"])) for entry in gone]
        return [gone_entry(entry, accepted) for entry, accepted in found]

    def _gone(self) -> list[CheckEntry]:
        """The base's demands that have no counterpart in this tree."""
        missing = [match.base for match in self.matches if match.head is None]
        looked = without(missing, self.unseen)
        return elsewhere(looked, self.record.get("marked", []), self.seen)

    def _told(self) -> Iterator[str]:
        """What moved, what could not be measured or collected, and what of the demands is another."""
        uses = {new: old for table in self.record.get("uses", {}).values() for new, old in table.items()}
        if uses:
            yield f"moved since the base: {', '.join(f'{new} was {old}' for new, old in sorted(uses.items()))}"
        yield from notes_on(self.matches)
        for loss in self.record.get("lost", []):
            if loss["phase"] != "skip" and not loss["absent"]:
                yield f"could not be measured at the base: {loss['nodeid']}: {loss['reason']}"
        lost = {loss["nodeid"] for loss in self.record.get("lost", [])}
        for loss in (loss for loss in self.record.get("unknown", []) if loss["nodeid"] not in lost):
            place = f" in {loss['nodeid']}" if loss["nodeid"] else ""
            yield f"what the base's own tests{place} demand is not known: {loss['reason']}"


def _failed(error: str) -> Changes:
    nothing: RevisionEntry = {"commit": "", "created": ""}
    return {"error": error, "base": nothing, "head": nothing, "environment": [], "subjects": []}


def _parts(check: CheckEntry) -> tuple[Contributor, ...]:
    found = check.get("modules") or check["contributors"]
    values = ((part["module"], number(part["value"])) for part in found)
    return tuple(Contributor(module, value) for module, value in values if value is not None)


def _is(entry: CheckEntry, nodeid: str, demand: Demand) -> bool:
    """Whether an entry is of this demand."""
    facts = entry["nodeid"], entry["metric"], entry["place"], entry["source"]
    return facts == (nodeid, demand.limit.metric.name, place_entry(demand.limit.place), demand.source.written)


def _short(check: CheckEntry) -> str:
    """Why a check has no value."""
    lines = check["message"].strip().splitlines()
    return check["reason"] or (
        lines[1].strip().removeprefix("error").strip() if len(lines) > 1 else check["message"]
    )
