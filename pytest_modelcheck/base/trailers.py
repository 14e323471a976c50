"""Accepted on purpose: the trailers `Modelcheck-Accept` in the messages of the commits between base and head.

`Modelcheck-Accept: <node id or subject> <metric> [<= limit]: <why>`, or `Modelcheck-Accept: <node id> removed: <why>`.
A name with spaces stands in quotes, as in a shell. A metric is called as in a report (`flops`, `params`); options
in parentheses (`flops(backward)`, `latency(p90, threads=2)`) name only the limits that have these. A trailer counts
wherever it begins a line of a message: a squash merge leaves those of its commits in the middle.
"""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..demand.check import Catalogue as Checks
from ..errors import LimitError
from ..records.gone import REMOVED
from ..records.section import Catalogue as Sections
from ..records.types import TrailerEntry, TrailersEntry
from ..text import as_written, did_you_mean, shorten
from ..verdict.judge import Acceptance
from ..verdict.message import TRAILER
from ..verdict.units import Unit
from .git import BaseError, messages_since, toplevel

_LINE = re.compile(rf"^{TRAILER}[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.IGNORECASE | re.MULTILINE)
_AFTER_NAME = re.compile(
    r"\s+(?P<metric>[^\s:()<>=≤]+)\s*(?:\((?P<options>[^()]*)\)\s*)?(?:(?:<=|≤)(?P<limit>[^:]*))?:(?P<why>.*)",
    re.DOTALL,
)  # no two parts that follow each other take the same signs: a text may be long
SHOWN = 300  # characters of a trailer in a sentence
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_HOW = (
    f"{TRAILER}: <node id or subject, in quotes if it has spaces> <metric> [<= limit]: <why>, "
    f"or {TRAILER}: <node id> {REMOVED}: <why>"
)


class Catalogue(Sections, Checks, Protocol):
    """The checks, metrics and sections that there are."""


def trailers_since(path: Path, commit: str) -> TrailersEntry:
    """All that stand in commits from `commit` to HEAD of the repository that `path` is in; none without a commit."""
    if not commit:
        return {"problem": "", "found": []}
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
        return Acceptance(self.why, self.commit, self.limit, problem, self.line)

    def told(self, words: str) -> str:
        """A sentence about it: which commit, which line."""
        return (
            f"commit {self.commit[:12]}, line {self.line} ({TRAILER}: {shorten(self.text, SHOWN)}): {words}"
        )


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
        hint = did_you_mean(metric, catalogue.metrics) or f"there are {', '.join(catalogue.metrics)}"
        raise ValueError(f"there is no metric {as_written(metric)}; {hint}")
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


def _amount(text: str, unit: Unit) -> float:
    return unit.parse(text) if unit.words else unit.parse(float(text))


def _unit(metric: str, catalogue: Catalogue) -> Unit:
    """The unit of a relative limit's verdict: where base and head are timed in turns, that of the comparison."""
    for check in catalogue.checks.values():
        if check.paired and any(one.name == metric for one in check.metrics):
            return next(one.unit for one in check.metrics if one.nature == "comparison")
    return catalogue.metrics[metric].unit
