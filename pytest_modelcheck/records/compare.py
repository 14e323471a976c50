"""What changed between two records, as plain data: pure functions that page, terminal and Markdown draw from.

What a section's content says is the section's own to compare; here are subjects, figures and who is who.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from ..verdict.message import metric_title
from ..verdict.metric import Metric
from .match import matched
from .plain import number, share
from .prices import ModulePrice, Prices
from .section import Catalogue, Paths, Section, Sections, content_of, sections_of
from .types import (
    Changes,
    CheckEntry,
    DifferenceEntry,
    FigureEntry,
    Record,
    RevisionEntry,
    SubjectChanges,
    SubjectEntry,
)


def compare(base: Record, head: Record, catalogue: Catalogue) -> Changes:
    """The section `changes` of a record: what differs in `head` from `base`, subject by subject.

    Subjects are the same if their tests say so (then `from` is the base's name, where that is another). Each has a
    `status`, "new", "removed" (its tests came to their end without it), "changed" or "unchanged"; `metrics` holds all
    figures both sides may have, changed or not; what the sections found stands beside these, only where something
    changed.
    """
    twins = matched(base["subjects"], head["subjects"])
    known = {entry["signature"] for entry in twins.values()}
    pairs: list[tuple[SubjectEntry | None, SubjectEntry | None]] = [
        (twins.get(entry["signature"]), entry) for entry in head["subjects"]
    ]
    missing = [entry for entry in base["subjects"] if entry["signature"] not in known]
    unsettled = _unsettled(head)
    unseen = [entry for entry in missing if not unsettled.isdisjoint(entry["nodeids"])]
    pairs += [(entry, None) for entry in missing if entry not in unseen]
    comparing = _Comparing(base, head, catalogue)
    return {
        "base": _about(base),
        "head": _about(head),
        "environment": _environment(base, head),
        "subjects": [comparing.subject(old, new) for old, new in pairs],
        "notes": [f"{entry['name']} was not seen in this run: its tests ended before" for entry in unseen],
    }


def _unsettled(head: Record) -> set[str]:
    """Tests that failed, or were not run: that a subject of theirs is missing proves nothing."""
    ended = {failure["nodeid"] for failure in head.get("failures", [])}
    return ended | {c["nodeid"] for c in head["checks"] if c["outcome"] in ("error", "not run", "skipped")}


class RegressionEntry(FigureEntry):
    """A figure with the limit that it is held to."""

    subject: str
    max_regression: float


def regressions(changes: Changes, limits: Mapping[str, float]) -> list[RegressionEntry]:
    """The metrics in `changes` that rose by more than their limit, a share: `{"macs": 0.02}`.

    A metric with options is found under its metric's name and under its title ("FLOPs (backward)").
    """
    return [
        row
        for row in _limited(changes, limits)
        if rises_above(row["base"], row["head"], row["max_regression"])
    ]


def ungated(changes: Changes, limits: Mapping[str, float]) -> list[RegressionEntry]:
    """The metrics that have a limit, but only one side to compare: of new or removed subjects, and unmeasured ones."""
    return [row for row in _limited(changes, limits) if row["base"] is None or row["head"] is None]


def _limited(changes: Changes, limits: Mapping[str, float]) -> Iterator[RegressionEntry]:
    for subject in changes["subjects"]:
        for row in subject["metrics"]:
            limit = min((limits[key] for key in (row["metric"], row["title"]) if key in limits), default=None)
            if limit is not None:
                yield {"subject": subject["name"], **row, "max_regression": limit}


def rises_above(base: float | None, head: float | None, limit: float) -> bool:
    """Whether `head` lies more than the share `limit` above `base`; False where one of them is missing."""
    return base is not None and head is not None and head > base * (1 + limit)


class Figures:
    """All figures of a record's subjects by metric and title: the sections' totals, and the values of the checks."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.checks: dict[str, list[CheckEntry]] = {}
        for check in record["checks"]:
            if check["signature"]:
                self.checks.setdefault(check["signature"], []).append(check)

    def of(self, entry: SubjectEntry | None) -> dict[tuple[str, str], FoundFigure]:
        """One subject's."""
        found: dict[tuple[str, str], FoundFigure] = {}
        if entry is None:
            return found
        sections = sections_of(entry)
        for section in self.catalogue.sections.values():
            for figure in _totals(section, content_of(sections, section.name), entry):
                found[figure.metric, figure.title] = figure
        for check in self.checks.get(entry["signature"], ()):
            value = number(check["value"])
            if self._nature(check) not in ("distance", "comparison") and value is not None:
                key = check["metric"], check["title"]
                found.setdefault(key, FoundFigure(*key, check["unit"], value, check["definition"]))
        return found

    def _nature(self, check: CheckEntry) -> str:
        known = self.catalogue.metrics.get(check["metric"])
        return known.nature if known is not None else "figure"


class FoundFigure:
    """A figure, with the version of the definition that it follows."""

    def __init__(self, metric: str, title: str, unit: str, value: float, definition: int) -> None:
        self.metric, self.title, self.unit, self.value, self.definition = (
            metric,
            title,
            unit,
            value,
            definition,
        )


def _totals(section: Section, content: Any, entry: SubjectEntry) -> Iterator[FoundFigure]:
    for total in section.totals:
        value = number(total.value(content)) if content else None
        if value is not None:
            title = metric_title(total.metric, total.options(content))
            version = entry["definitions"].get(f"{section.name}.{total.metric.name}", 1)
            yield FoundFigure(total.metric.name, title, total.metric.unit.noun, value, version)


class _Comparing:
    """Two records, subject by subject."""

    def __init__(self, base: Record, head: Record, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.left, self.right = Figures(base, catalogue), Figures(head, catalogue)

    def subject(self, old: SubjectEntry | None, new: SubjectEntry | None) -> SubjectChanges:
        metrics = self._metrics(old, new)
        if old is None or new is None:
            entry = new or old
            assert entry is not None
            return {"name": entry["name"], "status": "new" if old is None else "removed", "metrics": metrics}
        parts, failed, changed = self._parts(old, new)
        changed = changed or any(row["base"] != row["head"] for row in metrics if self._counts(row))
        found: dict[str, Any] = {
            "name": new["name"],
            "status": "changed" if changed or failed else "unchanged",
            "metrics": metrics,
            **parts,
            **({"failed": failed} if failed else {}),
            **({"from": old["name"]} if old["name"] != new["name"] else {}),
        }
        return cast("SubjectChanges", found)

    def _counts(self, row: FigureEntry) -> bool:
        """Whether a difference is a change: times differ in each run, and other definitions say nothing."""
        known = self.catalogue.metrics.get(row["metric"])
        return "note" not in row and (known is None or known.nature != "time")

    def _parts(self, old: SubjectEntry, new: SubjectEntry) -> tuple[dict[str, Any], dict[str, str], bool]:
        """What the sections found, why some could not be compared, and whether the subject changed."""
        base, head = sections_of(old), sections_of(new)
        checks = self.right.checks.get(new["signature"], [])
        parts: dict[str, Any] = {}
        failed: dict[str, str] = {}
        changed = False
        paths = self._paths(base, head, failed)
        for section in self.catalogue.sections.values():
            compared = section.changes
            if compared is None or section.name in failed or _refusal(section, old, new):
                continue
            with _alone(section, failed):
                found = compared.compare(base, head, paths, cast("Sequence[Mapping[str, Any]]", checks))
                told = {key: value for key, value in found.items() if value}
                changed = changed or any(compared.is_change(key, value) for key, value in told.items())
                parts |= told
        return self._priced(parts, failed), failed, changed

    def _priced(self, parts: Mapping[str, Any], failed: dict[str, str]) -> dict[str, Any]:
        """The same, what costs most first: some sections know what modules cost, others tell of modules."""
        told = [(s, s.changes) for s in self.catalogue.sections.values() if s.changes is not None]
        prices: list[ModulePrice] = []
        for section, compared in told:
            with _alone(section, failed):
                prices += compared.prices(parts)
        found = dict(parts)
        for section, compared in told:
            with _alone(section, failed):
                found |= compared.priced(parts, Prices(prices))
        return found

    def _paths(self, base: Sections, head: Sections, failed: dict[str, str]) -> Paths:
        """Old name -> new name of the modules that are the same one."""
        paths: dict[str, str] = {}
        for section in self.catalogue.sections.values():
            if section.align is not None:
                with _alone(section, failed):
                    paths |= section.align(base, head)
        return paths

    def _metrics(self, old: SubjectEntry | None, new: SubjectEntry | None) -> list[FigureEntry]:
        left, right = self.left.of(old), self.right.of(new)
        return [
            _figure(left.get(key), right.get(key), self.catalogue) for key in dict.fromkeys([*right, *left])
        ]


@contextmanager
def _alone(section: Section, failed: dict[str, str]) -> Iterator[None]:
    """What a section raises, a third party's too, costs no more than itself."""
    try:
        yield
    except Exception as error:
        failed[section.name] = f"{type(error).__name__}: {error}"


def _refusal(section: Section, old: SubjectEntry, new: SubjectEntry) -> str:
    """Why the contents of two releases are not compared; empty if they are."""
    versions = [entry["definitions"].get(section.name, 1) for entry in (old, new)]
    if versions[0] == versions[1]:  # of one release, an older one perhaps
        return ""
    return next((text for version in versions if (text := section.definition.refusal(version))), "")


def _figure(old: FoundFigure | None, new: FoundFigure | None, catalogue: Catalogue) -> FigureEntry:
    known = new or old
    assert known is not None
    base, head = (figure.value if figure is not None else None for figure in (old, new))
    row: FigureEntry = {
        "metric": known.metric,
        "title": known.title,
        "unit": known.unit,
        "base": base,
        "head": head,
        "share": share(base, head),
    }
    if old is not None and new is not None and old.definition != new.definition:
        note = other_definition(catalogue.metrics.get(known.metric), old.definition, new.definition)
        return {**row, "base": None, "share": None, "note": note}
    return row


def other_definition(metric: Metric | None, *versions: int) -> str:
    """Why figures of other versions of a definition are not compared with today's; empty if they are."""
    if metric is None:
        return "" if len({*versions}) < 2 else "counted differently: not compared"
    return next((text for version in versions if (text := metric.definition.refusal(version))), "")


def _about(record: Record) -> RevisionEntry:
    return {"commit": record["environment"].get("commit", ""), "created": record["created"]}


def _environment(base: Record, head: Record) -> list[DifferenceEntry]:
    """What differs between the two runs apart from the sources: a torch version, the machine."""
    left, right = base["environment"], head["environment"]
    names = [name for name in dict.fromkeys([*left, *right]) if name != "commit"]
    rows: list[DifferenceEntry] = [
        {"name": name, "base": left.get(name, ""), "head": right.get(name, "")} for name in names
    ]
    return [row for row in rows if row["base"] != row["head"]]
