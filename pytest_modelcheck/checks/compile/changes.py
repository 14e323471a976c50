"""What torch.compile makes of the same subject at the base and now: the breaks that are new, by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from typing_extensions import NotRequired, TypedDict

from ...drawing.panel import Panel
from ...records.section import Comparison, Line, Paths, Sections, content_of
from ...text import count

FIGURES = {"graphs": "graph", "graph_breaks": "graph break", "recompiles": "recompile"}


class BreakEntry(TypedDict):
    """What there is of a `Break`; `count` in a change: how many more, or fewer."""

    reason: str
    kind: str
    hint: str
    file: str
    line: int
    code: str
    function: str
    package: str
    module: str
    count: int
    modules: NotRequired[list[str]]
    size: NotRequired[str]


class GuardEntry(TypedDict):
    """What there is of a `Recompile`."""

    reason: str
    hint: str
    size: list[list[int]]
    module: str
    function: str
    file: str
    line: int
    code: NotRequired[str]
    place: NotRequired[str]
    first: NotRequired[bool]
    again: bool
    automatic: bool
    small: NotRequired[bool]


class FallbackEntry(TypedDict):
    """What there is of a `Fallback`."""

    function: str
    file: str
    line: int
    reason: str
    root: bool


class CompileEntry(TypedDict):
    """What `Compiled.to_dict()` gives."""

    name: str
    graphs: int
    graph_breaks: int
    recompiles: int
    one_graph: bool
    automatic: int
    breaks: list[BreakEntry]
    guards: list[GuardEntry]
    fallback: list[FallbackEntry]
    reason: str
    hint: NotRequired[str]
    nothing: str
    sizes: list[str]
    dynamic: bool | None
    isolated: bool
    shared: str


class CompileChange(TypedDict):
    """What differs under the same sizes and `dynamic`: pairs of base and head, and the breaks that came and went."""

    name: str
    new: list[BreakEntry]
    gone: list[BreakEntry]
    skipped: list[FallbackEntry]
    graphs: NotRequired[list[int]]
    graph_breaks: NotRequired[list[int]]
    recompiles: NotRequired[list[int]]
    reason: NotRequired[list[str]]


def _compare(old: Sections, new: Sections, paths: Paths, checks: Sequence[object]) -> Mapping[str, object]:
    """What differs in each that both sides compiled in the same way."""
    left, right = ({_options(entry): entry for entry in content_of(side, "compile")} for side in (old, new))
    rows = [_row(left[key], right[key], paths) for key in right if key in left]
    return {"compile": [row for row in rows if row["new"] or row["gone"] or row["skipped"] or len(row) > 4]}


def _options(entry: CompileEntry) -> tuple[tuple[str, ...], bool | None]:
    return tuple(entry["sizes"]), entry["dynamic"]


def _row(old: CompileEntry, new: CompileEntry, paths: Paths) -> CompileChange:
    def moved(entry: BreakEntry) -> tuple[object, ...]:
        return _line(entry, lambda module: paths.get(module, module))

    row = CompileChange(
        name=new["name"],
        new=list(_more(new["breaks"], Counter(_counts(old["breaks"], moved)), _line)),
        gone=list(_more(old["breaks"], Counter(_counts(new["breaks"], _line)), moved)),
        skipped=[one for one in new["fallback"] if _frame(one) not in map(_frame, old["fallback"])],
    )
    for key in (*FIGURES, "reason"):
        if old[key] != new[key]:  # type: ignore[literal-required]
            row[key] = [old[key], new[key]]  # type: ignore[literal-required]
    return row


Key = Callable[[BreakEntry], tuple[object, ...]]


def _line(entry: BreakEntry, name: Callable[[str], str] = str) -> tuple[object, ...]:
    """What tells a break's line: its text, since edits above it move its number. Where no line is the user's, the
    module.
    """
    if entry["file"]:
        return entry["file"].rpartition("/")[2], entry["code"] or entry["line"], entry["kind"]
    return name(entry["module"]), entry["package"], entry["kind"]


def _frame(entry: FallbackEntry) -> tuple[str, str]:
    return entry["file"].rpartition("/")[2], entry["function"]


def _counts(entries: Sequence[BreakEntry], key: Key) -> dict[tuple[object, ...], int]:
    counts: Counter[tuple[object, ...]] = Counter()
    for entry in entries:
        counts[key(entry)] += entry["count"]
    return counts


def _more(
    entries: Sequence[BreakEntry], known: Counter[tuple[object, ...]], key: Key
) -> Iterator[BreakEntry]:
    """Those that are not `known`, or not so often: how many more."""
    for entry in entries:
        same = min(known[key(entry)], entry["count"])
        known[key(entry)] -= same
        if entry["count"] > same:
            yield {**entry, "count": entry["count"] - same}


def break_words(entry: BreakEntry) -> str:
    """`net.py:12: print(x)`."""
    place = f"{entry['file']}:{entry['line']}" if entry["file"] else entry["package"] or "no line of yours"
    return f"{place}: {entry['code'].removesuffix(':')}" if entry["code"] else place


def figure_words(row: CompileChange) -> str:
    """`1 graph -> 3, no graph break -> 2`."""
    parts = []
    for key, noun in FIGURES.items():
        if key in row:
            old, new = row[key]  # type: ignore[literal-required]
            parts.append(f"{count(old, noun)} -> {new}")
    if "reason" in row:
        old, new = row["reason"]
        parts.append(f"not compilable: {new}" if new else "compilable again")
    return ", ".join(parts)


def _lines(changes: Mapping[str, Any], most: int) -> Iterator[Line]:
    for row in changes.get("compile", []):
        worse = bool(row["new"] or row["skipped"] or row.get("reason", ["", ""])[1])
        yield Line("torch.compile", figure_words(row), short=_short(row), strong=worse, worse=worse)
        for entry in row["skipped"][:most]:
            yield Line(
                "runs eagerly as a whole now",
                entry["reason"],
                name=f"{entry['function']} ({entry['file']}:{entry['line']})",
            )
        for sign, entries in (("new graph break", row["new"]), ("graph break gone", row["gone"])):
            for entry in entries[:most]:
                yield Line(sign, entry["reason"], name=break_words(entry), worse=entries is row["new"])


def _short(row: CompileChange) -> str:
    """`+2 graph breaks`."""
    old, new = row.get("graph_breaks", [0, 0])
    if old != new:
        return f"{'+' if new > old else '-'}{count(abs(new - old), 'graph break')}"
    return "torch.compile differs"


COMPARISON = Comparison(
    ("compile",),
    _compare,
    lines=_lines,
    panel=Panel(
        __package__,
        "changes.html.j2",
        functions=lambda: {"figure_words": figure_words, "break_words": break_words},
    ),
    types={"compile": list[CompileChange]},
)
