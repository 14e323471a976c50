"""Accepted on purpose: the trailers `Modelcheck-Accept` in the messages of the commits between base and head.

`Modelcheck-Accept: <node id or subject> <metric> [<= limit]: <why>`, or `Modelcheck-Accept: <node id> removed: <why>`.
A name with spaces stands in quotes, as in a shell. A metric is called as in a report (`flops`, `params`); options
in parentheses (`flops(backward)`, `latency(p90, threads=2)`) name only the limits that have these. A trailer counts
wherever it begins a line of a message: a squash merge leaves those of its commits in the middle.
"""

from __future__ import annotations

import difflib
import io
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..demand.check import Catalogue as Checks
from ..demand.plan import Demand
from ..errors import LimitError
from ..records.entries import place_entry
from ..records.match import CheckKey, find_subject
from ..records.plain import number
from ..records.section import Catalogue as Sections
from ..records.subjects import names_apart
from ..records.types import CheckEntry, Record, SubjectEntry, TrailerEntry, TrailersEntry
from ..verdict.judge import Acceptance, Verdict, accept
from ..verdict.message import TRAILER, option_words
from ..verdict.units import Unit
from .git import BaseError, messages_since, toplevel

REMOVED = "removed"
NONE: TrailersEntry = {"problem": "", "found": []}

_LINE = re.compile(rf"^{TRAILER}[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.IGNORECASE | re.MULTILINE)
_AFTER_NAME = re.compile(
    r"\s+(?P<metric>[^\s:()<>=≤]+)\s*(?:\((?P<options>[^()]*)\))?\s*(?:(?:<=|≤)(?P<limit>[^:]*))?:(?P<why>.*)",
    re.DOTALL,
)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_HOW = f"{TRAILER}: <node id or subject, in quotes if it has spaces> <metric> [<= limit]: <why>"


class Catalogue(Sections, Checks, Protocol):
    """The checks, metrics and sections that there are."""


def trailers_since(path: Path, commit: str) -> TrailersEntry:
    """All that stand in commits from `commit` to HEAD of the repository that `path` is in."""
    try:
        if not _COMMIT.fullmatch(commit):
            raise BaseError("the base's report does not say which commit it is of")
        messages = messages_since(toplevel(path), commit)
    except BaseError as error:
        return {"problem": str(error), "found": []}
    return {"problem": "", "found": [entry for name, message in messages for entry in _found(name, message)]}


def _found(commit: str, message: str) -> Iterator[TrailerEntry]:
    message = message.replace("\r\n", "\n")
    for match in _LINE.finditer(message):
        text = " ".join(line.strip() for line in match[1].splitlines())
        yield {"commit": commit, "line": message.count("\n", 0, match.start()) + 1, "text": text}


@dataclass(frozen=True)
class Trailer:
    """One of them, understood; `problem` says why it could not be. `limit` is in the unit of the metric's verdicts."""

    commit: str
    line: int
    text: str
    name: str = ""
    metric: str = ""
    options: frozenset[str] = frozenset()
    limit: float | None = None
    why: str = ""
    problem: str = ""

    def acceptance(self, problem: str = "") -> Acceptance:
        """What it accepts a breach with."""
        return Acceptance(self.why, self.commit, self.limit, problem)

    def told(self, words: str) -> str:
        """A sentence about it: which commit, which line."""
        return f"commit {self.commit[:12]}, line {self.line} ({TRAILER}: {self.text}): {words}"


def parse(entry: TrailerEntry, catalogue: Catalogue) -> Trailer:
    """A trailer from its text; one that cannot be understood has a `problem`."""
    where = {"commit": entry["commit"], "line": entry["line"], "text": entry["text"]}
    try:
        return _parsed(entry, catalogue)
    except (LimitError, ValueError) as error:
        return Trailer(**where, problem=str(error))  # type: ignore[arg-type]


def _parsed(entry: TrailerEntry, catalogue: Catalogue) -> Trailer:
    """Raises ValueError."""
    name, rest = _name(entry["text"])
    match = _AFTER_NAME.fullmatch(rest)
    if match is None or not name:
        raise ValueError(f"it is not understood; write {_HOW}")
    metric, why = match["metric"], match["why"].strip()
    if not why:
        raise ValueError("it gives no reason; write why after the last colon")
    options = frozenset(word.strip() for word in (match["options"] or "").split(",") if word.strip())
    limit = None
    if metric == REMOVED:
        if match["limit"] is not None or options:
            raise ValueError(f"what is removed has no limit; write {TRAILER}: <node id> removed: <why>")
    elif metric not in catalogue.metrics:
        close = difflib.get_close_matches(metric, catalogue.metrics, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(catalogue.metrics)}"
        raise ValueError(f"there is no metric {metric!r}; {hint}")
    elif match["limit"] is not None:
        limit = _amount(match["limit"].strip(), _unit(metric, catalogue))
    return Trailer(entry["commit"], entry["line"], entry["text"], name, metric, options, limit, why)


def _name(text: str) -> tuple[str, str]:
    """The name at the beginning, and what follows. One in quotes is read as a shell does, another one as it stands."""
    if not text.startswith(("'", '"')):
        name = text.split(maxsplit=1)[0] if text.strip() else ""
        return name, text[len(name) :]
    stream = io.StringIO(text)
    words = shlex.shlex(stream, posix=True)
    words.whitespace_split, words.commenters = True, ""
    name = words.get_token() or ""  # raises ValueError where quotes are not closed
    return name, " " + stream.read()


def quoted(name: str) -> str:
    """A name as a trailer has it."""
    plain = name and not re.search(r"\s", name) and not name.startswith(("'", '"'))
    return name if plain else shlex.quote(name)


def _amount(text: str, unit: Unit) -> float:
    return unit.parse(text) if unit.words else unit.parse(float(text))


def _unit(metric: str, catalogue: Catalogue) -> Unit:
    """The unit of a relative limit's verdict: where base and head are timed in turns, that of the comparison."""
    for check in catalogue.checks.values():
        if check.paired and any(one.name == metric for one in check.metrics):
            return next(one.unit for one in check.metrics if one.nature == "comparison")
    return catalogue.metrics[metric].unit


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
        """Who says that the test, or what it limited, was removed on purpose."""
        found = (t for t in self.trailers if not t.problem and t.metric == REMOVED and t.name == nodeid)
        return next((trailer.acceptance() for trailer in found), None)

    def notes(self, head: Record) -> list[str]:
        """What a reader of the run should know: trailers that accept nothing, and why."""
        if self.problem:
            return [f"warning: {TRAILER} trailers could not be read: {self.problem}"]
        told = []
        for trailer in self.trailers:
            if trailer.problem:
                told.append(f"warning: {trailer.told(trailer.problem)}")
            elif trailer.metric == REMOVED and not self._was_removed(trailer.name, head):
                told.append(f"warning: {trailer.told('nothing of that name was removed')}")
            elif trailer.metric != REMOVED and not any(self._is_about(trailer, c) for c in head["checks"]):
                told.append(
                    f"warning: {trailer.told('it fits no relative limit of this run')}{_close(trailer, head)}"
                )
        return told

    def _subject(self, nodeid: str, demand: Demand, all_demands: Sequence[Demand]) -> SubjectEntry | None:
        """The base's subject that a demand is about."""
        limit, source = demand.limit, demand.source.written
        others = frozenset(other.source.written for other in all_demands) - {source}
        key = CheckKey(nodeid, place_entry(limit.place), limit.metric.name, limit.options, source, others)
        return find_subject(self.base["subjects"], key)

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

    def _was_removed(self, name: str, head: Record) -> bool:
        gone = self.base.get("gone", [])
        before = {check["nodeid"] for check in self.base["checks"]}
        now = {check["nodeid"] for check in head["checks"] if number(check.get("max_regression")) is not None}
        return (name in before or name in gone or name.partition("[")[0] in gone) and name not in now

    def _is_about(self, trailer: Trailer, check: CheckEntry) -> bool:
        """Whether a trailer names a check of the head's record."""
        accepted = check.get("accepted")
        if accepted and (accepted["commit"], accepted["reason"]) == (trailer.commit, trailer.why):
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
