"""A record, and what changed since the base, in Markdown: for a job summary, a comment, a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..verdict.judge import ROOT
from ..verdict.units import MACS, PARAMS, RATIO
from .neutral import code, fenced, html_code, words
from .text import (
    SYMBOLS,
    amount,
    by_module,
    change,
    change_words,
    differing,
    graph_words,
    headroom_text,
    heatmap_words,
    onnx_words,
    shown_outcome,
    slowdown_words,
    weights_words,
)
from .text import count as _count

MAX_BYTES = 1_000_000  # GitHub takes job summaries below 1 MiB
ROWS = 60
MARKER = "<!-- pytest-modelcheck -->"  # finds the comment again that is to be replaced


def record_markdown(record: Mapping[str, Any], *, max_bytes: int = MAX_BYTES, link: str = "") -> str:
    """The verdict, what failed and why, what changed (where the record knows), the other checks."""
    checks = record["checks"]
    failed = [check for check in checks if shown_outcome(check) in ("fail", "error")]
    blocks = [_headline(checks, record["run"]), link]
    blocks += [*_checks(failed, "What failed"), *_failures(failed)]
    if record.get("changes"):
        blocks += changes_blocks(record["changes"])
    others = [check for check in checks if shown_outcome(check) not in ("fail", "error")]
    blocks += _checks(others, "Other checks" if failed else "Checks")
    blocks += _failures([check for check in others if check["outcome"] == "fail"])  # at level="warn"
    blocks += _loose(others)
    return fit(blocks, max_bytes)


def comparison_markdown(
    changes: Mapping[str, Any],
    failed: Sequence[Any],
    risen: Sequence[Any],
    loose: Sequence[Any],
    run: Mapping[str, Any],
    max_bytes: int = MAX_BYTES,
) -> str:
    """A comparison: breaches, what the `run` of the head lost, what no limit could gate (`loose`), all that changed."""
    breaches, lost = len(failed) + len(risen), [*_lost(run)]
    blocks = [f"## {'✗' if breaches or lost else '✓'} Model check: {_count(breaches, 'breach', 'breaches')}"]
    blocks += lost
    blocks += [_risen(risen)] if risen else []
    pairs = [f"{code(row['subject'])} {words(row['title'])}" for row in loose[:ROWS]]
    blocks += [f"Not gated, one side has no value: {', '.join(pairs)}"] if pairs else []
    blocks += changes_blocks(changes)
    blocks += [*_checks(failed, "What failed"), *_failures(failed)]
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


def changes_blocks(changes: Mapping[str, Any]) -> Iterator[str]:
    """What changed: a table of figures, then per subject its modules and its structure."""
    yield f"### Changes since the base{_revisions(changes)}"
    if changes.get("error"):
        yield fenced(changes["error"])
        return
    rows = [row for subject in changes["subjects"] for row in _metric_rows(subject)]
    yield (
        table(("subject", "metric", "base", "head", "change"), rows, "llrrr")
        if rows
        else "No figure changed."
    )
    for subject in changes["subjects"]:
        if subject["status"] == "changed":
            yield from _subject_blocks(subject)
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


def _headline(checks: Sequence[Any], run: Mapping[str, Any]) -> str:
    counts = Counter(shown_outcome(check) for check in checks)
    bad = counts["fail"] + counts["error"]
    text = (
        f"{bad} of {_count(len(checks), 'check')} failed"
        if bad
        else f"{_count(len(checks), 'check')}, none failed"
    )
    lost = [*_lost(run)]
    lines = [f"## {'✗' if bad or lost else '✓'} Model check: {text}"]
    rest = [f"{n} {outcome}" for outcome, n in counts.items() if outcome not in ("pass", "fail", "error")]
    lines += [", ".join(rest)] if rest else []
    return "\n\n".join([*lines, *lost])


def _lost(run: Mapping[str, Any]) -> Iterator[str]:
    for nodeid in run.get("no_result", [])[:ROWS]:
        yield f"No result, the process died: {code(nodeid)}"
    if run.get("interrupted"):
        yield "The run was interrupted."


def _checks(checks: Sequence[Any], title: str) -> Iterator[str]:
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


def _failures(failed: Sequence[Any], shown: int = 20) -> Iterator[str]:
    for check in failed[:shown]:
        title = html_code(f"{check['subject'] or '?'} {check['title']}")
        yield f"<details><summary>{title}</summary>\n\n{fenced(check['message'][:10_000])}\n\n</details>"
    if len(failed) > shown:
        yield f"and {len(failed) - shown:,} more failures in the report"


def _loose(checks: Sequence[Any]) -> Iterator[str]:
    """Why checks were not gated, where there is more to say than that there was no base."""
    told = [check for check in checks if check["outcome"] == "not gated" and check.get("reason")]
    lines = [f"- {code(c['subject'])} {words(c['title'])}: {words(c['reason'], 300)}" for c in told[:ROWS]]
    if lines:
        yield "Not gated:\n\n" + "\n".join(lines)


def _risen(rows: Sequence[Any]) -> str:
    cells = [
        (*_figures(row["subject"], row), f"max {RATIO.format(row['max_regression'], 3)}") for row in rows
    ]
    return "### Above the limit\n\n" + table(
        ("subject", "metric", "base", "head", "change", "allowed"), cells, "lllrrr"
    )


def _metric_rows(subject: Mapping[str, Any]) -> list[tuple[str, ...]]:
    if subject["status"] in ("new", "removed"):
        return [(code(subject["name"]), f"**{subject['status']}**", "", "", "")]
    return [_figures(subject["name"], row) for row in differing(subject["metrics"])]


def _figures(subject: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    values = (words(amount(row["unit"], row[side])) for side in ("base", "head"))
    return (code(subject), words(row["title"]), *values, change(row["share"]))


def _subject_blocks(subject: Mapping[str, Any]) -> Iterator[str]:
    """What changed in few words, then the tables behind it, folded."""
    told = [*_told(subject)]
    if told:
        yield f"{code(subject['name'])}\n\n" + "\n".join(f"- {line}" for line in told)
    for key, (title, columns, align, cells) in _TABLES.items():
        rows = [cells(row) for row in subject.get(key, [])]
        if rows:
            head = f"{html_code(subject['name'])}: {_count(len(rows), *title)}"
            yield f"<details><summary>{head}</summary>\n\n{table(columns, rows, align)}\n\n</details>"


def _told(subject: Mapping[str, Any], shown: int = 5) -> Iterator[str]:
    if subject.get("from"):
        yield f"was called {code(subject['from'])} at the base"
    if subject.get("graph"):
        yield words(graph_words(subject["graph"]))
    for row in subject.get("slowdowns", []):
        told = words(slowdown_words(row))
        yield f"**{told}**" if row["moved"] else told
    modules = by_module(subject.get("structure", []))
    for path, rows in modules[:shown]:
        yield f"{code(path or ROOT)}: {', '.join(_told_words(change_words(row)) for row in rows)}"
    if len(modules) > shown:
        yield f"and changes in {len(modules) - shown:,} more modules"
    for row in subject.get("heatmaps", []):
        became, why = heatmap_words(row)
        yield f"{'**' + became + '**' if row['moved'] else became}: {_told_words(why)}"
    for row in subject.get("onnx", []):
        yield f"ONNX: {', '.join(_told_words(text) for text in onnx_words(row))}"
    if subject.get("weights"):
        moved = ", ".join(code(row["tensor"]) for row in subject["weights"]["tensors"][:shown])
        yield f"{weights_words(subject['weights'])}: {moved}"


def _told_words(text: str) -> str:
    """Our own words with names of the user's in them."""
    return words(text.replace(" -> ", " → "), 300)


def _module_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    pairs = [
        _pair(unit.format(row[key][0]), unit.format(row[key][1]))
        for key, unit in (("macs", MACS), ("params", PARAMS))
    ]
    return (code(row["module"] or ROOT), code(row["type"]), row["status"], *pairs)


def _structure_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    sides = (code(row[side]) if row[side] is not None else "" for side in ("before", "after"))
    return (row["kind"], code(row["path"] or ROOT), words(row["what"]), *sides)


def _operator_cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (code(row["operator"]), words(row["base"]), words(row["head"]))


_TABLES: dict[str, tuple[tuple[str, str], tuple[str, ...], str, Any]] = {
    "modules": (
        ("module costs something else", "modules cost something else"),
        ("module", "type", "", "MACs", "parameters"),
        "lllrr",
        _module_cells,
    ),
    "structure": (
        ("change of structure", "changes of structure"),
        ("", "module", "what", "base", "now"),
        "lllll",
        _structure_cells,
    ),
    "operators": (
        ("operator runs more or less often", "operators run more or less often"),
        ("operator", "base", "head"),
        "lrr",
        _operator_cells,
    ),
}


def _pair(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _revisions(changes: Mapping[str, Any]) -> str:
    sides = [str(changes.get(side, {}).get("commit", ""))[:12] for side in ("base", "head")]
    return f": {code(sides[0])} → {code(sides[1])}" if all(sides) else ""
