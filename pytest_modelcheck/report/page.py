"""The record as one self-contained page. It draws what the record holds, and computes nothing but pictures.

The frame is ours; what a subject's sections look like is theirs: each gives a fragment of HTML, made once, which the
frame puts where it likes. A fragment that cannot be made says why in its place.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ..drawing.html import asset, environment
from ..drawing.script import Entry, linked, problem
from ..records.outcome import bad_checks, is_of, is_red, other_failures, shown_outcome
from ..records.section import Catalogue, Line, Section, content_of, sections_of
from ..records.types import Changes, CheckEntry, PanelEntry, Record, SubjectChanges, SubjectEntry
from .text import (
    SYMBOLS,
    amount,
    besides,
    change,
    change_lines,
    differing,
    ended,
    failure_line,
    headroom_text,
    sides,
)

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup

CEILING = 5_000_000  # bytes; beyond it panels are thinned, and the page says so
SCRIPT = Entry(__package__, "script/page.js")
TABS = ("maps", "time", "cost", "memory", "graph", "weights")  # in the order of the page; others follow
SEVERITY = tuple(SYMBOLS)


@dataclass(frozen=True)
class Fragment:
    """A section's part of the page: autoescaped HTML, and the tab it belongs to."""

    section: str
    tab: str
    title: str
    html: Markup


@dataclass
class PageSubject:
    """A subject as the frame shows it. `entry` is the record's; the rest is what belongs to it."""

    id: str
    entry: SubjectEntry
    checks: Sequence[CheckEntry]
    panels: Sequence[PanelEntry]
    fragments: list[Fragment] = field(default_factory=list)


@dataclass
class PageChange:
    """What changed of a subject: the record's `entry`, its lines, and fragments of the sections that differ."""

    entry: SubjectChanges
    id: str
    lines: Sequence[Line]
    fragments: Sequence[Markup]


def render(record: Record, catalogue: Catalogue) -> str:
    """The page for a record; every name in it is escaped, and its only script is the one its policy names."""
    page = _Page(record, catalogue, thin=False).render()
    if len(page.encode("utf-8", "replace")) <= CEILING:
        return page
    return _Page(record, catalogue, thin=True).render()


class _Page:
    """One page of a record."""

    def __init__(self, record: Record, catalogue: Catalogue, *, thin: bool) -> None:
        self.record, self.catalogue, self.thin = record, catalogue, thin

    def render(self) -> str:
        """The frame, filled."""
        subjects = [self._subject(entry) for entry in self.record["subjects"]]
        drawn = {fragment.section for subject in subjects for fragment in subject.fragments}
        script, style = self._assets(drawn)
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        ids = {subject.entry["name"]: subject.id for subject in subjects}
        checks = self.record["checks"]
        return (
            self._environment()
            .get_template(f"{__package__}:templates/page.html.j2")
            .render(
                record=self.record,
                subjects=subjects,
                orphans=self._orphans(),
                failures=bad_checks(self.record),
                others=other_failures(self.record),
                besides=besides(self.record),
                is_red=is_red(self.record),
                outcomes=_outcomes(checks),
                changes=self._changes(ids),
                script=script,
                style=style,
                script_hash=f"sha256-{digest}",
                thin=self.thin,
            )
        )

    def _environment(self) -> jinja2.Environment:
        made = environment().overlay()
        made.filters = {
            **made.filters,
            "headroom": headroom_text,
            "amount": lambda value, unit: amount(self.catalogue, unit, value),
            "sides": lambda row: sides(self.catalogue, row),
            "change": change,
            "failure_line": failure_line,
            "ended": ended,
            "figures": lambda rows: differing(rows, self.catalogue),
            "worse": self._worse,
            "outcome": shown_outcome,
            "symbol": lambda outcome: SYMBOLS.get(outcome, ""),
        }
        return made

    def _worse(self, row: Mapping[str, Any]) -> str:
        """The class of a changed figure: more is worse, unless its metric says otherwise."""
        known = self.catalogue.metrics.get(row["metric"])
        if not row["share"] or (known is not None and known.more == "better"):
            return ""
        return "more" if row["share"] > 0 else "less"

    def _assets(self, drawn: set[str]) -> tuple[str, str]:
        """Script and style of the page and of the panels on it."""
        panels = [
            s.panel for name, s in self.catalogue.sections.items() if name in drawn and s.panel is not None
        ]
        entries = [entry for panel in panels for entry in panel.scripts if not problem(entry)]
        styles = [asset(__package__, name) for name in ("page.css", "tables.css")]
        styles.append(asset("pytest_modelcheck.drawing", "plots.css"))
        styles += [text for panel in panels for text in panel.styles]
        return linked(SCRIPT, entries), "".join(dict.fromkeys(styles))

    def _subject(self, entry: SubjectEntry) -> PageSubject:
        checks = [c for c in self.record["checks"] if is_of(c, entry)]
        panels = [p for p in self.record["panels"] if p["subject"] == entry["name"]]
        ranked = sorted(checks, key=lambda c: SEVERITY.index(shown_outcome(c)))
        subject = PageSubject(_slug(entry["name"]), entry, ranked, panels)
        context = self._context(subject)
        for name, content in self._ordered(entry):
            section = self.catalogue.sections.get(name) or Section(name, title=name)
            subject.fragments.append(self._fragment(section, content, context))
        return subject

    def _ordered(self, entry: SubjectEntry) -> list[tuple[str, Any]]:
        """The sections of a subject by their tabs, and there in the order of the catalogue; unknown ones follow."""
        known = list(self.catalogue.sections)

        def place(name: str) -> tuple[int, int]:
            section = self.catalogue.sections.get(name)
            tab = TABS.index(section.tab) if section is not None and section.tab in TABS else len(TABS)
            return tab, known.index(name) if name in known else len(known)

        sections = sections_of(entry)
        return [(name, sections[name]) for name in sorted(sections, key=place)]

    def _context(self, subject: PageSubject) -> dict[str, Any]:
        """What panels are given beside their section."""
        sections = sections_of(subject.entry)
        costs: dict[str, int] = {}
        for name, section in self.catalogue.sections.items():
            if section.costs is not None and content_of(sections, name):
                costs |= section.costs(content_of(sections, name))
        seen = {**subject.entry, "id": subject.id, "checks": subject.checks}
        return {"s": seen, "thin": self.thin, "costs": costs}

    def _fragment(self, section: Section, content: Any, context: Mapping[str, Any]) -> Fragment:
        html = self._drawn(section, content, context)
        return Fragment(section.name, section.tab, section.title or section.name, html)

    def _drawn(self, section: Section, content: Any, context: Mapping[str, Any]) -> Markup:
        if section.panel is None:
            return _generic("generic", section.name, content)
        if isinstance(content, dict) and isinstance(content.get("error"), str):
            return _generic("missing", section.title, content["error"])
        try:
            drawn = section.panel.render(content, context)
            faults = filter(None, map(problem, section.panel.scripts))
            return drawn + "".join(_generic("scriptless", fault) for fault in faults)
        except Exception as error:  # a panel that raises, a third party's too, costs no more than itself
            return _generic("broken", section.title or section.name, f"{type(error).__name__}: {error}")

    def _orphans(self) -> dict[str, list[Any]]:
        """Checks and panels whose subject was never found."""
        subjects = self.record["subjects"]
        names = {entry["name"] for entry in subjects}
        return {
            "checks": [c for c in self.record["checks"] if not any(is_of(c, entry) for entry in subjects)],
            "panels": [panel for panel in self.record["panels"] if panel["subject"] not in names],
        }

    def _changes(self, ids: Mapping[str, str]) -> list[PageChange]:
        """What changed, subject by subject."""
        changes: Changes | None = self.record.get("changes")
        changed = [s for s in changes["subjects"] if s["status"] == "changed"] if changes else []
        return [self._change(entry, ids.get(entry["name"], "")) for entry in changed]

    def _change(self, entry: SubjectChanges, identity: str) -> PageChange:
        content = cast("Mapping[str, Any]", entry)
        lines = [line for line in change_lines(entry, self.catalogue, 1) if line.short]
        fragments = []
        for section in self.catalogue.sections.values():
            compared = section.changes
            if compared is None or compared.panel is None or not any(key in content for key in compared.keys):
                continue
            try:
                fragments.append(compared.panel.render(content, {"thin": self.thin}))
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                fragments.append(_generic("broken", section.title or section.name, text))
        return PageChange(entry, identity, lines, fragments)


def _generic(macro: str, *arguments: Any) -> Markup:
    """A part of the page that no check draws."""
    from markupsafe import Markup

    parts = environment().get_template("parts.html.j2").module
    return Markup(getattr(parts, macro)(*arguments))


def _outcomes(checks: Sequence[CheckEntry]) -> list[tuple[str, int]]:
    counts = Counter(shown_outcome(check) for check in checks)
    return [(outcome, counts[outcome]) for outcome in SEVERITY if counts[outcome]]


def _slug(name: str) -> str:
    """An id for links that no name can break."""
    return "s" + hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:10]
