"""A record, and what changed since the base, in Markdown: for a job summary, a comment, a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from ..records.compare import RegressionEntry
from ..records.outcome import bad_checks, is_red, other_failures, shown_outcome
from ..records.section import Catalogue, Cell, Line, Table
from ..records.types import Changes, CheckEntry, FigureEntry, Record, RunEntry, SubjectChanges
from ..text import count as _count
from ..verdict.units import RATIO
from .neutral import code, fenced, html_code, words
from .text import (
    SYMBOLS,
    besides,
    change,
    change_lines,
    differing,
    ended,
    failure_line,
    headroom_text,
    sides,
)

MAX_BYTES = 1_000_000  # GitHub takes job summaries below 1 MiB
ROWS = 60
MODULES = 5  # of a subject, with what changed in each
MARKER = "<!-- pytest-modelcheck -->"  # finds the comment again that is to be replaced


def record_markdown(
    record: Record, catalogue: Catalogue, *, max_bytes: int = MAX_BYTES, link: str = ""
) -> str:
    """The verdict, what failed and why, what changed (where the record knows), the other checks."""
    failed = bad_checks(record)
    blocks = [_headline(record), link]
    blocks += [*_checks(failed, "What failed"), *_failures(failed), *_other_failures(record)]
    if "changes" in record:
        blocks += changes_blocks(record["changes"], catalogue)
    others = [check for check in record["checks"] if check not in failed]
    blocks += _checks(others, "Other checks" if failed else "Checks")
    blocks += _failures([check for check in others if check["outcome"] == "fail"])  # at level="warn"
    blocks += _loose(others)
    return fit(blocks, max_bytes)


def comparison_markdown(
    changes: Changes,
    catalogue: Catalogue,
    risen: Sequence[RegressionEntry],
    loose: Sequence[RegressionEntry],
    base: Record,
    head: Record,
    max_bytes: int = MAX_BYTES,
) -> str:
    """A comparison: breaches, what else made the head's run red, what no limit could gate (`loose`), all that changed.

    That the base's run was red is a note.
    """
    failed = bad_checks(head)
    breaches, run = len(failed) + len(risen), head["run"]
    mark = "✗" if breaches or is_red(head) else "✓"
    blocks = [f"## {mark} Model check: {_count(breaches, 'breach', 'breaches')}{_but(head, failed)}"]
    blocks += _lost(run)
    blocks += [f"The run of the base was red: {ended(base['run'])}"] if is_red(base) else []
    blocks += [_risen(risen, catalogue)] if risen else []
    pairs = [f"{code(row['subject'])} {words(row['title'])}" for row in loose[:ROWS]]
    blocks += [f"Not gated, one side has no value: {', '.join(pairs)}"] if pairs else []
    blocks += changes_blocks(changes, catalogue)
    blocks += [*_checks(failed, "What failed"), *_failures(failed), *_other_failures(head)]
    return fit(blocks, max_bytes)


def fit(blocks: Iterable[str], max_bytes: int) -> str:
    """The blocks, an empty line between them; whole blocks that do not fit are left out, and it says so."""
    kept: list[str] = []
    room, left_out = max_bytes - 200, 0
    for block in filter(None, blocks):
        size = len(block.encode("utf-8", "replace")) + 2
        if size <= room:
            kept.append(block)
            room -= size
        else:
            left_out += 1
    if left_out:
        kept.append(f"_{_count(left_out, 'part')} left out for size; the report has them all._")
    return "\n\n".join(kept) + "\n"


def changes_blocks(changes: Changes, catalogue: Catalogue) -> Iterator[str]:
    """What changed: a table of figures, then per subject its modules and its structure."""
    yield f"### Changes since the base{_revisions(changes)}"
    if "error" in changes:
        yield fenced(changes["error"])
        return
    rows = [row for subject in changes["subjects"] for row in _metric_rows(subject, catalogue)]
    yield (
        table(("subject", "metric", "base", "head", "change"), rows, "llrrr")
        if rows
        else ("No figure changed." if changes["subjects"] else "Nothing to compare.")
    )
    for subject in changes["subjects"]:
        if subject["status"] == "changed":
            yield from _subject_blocks(subject, catalogue)
    gone = changes.get("gone", [])
    if gone:
        yield f"No longer checked: {', '.join(code(name) for name in gone[:ROWS])}"
    for note in changes.get("notes", []):
        yield fenced(note)
    if changes["environment"]:
        listed = [
            (words(e["name"]), words(e["base"] or "–"), words(e["head"] or "–"))
            for e in changes["environment"]
        ]
        yield "The two runs differ in more than their sources:\n\n" + table(("", "base", "head"), listed)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], align: str = "") -> str:
    """A table of cells that are Markdown already; long ones end with how many rows are missing."""
    rules = ["--:" if kind == "r" else "---" for kind in align.ljust(len(columns), "l")[-len(columns) :]]
    lines = [f"| {' | '.join(cells)} |" for cells in (columns, rules, *rows[:ROWS])]
    if len(rows) > ROWS:
        lines.append(f"\nand {len(rows) - ROWS:,} more")
    return "\n".join(lines)


def _headline(record: Record) -> str:
    failed, checks = bad_checks(record), record["checks"]
    counts = Counter(shown_outcome(check) for check in checks)
    number = _count(len(checks), "check")
    text = f"{len(failed)} of {number} failed" if failed else f"{number}, none failed{_but(record, failed)}"
    lines = [f"## {'✗' if is_red(record) else '✓'} Model check: {text}"]
    rest = [f"{n} {outcome}" for outcome, n in counts.items() if outcome not in ("pass", "fail", "error")]
    rest += [besides(record)] if failed and besides(record) else []
    lines += [", ".join(rest)] if rest else []
    return "\n\n".join([*lines, *_lost(record["run"])])


def _but(record: Record, failed: Sequence[CheckEntry]) -> str:
    """What made a run red in which no check failed."""
    return f", but the run did: {ended(record['run'])}" if is_red(record) and not failed else ""


def _other_failures(record: Record, shown: int = 20) -> Iterator[str]:
    """What failed without a check that says why."""
    found = other_failures(record)
    lines = [f"- {code(failure['nodeid'])} {words(failure_line(failure), 300)}" for failure in found[:shown]]
    lines += [f"- and {len(found) - shown:,} more in the report"] if len(found) > shown else []
    if lines:
        yield "### What else failed\n\n" + "\n".join(lines)


def _lost(run: RunEntry) -> Iterator[str]:
    for nodeid in run["no_result"][:ROWS]:
        yield f"No result, the process died: {code(nodeid)}"
    if run["interrupted"]:
        yield "The run was interrupted."


def _checks(checks: Sequence[CheckEntry], title: str) -> Iterator[str]:
    rows = [
        (
            f"{SYMBOLS[outcome]} {outcome}",
            code(check["subject"] or "?"),
            words(check["title"]),
            words(check["value_text"]),
            words(check["limit_text"]),
            headroom_text(check["headroom"]),
        )
        for check in checks
        for outcome in [shown_outcome(check)]
    ]
    if rows:
        yield f"### {title}\n\n" + table(("", "subject", "metric", "value", "limit", ""), rows)


def _failures(failed: Sequence[CheckEntry], shown: int = 20) -> Iterator[str]:
    for check in failed[:shown]:
        title = html_code(f"{check['subject'] or '?'} {check['title']}")
        yield f"<details><summary>{title}</summary>\n\n{fenced(check['message'][:10_000])}\n\n</details>"
    if len(failed) > shown:
        yield f"and {len(failed) - shown:,} more failures in the report"


def _loose(checks: Sequence[CheckEntry]) -> Iterator[str]:
    """Why checks did not decide, where there is more to say than the outcome."""
    for outcome in ("not gated", "accepted", "expected", "skipped"):
        told = [check for check in checks if check["outcome"] == outcome and check["reason"]]
        lines = [
            f"- {code(c['subject'])} {words(c['title'])}: {words(c['reason'], 300)}" for c in told[:ROWS]
        ]
        if lines:
            yield f"{outcome.capitalize()}:\n\n" + "\n".join(lines)


def _risen(rows: Sequence[RegressionEntry], catalogue: Catalogue) -> str:
    cells = [
        (*_figures(row["subject"], row, catalogue), f"max {RATIO.format(row['max_regression'], 3)}")
        for row in rows
    ]
    return "### Above the limit\n\n" + table(
        ("subject", "metric", "base", "head", "change", "allowed"), cells, "lllrrr"
    )


def _metric_rows(subject: SubjectChanges, catalogue: Catalogue) -> list[tuple[str, ...]]:
    if subject["status"] in ("new", "removed"):
        return [(code(subject["name"]), f"**{subject['status']}**", "", "", "")]
    return [_figures(subject["name"], row, catalogue) for row in differing(subject["metrics"], catalogue)]


def _figures(subject: str, row: FigureEntry, catalogue: Catalogue) -> tuple[str, ...]:
    values = map(words, sides(catalogue, row))
    return (code(subject), words(row["title"]), *values, change(row["share"]) or words(row.get("note", "")))


def _subject_blocks(subject: SubjectChanges, catalogue: Catalogue) -> Iterator[str]:
    """What changed in few words, then the tables behind it, folded."""
    told = [f"was called {code(subject['from'])} at the base"] if "from" in subject else []
    told += [_told(line) for line in change_lines(subject, catalogue, MODULES)]
    if told:
        yield f"{code(subject['name'])}\n\n" + "\n".join(f"- {line}" for line in told)
    for section in catalogue.sections.values():
        if section.changes is not None:
            for found in section.changes.tables(cast("Mapping[str, Any]", subject)):
                yield _folded(subject["name"], found)


def _folded(name: str, found: Table) -> str:
    size = len(found.rows) if found.size is None else found.size
    head = f"{html_code(name)}: {_count(size, *found.title)}"
    rows = [[_cell(cell) for cell in row] for row in found.rows]
    return f"<details><summary>{head}</summary>\n\n{table(found.columns, rows, found.align)}\n\n</details>"


def _cell(cell: Cell) -> str:
    return code(cell.text) if cell.code and cell.text else words(cell.text)


def _told(line: Line) -> str:
    """Our own words with names of the user's in them."""
    text = _plain(line.text) if line.name or not line.detail else line.text
    parts = [f"**{text}**" if line.strong else text, _plain(line.detail) if line.detail else ""]
    names = ", ".join(map(code, line.names[:MODULES]))
    return ": ".join(part for part in (code(line.name) if line.name else "", *parts, names) if part)


def _plain(text: str) -> str:
    return words(text.replace(" -> ", " → "), 300)


def _revisions(changes: Changes) -> str:
    sides = [side["commit"][:12] for side in (changes["base"], changes["head"])]
    return f": {code(sides[0])} → {code(sides[1])}" if all(sides) else ""
