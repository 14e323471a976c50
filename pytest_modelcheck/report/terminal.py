"""The summary at the end of a run: one table, and the outcomes counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..text import printable, shorten
from ..verdict.judge import ROOT
from ..verdict.units import RATIO
from .text import (
    FAR,
    SYMBOLS,
    amount,
    by_module,
    change,
    change_words,
    count,
    differing,
    graph_words,
    heatmap_words,
    onnx_words,
    shown_outcome,
    slowdown_words,
    weights_words,
)

COLUMNS = ("subject", "metric", "value", "limit", "headroom", "outcome")
_COLOURS = {"pass": 32, "fail": 31, "error": 31, "warn": 33, "inconclusive": 33, "not gated": 36}
GAP = 2


def summary_lines(record: Mapping[str, Any], width: int, color: bool = False) -> list[str]:
    """The table of all checks within `width` characters, then the counts; ANSI colours if `color`."""
    checks = record["checks"]
    rows = [_row(check) for check in checks]
    widths = _widths([COLUMNS, *rows], width)
    lines = [_line(COLUMNS, widths)]
    lines += [
        _coloured(_line(row, widths), shown_outcome(check), color)
        for row, check in zip(rows, checks, strict=True)
    ]
    counts = Counter(shown_outcome(check) for check in checks)
    lines.append(
        f"{count(len(checks), 'check')}: " + ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    )
    caveats = dict.fromkeys((c["subject"], c["caveat"]) for c in checks if c.get("caveat"))
    lines += [f"! {printable(subject)}: {printable(caveat)}" for subject, caveat in caveats]
    protocols = Counter(check["protocol"] for check in checks if check.get("protocol"))
    lines += [
        f"timed in turns with the base: {count(n, 'check')} by {printable(how)}"
        for how, n in protocols.items()
    ]
    lost = record["run"].get("no_result", [])
    lines += [f"no result (the process died): {printable(nodeid)}" for nodeid in lost]
    if record["run"].get("waited", 0) >= 0.1:
        lines.append(f"timed checks waited {record['run']['waited']:.1f} s for each other")
    return lines


def _row(check: Mapping[str, Any]) -> tuple[str, ...]:
    outcome = shown_outcome(dict(check))
    cells = (
        check["subject"] or "?",
        check.get("title") or check["metric"],
        check["value_text"],
        check["limit_text"],
        _headroom(check["headroom"]),
        f"{SYMBOLS.get(outcome, '')} {outcome}".strip(),
    )
    return tuple(printable(str(cell)) for cell in cells)


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
    cells = [shorten(cell, w).ljust(w) for cell, w in zip(row, widths, strict=True)]
    return (" " * GAP).join(cells).rstrip()


def _headroom(share: float | None) -> str:
    """The share of the limit that is free; far beyond it, how many times the limit."""
    if share is None:
        return ""
    return f"{1 - share:,.0f} x limit" if share < FAR else RATIO.format(share, 3)


def _coloured(line: str, outcome: str, color: bool) -> str:
    code = _COLOURS.get(outcome)
    return f"\x1b[{code}m{line}\x1b[0m" if color and code and outcome != "pass" else line


def changes_lines(record: Mapping[str, Any], shown: int = 40) -> list[str]:
    """What changed since the base: figures by subject, the modules behind them, what could not be gated and why."""
    changes = record["changes"]
    if changes.get("error"):
        return ["", f"the base could not be measured: {printable(changes['error'], keep=chr(10))}"]
    lines = [line for subject in changes["subjects"] for line in _subject_lines(subject)]
    rest = [f"  and {len(lines) - shown} more lines, in the report"] if len(lines) > shown else []
    loose = [check for check in record["checks"] if check["outcome"] == "not gated"]
    notes = [f"  not gated: {_short_row(check)}" for check in loose[:shown]]
    notes += [f"  no longer checked: {printable(name)}" for name in changes.get("gone", [])[:shown]]
    notes += [f"  note: {printable(note)}" for note in changes.get("notes", [])]
    head = "changes since the base" if lines else "no changes since the base"
    if not changes["subjects"]:
        head = "nothing to compare with the base"
    commit = printable(changes["base"]["commit"][:12])
    return ["", f"{head} {commit}".rstrip(), *lines[:shown], *rest, *notes]


def _short_row(check: Mapping[str, Any]) -> str:
    return printable(f"{check['subject']} {check['title']}: {check.get('reason', '')}")


def _subject_lines(subject: Mapping[str, Any]) -> list[str]:
    """The subject with its graph in words, below it what changed; nothing for an unchanged one."""
    if subject["status"] == "unchanged":
        return []
    graph = graph_words(subject.get("graph", {}))
    was = f", called {subject['from']} at the base" if subject.get("from") else ""
    lines = [f"{subject['name']}: {graph or subject['status']}{was}"]
    lines += [f"  {line}" for line in (*_figure_lines(subject), *_part_lines(subject))]
    return [f"  {printable(line)}" for line in lines]


def _figure_lines(subject: Mapping[str, Any]) -> list[str]:
    if subject["status"] in ("new", "removed"):
        return []
    rows = differing(subject["metrics"])
    titles = [shorten(row["title"], 44) for row in rows]
    wide = max(map(len, titles), default=0)
    return [
        f"{title:<{wide}}  {amount(row['unit'], row['base'])} -> {amount(row['unit'], row['head'])}"
        f"  {change(row['share'])}".rstrip()
        for title, row in zip(titles, rows, strict=True)
    ]


def _part_lines(subject: Mapping[str, Any], shown: int = 12) -> list[str]:
    modules = by_module(subject.get("structure", []))
    lines = [f"{path or ROOT}: {', '.join(map(change_words, rows))}" for path, rows in modules[:shown]]
    lines += [f"and changes in {len(modules) - shown:,} more modules"] if len(modules) > shown else []
    lines += [slowdown_words(row) for row in subject.get("slowdowns", [])]
    lines += [f"ONNX: {', '.join(onnx_words(row))}" for row in subject.get("onnx", [])]
    lines += [": ".join(heatmap_words(row)) for row in subject.get("heatmaps", [])]
    lines += [weights_words(subject["weights"])] if subject.get("weights") else []
    return lines
