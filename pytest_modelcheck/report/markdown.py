"""A record, and what changed since the base, in Markdown: for a job summary, a comment, a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from ..records.causes import causes
from ..records.compare import RegressionEntry
from ..records.outcome import BAD, bad_checks, is_red, other_failures, shown_outcome
from ..records.section import Catalogue
from ..records.types import Changes, CheckEntry, Record, RunEntry
from ..text import count as _count
from ..verdict.units import RATIO
from .blocks import ROWS, folded
from .blocks import fit as fit
from .blocks import table as table
from .causes import effect
from .markdown_causes import cause_blocks
from .markdown_changes import changes_blocks, changes_tables, figures, gravest_first
from .neutral import code, fenced, html_code, words
from .standing import standing
from .text import SYMBOLS, also_failed, ended, failure_line

MAX_BYTES = 1_000_000  # GitHub takes job summaries below 1 MiB
MARKER = "<!-- pytest-modelcheck -->"  # finds the comment again that is to be replaced
UNDECIDED = {
    "warn": "Warnings",
    "inconclusive": "Inconclusive",
    "not gated": "Not gated",
    "accepted": "Accepted",
    "expected": "Expected",
    "skipped": "Skipped",
    "not run": "Not run",
}


def record_markdown(
    record: Record, catalogue: Catalogue, *, max_bytes: int = MAX_BYTES, link: str = ""
) -> str:
    """The verdict; what broke, and what to do; what changed (where the record knows); what is not gated; then, folded,
    all that was measured. What comes last is left out first.
    """
    failed, found = bad_checks(record), causes(record, catalogue)
    changes = record.get("changes")
    if changes is not None:
        changes = gravest_first(changes, (entry["name"] for cause in found for entry in cause.subjects))
    blocks = [_headline(record), link, *cause_blocks(found, record, catalogue)]
    blocks += changes_blocks(changes, catalogue) if changes is not None else ()
    others = [check for check in record["checks"] if shown_outcome(check) not in BAD]
    blocks += _undecided(others, catalogue)
    blocks += [folded(title, text) for title, text in (_checks(failed, "failed"), _checks(others)) if text]
    blocks += _failures([*failed, *(check for check in others if check["outcome"] == "fail")])
    blocks += changes_tables(changes, catalogue) if changes is not None else ()
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
    blocks += [*changes_blocks(changes, catalogue), *changes_tables(changes, catalogue)]
    blocks += [f"### What failed\n\n{_checks(failed)[1]}"] if failed else []
    blocks += [*_failures(failed), *_other_failures(head)]
    return fit(blocks, max_bytes)


def _headline(record: Record) -> str:
    failed, checks = bad_checks(record), record["checks"]
    counts = Counter(shown_outcome(check) for check in checks)
    number = _count(len(checks), "check")
    text = f"{len(failed)} of {number} failed" if failed else f"{number}, none failed{_but(record, failed)}"
    lines = [f"## {'✗' if is_red(record) else '✓'} Model check: {text}"]
    rest = [_counted(n, outcome) for outcome, n in counts.items() if outcome not in ("pass", "fail", "error")]
    rest += [also_failed(record)] if failed and also_failed(record) else []
    lines += [", ".join(rest)] if rest else []
    return "\n\n".join([*lines, *_lost(record["run"])])


def _counted(n: int, outcome: str) -> str:
    return _count(n, "warning") if outcome == "warn" else f"{n:,} {outcome}"


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


def _checks(checks: Sequence[CheckEntry], kind: str = "") -> tuple[str, str]:
    """A title for them as HTML, and their table; both empty where there are none."""
    rows = [
        (
            f"{SYMBOLS[outcome]} {outcome}",
            code(check["subject"] or "?"),
            words(check["title"]),
            words(check["value_text"]),
            words(check["limit_text"]),
            words(standing(check).words),
        )
        for check in checks
        for outcome in [shown_outcome(check)]
    ]
    if not rows:
        return "", ""
    title = f"All {_count(len(rows), 'check')} that {kind}" if kind else _count(len(rows), "other check")
    return title, table(("", "subject", "metric", "value", "limit", ""), rows)


def _failures(failed: Sequence[CheckEntry], shown: int = 20) -> Iterator[str]:
    """What the checks say in full, subject by subject."""
    found: dict[str, list[CheckEntry]] = {}
    for check in failed[:shown]:
        found.setdefault(check["subject"], []).append(check)
    for subject, checks in found.items():
        title = f"{html_code(subject or '?')}: {_count(len(checks), 'check')} in full"
        yield folded(title, "\n\n".join(fenced(check["message"][:10_000]) for check in checks))
    if len(failed) > shown:
        yield f"and {len(failed) - shown:,} more failures in the report"


def _undecided(checks: Sequence[CheckEntry], catalogue: Catalogue) -> Iterator[str]:
    """Warnings, and why checks did not decide: those of a subject with one reason in one line."""
    for outcome, title in UNDECIDED.items():
        found: dict[tuple[str, str], list[str]] = {}
        for check in checks:
            if shown_outcome(check) == outcome:
                reason = check["reason"] if outcome != "warn" else ""
                said = check["title"] if reason else effect(check, catalogue)
                found.setdefault((check["subject"], reason), []).append(said)
        lines = [f"- {_line(*key, told)}" for key, told in found.items()]
        lines[ROWS:] = [f"- and {len(lines) - ROWS:,} more"] if len(lines) > ROWS else []
        if lines:
            yield f"{title}:\n\n" + "\n".join(lines)


def _line(subject: str, reason: str, told: Iterable[str]) -> str:
    listed = ", ".join(words(text, 300) for text in dict.fromkeys(told))
    return f"{code(subject or '?')} {listed}" + (f": {words(reason, 300)}" if reason else "")


def _risen(rows: Sequence[RegressionEntry], catalogue: Catalogue) -> str:
    cells = [
        (*figures(row["subject"], row, catalogue), f"max {RATIO.format(row['max_regression'], 3)}")
        for row in rows
    ]
    return "### Above the limit\n\n" + table(
        ("subject", "metric", "base", "head", "change", "allowed"), cells, "lllrrr"
    )
