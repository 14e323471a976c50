"""The summary at the end of a run: one table, and the outcomes counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ..records.gone import NEXT, NO_LONGER, is_gone, removal_line
from ..records.outcome import shown_outcome
from ..records.section import Catalogue
from ..records.types import CheckEntry, FigureEntry, Record, SubjectChanges
from ..text import count, printable, shorten, shorten_subject
from ..verdict.units import RATIO
from .text import FAR, SYMBOLS, change, change_lines, differing, headlines, sides

COLUMNS = ("subject", "metric", "value", "limit", "headroom", "outcome")
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
UNSEEN = ("skipped", "not run")
GAP = 2
MODULES = 12  # of a subject, with what changed in each


def summary_lines(record: Record, width: int, color: bool = False, verbose: bool = False) -> list[str]:
    """The table of all checks within `width` characters, then the counts; ANSI colours if `color`.

    Checks that pytest skipped, or never came to, are counted. `verbose`: the table has them too, and it is told
    which limits of classes and modules a closer one replaced.
    """
    checks = record["checks"]
    lines = _table([c for c in checks if verbose or c["outcome"] not in UNSEEN], width, color)
    counts = Counter(shown_outcome(check) for check in checks)
    lines.append(
        f"{count(len(checks), 'check')}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    )
    caveats = dict.fromkeys((c["subject"], c["caveat"]) for c in checks if c["caveat"])
    lines += [f"! {printable(subject)}: {printable(caveat)}" for subject, caveat in caveats]
    protocols = Counter(check["protocol"] for check in checks if check["protocol"])
    lines += [
        f"timed in turns with the base: {count(n, 'check')} by {printable(how)}"
        for how, n in protocols.items()
    ]
    owned = [check for check in checks if check["outcome"] == "accepted" and check.get("accepted")]
    lines += [f"accepted: {_short_row(check)}" for check in owned]
    told = [(check, farther) for check in checks if verbose for farther in check.get("replaces", ())]
    lines += [f"{printable(c['nodeid'])}: {printable(_replaced(c, farther))}" for c, farther in told]
    lost = record["run"]["no_result"]
    lines += [f"no result (the process died): {printable(nodeid)}" for nodeid in lost]
    if record["run"]["waited"] >= 0.1:
        lines.append(f"timed checks waited {record['run']['waited']:.1f} s for each other")
    return lines


def _table(checks: Sequence[CheckEntry], width: int, color: bool) -> list[str]:
    rows = [_row(check) for check in checks]
    if not rows:
        return []
    widths = _widths([COLUMNS, *rows], width)
    told = [
        _coloured(_line(row, widths), shown_outcome(check), color)
        for row, check in zip(rows, checks, strict=True)
    ]
    return [_line(COLUMNS, widths), *told]


def _replaced(check: CheckEntry, farther: str) -> str:
    return f"{check['title']} {check['limit_text']} at {check['where']} replaces {farther}"


def _row(check: CheckEntry) -> tuple[str, ...]:
    outcome = shown_outcome(check)
    cells = (
        check["subject"] or "?",
        check["title"] or check["metric"],
        check["value_text"],
        _limit(check),
        _headroom(check["headroom"]),
        f"{SYMBOLS.get(outcome, '')} {outcome}".strip(),
    )
    return tuple(printable(str(cell)) for cell in cells)


def _limit(check: CheckEntry) -> str:
    """In as few words as a column holds: what is above the base, as `base + 2 %`."""
    share = check.get("max_regression")
    return f"base + {RATIO.format(share)}" if isinstance(share, (int, float)) else check["limit_text"]


def _widths(table: Sequence[Sequence[str]], width: int) -> list[int]:
    """Each column as wide as its longest cell; the first ones give way where the line would not fit."""
    widths = [max(len(row[i]) for row in table) for i in range(len(COLUMNS))]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    for column in (0, 1, 3, 2):
        give = max(0, min(excess, widths[column] - 12))
        widths[column] -= give
        excess -= give
    return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    short = [shorten_subject(row[0], widths[0]), *map(shorten, row[1:], widths[1:])]
    cells = [cell.ljust(width) for cell, width in zip(short, widths, strict=True)]
    return (" " * GAP).join(cells).rstrip()


def _headroom(share: float | None) -> str:
    """The share of the limit that is free; far beyond it, how many times the limit."""
    if share is None:
        return ""
    return f"{1 - share:,.0f} x limit" if share < FAR else RATIO.format(share, 3)


def _coloured(line: str, outcome: str, color: bool) -> str:
    code = _COLOURS.get(outcome)
    return f"\x1b[{code}m{line}\x1b[0m" if color and code and outcome != "pass" else line


def changes_lines(record: Record, catalogue: Catalogue, shown: int = 40) -> list[str]:
    """What changed since the base: figures by subject, the modules behind them, what could not be gated and why."""
    changes = record["changes"]
    if "error" in changes:
        return ["", f"the base could not be measured: {printable(changes['error'], keep=chr(10))}"]
    lines = [line for subject in changes["subjects"] for line in _subject_lines(subject, catalogue)]
    rest = [f"  and {len(lines) - shown} more lines, in the report"] if len(lines) > shown else []
    loose = [check for check in record["checks"] if check["outcome"] == "not gated"]
    notes = [f"  not gated: {_short_row(check)}" for check in loose[:shown]]
    notes += [f"  no longer checked: {printable(name)}" for name in changes.get("gone", [])[:shown]]
    notes += [f"    {line}" for line in _gone_lines(record["checks"])[:shown]]
    notes += [f"  note: {printable(note)}" for note in changes.get("notes", [])]
    head = "changes since the base" if lines else "no changes since the base"
    if not changes["subjects"]:
        head = "nothing to compare with the base"
    commit = printable(changes["base"]["commit"][:12])
    return ["", f"{head} {commit}".rstrip(), *lines[:shown], *rest, *notes]


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


def _subject_lines(subject: SubjectChanges, catalogue: Catalogue) -> list[str]:
    """The subject with its headline, below it what changed; nothing for an unchanged one."""
    if subject["status"] == "unchanged":
        return []
    gist = ", ".join(line.text for line in headlines(subject, catalogue))
    was = f", called {subject['from']} at the base" if "from" in subject else ""
    lines = [f"{subject['name']}: {gist or subject['status']}{was}"]
    told = [str(line) for line in change_lines(subject, catalogue, MODULES) if not line.is_headline]
    lines += [f"  {line}" for line in (*_figure_lines(subject, catalogue), *told)]
    return [f"  {printable(line)}" for line in lines]


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
