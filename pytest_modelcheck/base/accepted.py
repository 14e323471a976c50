"""Which breaches the commits between base and head own up to, and which of their trailers accept nothing."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from ..demand.plan import Demand
from ..records.gone import REMOVED, quoted
from ..records.match import find_subject
from ..records.plain import number
from ..records.subjects import names_apart
from ..records.types import CheckEntry, Record, SubjectEntry, TrailersEntry
from ..verdict.judge import Acceptance, Verdict, accept
from ..verdict.message import TRAILER, option_words
from .keys import check_key
from .trailers import Catalogue, Trailer, parse

NONE: TrailersEntry = {"problem": "", "found": []}


class Accepted:
    """What the commits between base and head accept; `base` is the base's record."""

    def __init__(self, base: Record, catalogue: Catalogue) -> None:
        given = base.get("trailers") or NONE
        self.problem, self.base, self.catalogue = given["problem"], base, catalogue
        self.trailers = [parse(entry, catalogue) for entry in given["found"]]

    def judged(self, nodeid: str, demand: Demand, verdict: Verdict, all_demands: Sequence[Demand]) -> Verdict:
        """The verdict on a demand of a test, accepted if a trailer says so; `all_demands` are the test's."""
        if self.problem:
            return verdict
        own = self._subject(nodeid, demand, all_demands)
        relative = [other for other in all_demands if other.limit.max_regression is not None]
        found = []
        for trailer in self.trailers:
            if trailer.problem or not _means(trailer, demand):
                continue
            if trailer.name == nodeid:
                meant = [other for other in relative if _means(trailer, other)]
                found.append(trailer.acceptance(self._several(trailer, nodeid, meant, all_demands)))
            elif any(_fits(trailer.name, name) for name in _names(verdict.subject, own)):
                found.append(trailer.acceptance(_ambiguous(trailer, self._called(trailer.name))))
        return accept(verdict, found, self._beginning(nodeid, demand, relative, own))

    def removed(self, nodeid: str) -> Acceptance | None:
        """Who says that a test of the base, or what it limited, was removed on purpose.

        The node id of a test without its parameters names it with all of them.
        """
        names = (nodeid, nodeid.partition("[")[0])
        found = (t for t in self.trailers if not t.problem and t.metric == REMOVED and t.name in names)
        return next((trailer.acceptance() for trailer in found), None)

    def refuse_doubtful(self, head: Record) -> None:
        """Make errors of what a name accepted that fits several subjects of this tree: known when all tests ran."""
        for trailer in self.trailers:
            checks = [check for check in head["checks"] if _is_accepted(check, trailer)]
            if trailer.metric == REMOVED or trailer.name in {check["nodeid"] for check in checks}:
                continue
            problem = _ambiguous(trailer, list(dict.fromkeys(check["subject"] for check in checks)))
            for check in checks if problem else ():
                check["outcome"], check["reason"] = "error", problem
                check["message"] += f"\n  error        {problem}"

    def notes(
        self, head: Record, gone: Collection[str] = (), left_out: Sequence[CheckEntry] = ()
    ) -> list[str]:
        """What a reader of the run should know: trailers that accept nothing, and why; `gone`: tests of the base that
        were removed, or limits of theirs; `left_out`: what tests demand that were deselected. Of these nobody can tell
        what a trailer would accept, nor which of them the base had besides.
        """
        if self.problem:
            return [f"{TRAILER} trailers could not be read: {self.problem}"]
        told = []
        now = {check["nodeid"] for check in (*head["checks"], *left_out)}
        for trailer in self.trailers:
            if trailer.problem:
                told.append(trailer.told(trailer.problem))
            elif trailer.metric == REMOVED:
                untold = left_out and not _is_there(trailer.name, now)
                if not (untold or self._was_removed(trailer.name, now, gone)):
                    told.append(trailer.told("nothing of that name was removed"))
            elif not any(self._is_about(trailer, check) for check in left_out):
                told += self._about_name(trailer, head)
        return told

    def _about_name(self, trailer: Trailer, head: Record) -> list[str]:
        """A name that fits nothing, or several subjects of which no check had to say so."""
        checks = [check for check in head["checks"] if self._is_about(trailer, check)]
        if not checks:
            return [f"{trailer.told('it fits no relative limit of this run')}{_close(trailer, head)}"]
        if any(check["outcome"] == "error" or check["nodeid"] == trailer.name for check in checks):
            return []
        problem = _ambiguous(trailer, list(dict.fromkeys(check["subject"] for check in checks)))
        return [problem] if problem else []

    def _subject(self, nodeid: str, demand: Demand, all_demands: Sequence[Demand]) -> SubjectEntry | None:
        """The base's subject that a demand is about."""
        return find_subject(self.base["subjects"], check_key(nodeid, demand, all_demands))

    def _several(
        self, trailer: Trailer, nodeid: str, meant: Sequence[Demand], all_demands: Sequence[Demand]
    ) -> str:
        """Why a test's node id is not enough: it limits the same of several subjects."""
        names = {}
        for demand in meant:
            own = self._subject(nodeid, demand, all_demands)
            names[demand.source.written] = own["name"] if own is not None else demand.source.label
        return _ambiguous(trailer, list(names.values()))

    def _called(self, name: str) -> list[str]:
        """The base's subjects that a name fits; one that is called exactly so is meant alone."""
        names = [entry["name"] for entry in self.base["subjects"] if _fits(name, entry["name"])]
        return [name] if name in names else names

    def _beginning(
        self, nodeid: str, demand: Demand, relative: Sequence[Demand], own: SubjectEntry | None
    ) -> str:
        """Of a trailer that names this limit alone."""
        alike = [other for other in relative if other.limit.metric.name == demand.limit.metric.name]
        is_one = len({other.source.written for other in alike}) == 1
        name = nodeid if is_one or own is None else own["name"]
        words = option_words(demand.limit.options)
        differ = any(option_words(other.limit.options) != words for other in alike)
        return f"{quoted(name)} {demand.limit.metric.name}" + (f"({', '.join(words)})" if differ else "")

    def _was_removed(self, name: str, now: Collection[str], gone: Collection[str]) -> bool:
        """Whether what a trailer names was at the base, with parameters or without, and is no more."""
        before = {check["nodeid"] for check in (*self.base["checks"], *self.base.get("own", []))}
        removed = {*gone, *(before - {*now})}
        return name in removed or name in {nodeid.partition("[")[0] for nodeid in removed}

    def _is_about(self, trailer: Trailer, check: CheckEntry) -> bool:
        """Whether a trailer names a check of the head's record."""
        if _is_accepted(check, trailer):
            return True
        if number(check.get("max_regression")) is None:
            return False
        known = self.catalogue.metrics.get(check["metric"])
        marker = self.catalogue.checks.get(check["place"]["marker"])
        names = {check["metric"]}
        if known is not None and known.nature == "comparison" and marker is not None:
            names |= {metric.name for metric in marker.metrics}
        is_named = trailer.name == check["nodeid"] or _fits(trailer.name, check["subject"])
        return is_named and trailer.metric in names


def _is_there(name: str, nodeids: Collection[str]) -> bool:
    """Whether one of these tests has that name, with parameters or without."""
    return any(name in (nodeid, nodeid.partition("[")[0]) for nodeid in nodeids)


def _is_accepted(check: CheckEntry, trailer: Trailer) -> bool:
    """Whether a check was accepted by this trailer."""
    accepted = check.get("accepted")
    if not accepted or check["outcome"] != "accepted":
        return False
    return (accepted["commit"], accepted["line"]) == (trailer.commit, trailer.line)


def _means(trailer: Trailer, demand: Demand) -> bool:
    """Whether a trailer's metric and options are those of a limit."""
    names = {demand.limit.metric.name}
    if demand.is_paired:
        names |= {metric.name for metric in demand.check.metrics}
    return trailer.metric in names and trailer.options <= {*option_words(demand.limit.options)}


def _fits(name: str, subject: str) -> bool:
    """Whether a trailer's name is a subject's, with what tells it apart in a report or without."""
    return subject == name or subject.startswith(f"{name} (")


def _names(subject: str, own: SubjectEntry | None) -> set[str]:
    """What a subject may be called: its name here and at the base, with all that may tell it apart."""
    if own is None:
        return {subject}
    return {subject, own["name"], *names_apart(subject, own)}


def _ambiguous(trailer: Trailer, candidates: Sequence[str]) -> str:
    if len(candidates) < 2:
        return ""
    listed = ", ".join(map(quoted, candidates))
    return trailer.told(
        f"{trailer.name} fits several subjects, so that it accepts nothing; name one: {listed}"
    )


def _close(trailer: Trailer, head: Record) -> str:
    """What may be meant by a name that fits nothing."""
    checks = [check for check in head["checks"] if number(check.get("max_regression")) is not None]
    names = dict.fromkeys(name for check in checks for name in (check["nodeid"], check["subject"]))
    longer = [name for name in names if name.startswith(trailer.name) and name != trailer.name]
    close = longer or difflib.get_close_matches(trailer.name, names, 3)
    return (
        f"; did you mean {', '.join(map(quoted, close[:3]))}?" if close and trailer.name not in names else ""
    )
