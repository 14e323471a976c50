"""The summary at the end of a run: checks by subject, the outcomes counted, and what changed since the base."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ..records.gone import NEXT, NO_LONGER, is_gone, removal_line
from ..records.outcome import BAD, shown_outcome
from ..records.section import Catalogue
from ..records.types import CheckEntry, FigureEntry, Record, SubjectChanges
from ..text import count, printable, shorten
from .rows import check_lines
from .text import change, change_lines, differing, headlines, sides

_COLOURS = {
    "fail": 31,
    "error": 31,
    "warn": 33,
    "inconclusive": 33,
    "not gated": 36,
    "accepted": 36,
    "expected": 36,
    "skipped": 36,
    "not run": 33,
}
QUIET = ("pass", "skipped", "not run")  # what only the counts tell of, unless all is asked for
MODULES = 12  # of a subject, with what changed in each
MOST = 40  # rows of what is not bad, and lines of a kind below them, unless all is asked for
BOLD = 1


def summary_lines(record: Record, width: int, color: bool = False, verbose: int = 0) -> list[str]:
    """The checks that somebody must look at, within `width` characters, then the counts; ANSI colours if `color`.

    `verbose`, as pytest counts it: from 1 on all checks are shown, and which limits of classes and modules a closer
    one replaced; below 0 (`-q`) only those that are bad, and the counts.
    """
    checks = record["checks"]
    lines = [
        _coloured(line, outcome, color) for line, outcome in check_lines(_chosen(checks, int(verbose)), width)
    ]
    left = len(_noteworthy(checks)) - MOST
    if left > 0 and verbose == 0:
        lines.append(f"  and {left:,} more that did not fail: -v shows all")
    counts = Counter(shown_outcome(check) for check in checks)
    lines.append(
        f"{count(len(checks), 'check')}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    )
    if verbose >= 0:
        lines += _notes(checks, verbose)
    lost = record["run"]["no_result"]
    lines += [f"no result (the process died): {printable(nodeid)}" for nodeid in lost]
    if record["run"]["waited"] >= 0.1:
        lines.append(f"timed checks waited {record['run']['waited']:.1f} s for each other")
    return lines


def _chosen(checks: Sequence[CheckEntry], verbose: int) -> list[CheckEntry]:
    if verbose > 0:
        return list(checks)
    bad = [check for check in checks if shown_outcome(check) in BAD]
    return bad + _noteworthy(checks)[:MOST] if verbose == 0 else bad


def _noteworthy(checks: Sequence[CheckEntry]) -> list[CheckEntry]:
    """What is not bad, and must be looked at all the same."""
    return [check for check in checks if shown_outcome(check) not in (*QUIET, *BAD)]


def _notes(checks: Sequence[CheckEntry], verbose: int) -> Iterator[str]:
    """What must be said of checks whatever their outcome; what a limit replaced where all is asked for."""
    caveats = [*dict.fromkeys((c["subject"], c["caveat"]) for c in checks if c["caveat"])]
    shown = len(caveats) if verbose else MOST
    yield from (f"! {printable(subject)}: {printable(caveat)}" for subject, caveat in caveats[:shown])
    if len(caveats) > shown:
        yield f"! and of {count(len(caveats) - shown, 'more subject')}: -v shows all"
    for how, n in Counter(check["protocol"] for check in checks if check["protocol"]).items():
        yield f"timed in turns with the base: {count(n, 'check')} by {printable(how)}"
    owned = [check for check in checks if check["outcome"] == "accepted" and check.get("accepted")]
    yield from (f"accepted: {_short_row(check)}" for check in owned)
    told = [(check, farther) for check in checks if verbose for farther in check.get("replaces", ())]
    yield from (f"{printable(c['nodeid'])}: {printable(_replaced(c, farther))}" for c, farther in told)


def _replaced(check: CheckEntry, farther: str) -> str:
    return f"{check['title']} {check['limit_text']} at {check['where']} replaces {farther}"


def _coloured(line: str, outcome: str, color: bool) -> str:
    """A row in the colour of its outcome; a subject's name, which has none, in bold."""
    code = _COLOURS.get(outcome) if outcome else BOLD
    return f"\x1b[{code}m{line}\x1b[0m" if color and code else line


def changes_lines(record: Record, catalogue: Catalogue, shown: int = 40) -> list[str]:
    """What changed since the base: figures by subject, the modules behind them, what could not be gated and why."""
    changes = record["changes"]
    if "error" in changes:
        return ["", f"the base could not be measured: {printable(changes['error'], keep=chr(10))}"]
    lines = [line for subject in changes["subjects"] for line in _subject_lines(subject, catalogue)]
    rest = [f"  and {len(lines) - shown} more lines, in the report"] if len(lines) > shown else []
    first = sorted(range(len(lines)), key=lambda place: not lines[place].always)[:shown]
    told = [lines[place].text for place in sorted(first)]
    loose = [check for check in record["checks"] if check["outcome"] == "not gated"]
    notes = [f"  not gated: {_short_row(check)}" for check in loose[:shown]]
    notes += [f"  no longer checked: {printable(name)}" for name in changes.get("gone", [])[:shown]]
    notes += [f"    {line}" for line in _gone_lines(record["checks"])[:shown]]
    notes += [f"  note: {printable(note)}" for note in changes.get("notes", [])]
    head = "changes since the base" if lines else "no changes since the base"
    if not changes["subjects"]:
        head = "nothing to compare with the base"
    commit = printable(changes["base"]["commit"][:12])
    always = [f"  {line}" for line in _unchanged_lines(changes["subjects"], catalogue)[:shown]]
    return ["", f"{head} {commit}".rstrip(), *told, *rest, *always, *notes]


def _unchanged_lines(subjects: Sequence[SubjectChanges], catalogue: Catalogue, most: int = 3) -> list[str]:
    """What is said of subjects that did not change, too; once for those of which it is the same."""
    names: dict[str, list[str]] = {}
    for subject in subjects if subjects else ():
        if subject["status"] == "unchanged":
            for line in change_lines(subject, catalogue, MODULES):
                if line.always:
                    names.setdefault(str(line), []).append(subject["name"])
    return [printable(f"{', '.join(few(found, most))}: {text}") for text, found in names.items()]


def few(names: Sequence[str], most: int) -> list[str]:
    """The first of them, and how many more there are."""
    rest = len(names) - most
    return [*names[:most], *([f"{count(rest, 'more subject')}"] if rest > 0 else [])]


def _gone_lines(checks: Sequence[CheckEntry]) -> list[str]:
    """What the base gated and this tree does not, with what to do: no test fails for it, which would say so."""
    tests: dict[str, list[CheckEntry]] = {}
    for check in filter(is_gone, checks):
        tests.setdefault(check["nodeid"], []).append(check)
    lines = []
    for nodeid, gone in tests.items():
        limits = dict.fromkeys(f"  {c['subject']} {c['title']}, {c['limit_text']}" for c in gone)
        lines += [f"{nodeid} {NO_LONGER} ({gone[0]['where']}):", *limits, NEXT, f"  {removal_line(nodeid)}"]
    return [printable(line) for line in lines]


def _short_row(check: CheckEntry) -> str:
    return printable(f"{check['subject']} {check['title']}: {check['reason']}")


class _Told(NamedTuple):
    """A line, and whether it stays where there are too many."""

    text: str
    always: bool = False


def _subject_lines(subject: SubjectChanges, catalogue: Catalogue) -> list[_Told]:
    """The subject with its headline, below it what changed; nothing for an unchanged one."""
    if subject["status"] == "unchanged":
        return []
    gist = ", ".join(line.text for line in headlines(subject, catalogue))
    was = f", called {subject['from']} at the base" if "from" in subject else ""
    told = [line for line in change_lines(subject, catalogue, MODULES) if not line.is_headline]
    head = f"{subject['name']}: {gist or subject['status']}{was}"
    lines = [_Told(head, any(line.always for line in told))]
    lines += [_Told(f"  {line}") for line in _figure_lines(subject, catalogue)]
    lines += [_Told(f"  {line}", line.always) for line in told]
    return [_Told(f"  {printable(text)}", always) for text, always in lines]


def _figure_lines(subject: SubjectChanges, catalogue: Catalogue) -> list[str]:
    if subject["status"] in ("new", "removed"):
        return []
    rows = differing(subject["metrics"], catalogue)
    titles = [shorten(row["title"], 44) for row in rows]
    wide = max(map(len, titles), default=0)
    return [
        f"{title:<{wide}}  {_sides(row, catalogue)}".rstrip() for title, row in zip(titles, rows, strict=True)
    ]


def _sides(row: FigureEntry, catalogue: Catalogue) -> str:
    if "note" in row:
        return row["note"]
    base, head = sides(catalogue, row)
    return f"{base} -> {head}  {change(row['share'])}"
