"""What terminal, page and Markdown say alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

from ..records.outcome import other_failures
from ..records.section import Catalogue, Comparison, Line, Section
from ..records.types import FailureEntry, FigureEntry, Record, RunEntry, SubjectChanges
from ..text import count, printable, shorten
from ..verdict.message import signed
from ..verdict.units import RATIO

NAME = 160  # characters of a name in lists
LONG = 20_000  # characters of a text that are shown, most of them from its end
FAR = -10  # headroom below which a share says less than a factor
SYMBOLS = {
    "error": "✗",
    "fail": "✗",
    "inconclusive": "?",
    "warn": "!",
    "not run": "–",
    "not gated": "–",
    "accepted": "✓",
    "expected": "✓",
    "skipped": "–",
    "pass": "✓",
}  # from the gravest to the best
Row = TypeVar("Row", bound=FigureEntry)


def headroom_text(headroom: float | None) -> str:
    """`12 % free`, `missed by 16.9 %`, `1,687 times the limit`."""
    if headroom is None:
        return ""
    if headroom < FAR:
        return f"{1 - headroom:,.0f} times the limit"
    return f"{RATIO.format(headroom, 3)} free" if headroom >= 0 else f"missed by {RATIO.format(-headroom, 3)}"


def ended(run: RunEntry) -> str:
    """How a red run ended, in pytest's words: `2 failed, 1 error (exit status 1)`."""
    if run["exit_status"] == 5:
        return "no test ran (exit status 5)"
    told = [f"{run['tests'][word]} {word}" for word in ("failed", "error") if run["tests"].get(word)]
    return f"{', '.join(told) or 'it ended'} (exit status {run['exit_status']})"


def also_failed(record: Record) -> str:
    """What failed beside checks, in a few words; empty for nothing."""
    others = len({failure["nodeid"] for failure in other_failures(record)})
    return count(others, "more failure") if others else ""


def failure_line(failure: FailureEntry) -> str:
    """What failed, and where: `setup, tests/conftest.py:12: RuntimeError: no weights`."""
    place = f"{failure['phase']}, {failure['where']}" if failure["where"] else failure["phase"]
    return f"{place}: {failure['message']}"


def short_name(name: str) -> str:
    """A subject's name in lists; its own part has it whole."""
    return shorten(printable(name), NAME)


def excerpt(text: object) -> str:
    """A text, and of a very long one its two ends: the last lines say how it crashed."""
    whole = str(text)
    if len(whole) <= LONG:
        return whole
    middle = f"\n\n[ {len(whole) - LONG:,} characters are left out here: in report.json ]\n\n"
    return whole[: LONG // 4] + middle + whole[-LONG * 3 // 4 :]


def amount(catalogue: Catalogue, noun: str, value: float | None) -> str:
    """A value in the unit of that noun; `–` for none."""
    if value is None:
        return "–"
    unit = catalogue.unit(noun)
    return unit.format(value) if unit is not None else f"{value:.4g} {noun}".rstrip()


def sides(catalogue: Catalogue, row: FigureEntry) -> tuple[str, str]:
    """A figure at the base and in the head; with every digit where fewer do not tell them apart."""
    values = (row["base"], row["head"])
    base, head = (amount(catalogue, row["unit"], value) for value in values)
    unit = catalogue.unit(row["unit"])
    if base != head or values[0] == values[1] or unit is None:
        return base, head
    base, head = (unit.exact(value) for value in values if value is not None)
    return base, head


def change(share: float | None) -> str:
    """`+5.4 %`, `0 %`; empty where there is nothing to compare."""
    return "" if share is None else signed(share)


def worsened(row: FigureEntry, catalogue: Catalogue) -> str:
    """The class of a figure that changed: "more" where it got worse, "less" where it got better."""
    known = catalogue.metrics.get(row["metric"])
    if not row["share"]:
        return ""
    return "more" if (row["share"] > 0) == (known is None or known.more == "worse") else "less"


def differing(rows: Iterable[Row], catalogue: Catalogue) -> list[Row]:
    """Figures that differ; a time that the base has not is none: it is not measured there alone."""

    def is_time(row: FigureEntry) -> bool:
        known = catalogue.metrics.get(row["metric"])
        return known is not None and known.nature == "time"

    return [row for row in rows if row["base"] != row["head"] and not (row["base"] is None and is_time(row))]


def change_lines(subject: SubjectChanges, catalogue: Catalogue, most: int) -> Iterator[Line]:
    """What the sections say about a change: their headlines first; each at most `most` lines about modules."""
    content = cast("Mapping[str, Any]", subject)
    yield from headlines(subject, catalogue)
    for section in catalogue.sections.values():
        if section.changes is not None:
            yield from lines_of(section, lambda made: made.lines(content, most))
    for name, reason in subject.get("failed", {}).items():
        yield Line(f"{name} could not be compared", reason, short=f"{name} could not be compared")


def headlines(subject: SubjectChanges, catalogue: Catalogue) -> Iterator[Line]:
    """A changed subject in few words."""
    content = cast("Mapping[str, Any]", subject)
    for section in catalogue.sections.values():
        if section.changes is not None:
            yield from lines_of(section, lambda made: filter(None, [made.headline(content)]))


def lines_of(section: Section, tell: Callable[[Comparison], Iterable[Line]]) -> list[Line]:
    """What a section says; one that raises, a third party's too, costs no more than that."""
    assert section.changes is not None
    try:
        return list(tell(section.changes))
    except Exception as error:
        words = f"what changed in {section.name} could not be told"
        return [Line(words, f"{type(error).__name__}: {error}", short=words)]
