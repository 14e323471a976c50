"""A subject's part of the page: tabs, filled by its checks, by what changed, and by the panels of its sections.

What a section looks like is its own: it gives a fragment of HTML, made once; one that cannot be made says why in its
place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ..drawing.html import generic
from ..drawing.script import problem
from ..records.outcome import BAD, shown_outcome
from ..records.section import Catalogue, Section, Spread, content_of, sections_of
from ..records.types import CheckEntry, SubjectChanges
from .addresses import check_slugs
from .frame import templates
from .overview import KeyFigures
from .subjects import PageSubject
from .text import change_lines
from .thinning import Thin

if TYPE_CHECKING:
    from markupsafe import Markup

TABS: Mapping[str, str] = {
    "checks": "Checks",
    "changes": "Changes",
    "graph": "Graph",
    "cost": "Cost",
    "maps": "Maps",
    "outputs": "Outputs",
    "time": "Time and memory",
    "weights": "Weights",
    "more": "More",
}
"""In the order of the page; a section names one of them, or else stands in the last."""
FOLDED = {"memory": "time"}  # tabs of earlier releases
NOSCRIPT = re.compile(r"<(/?)noscript(?=[\s/>])", re.I)
SUBJECT = f"{__package__}:templates/subject.html.j2"
TOLD = (*BAD, "warn", "inconclusive")  # outcomes of checks whose message is shown


@dataclass(frozen=True)
class Tab:
    """A tab: its name in addresses, its title, its fragments."""

    name: str
    title: str
    fragments: Sequence[Markup]


class Drawing:
    """Draws subjects with what the catalogue's sections bring."""

    def __init__(self, catalogue: Catalogue, figures: KeyFigures) -> None:
        self.catalogue, self.figures = catalogue, figures
        self.templates = templates(catalogue)

    def html(self, subject: PageSubject, thin: Thin = Thin.NOTHING) -> str:
        """The part, with some of it left out."""
        tabs = self._tabs(subject, thin)
        figures = [(self.figures.titles[name], figure) for name, figure in self.figures.of(subject).items()]
        return self.templates.get_template(SUBJECT).render(
            p=subject, tabs=tabs, figures=figures, left_out=thin.words
        )

    def sections(self, subject: PageSubject) -> Iterator[Section]:
        """Those of a subject, in the order of the catalogue; unknown ones follow."""
        if subject.entry is None:
            return
        found = sections_of(subject.entry)
        known = self.catalogue.sections.items()
        yield from (section for name, section in known if name in found and section.is_shown)
        yield from (Section(name, title=name) for name in found if name not in self.catalogue.sections)

    def _tabs(self, subject: PageSubject, thin: Thin) -> list[Tab]:
        """Those that hold something."""
        context = self._context(subject, thin)
        filled: dict[str, list[Markup]] = {name: [] for name in TABS}
        filled["checks"] += filter(str.strip, [self._checks(subject, thin)])
        if subject.change is not None and thin < Thin.TEXTS:
            filled["changes"].append(self._changes(subject.change, subject, thin))
        shown = self.sections(subject) if thin < Thin.PANELS else ()
        for section in shown:
            assert subject.entry is not None
            content = sections_of(subject.entry)[section.name]
            filled[_tab(section)].append(self._drawn(section, content, context))
        panels = subject.panels if thin < Thin.PANELS else ()
        filled["more"] += [self._macro("checks", "panel", panel) for panel in panels]
        return [Tab(name, TABS[name], fragments) for name, fragments in filled.items() if fragments]

    def _checks(self, subject: PageSubject, thin: Thin) -> Markup:
        """All checks, and in full those to be told of, each with its evidence; at the thinnest in short."""
        told, rows, seen = [], [], set()
        brief, pictured = thin >= Thin.TEXTS, thin < Thin.PANELS
        for slug, check in zip(check_slugs(subject.checks), subject.checks, strict=True):
            asked = pictured and check["outcome"] != "pass" and check["nodeid"] not in seen
            evidence = list(self._evidence(subject, check)) if asked else []
            seen |= {check["nodeid"]} if evidence else set()
            if evidence or shown_outcome(check) in TOLD:
                told.append((slug, check, evidence))
            else:
                rows.append((check, f"{subject.slug}/checks/{slug}"))
        return self._macro("told", "checks", subject, told, [] if brief else rows, brief)

    def _evidence(self, subject: PageSubject, check: CheckEntry) -> Iterator[Markup]:
        """What sections have to show of a check that failed: pictures that differ."""
        if subject.entry is None:
            return
        sections = sections_of(subject.entry)
        for section in self.sections(subject):
            content = content_of(sections, section.name)
            if section.evidence is not None and content:
                drawn = self._safely(section, section.evidence.render, content, {"check": check})
                if drawn.strip():
                    yield drawn

    def _changes(self, change: SubjectChanges, subject: PageSubject, thin: Thin) -> Markup:
        """What changed since the base: figures, and the sections' own parts."""
        content = cast("Mapping[str, Any]", change)
        lines = [line for line in change_lines(change, self.catalogue, 1) if line.short]
        fragments = [
            self._safely(section, compared.panel.render, content, {"thin": thin})
            for section in self.catalogue.sections.values()
            for compared in [section.changes]
            if compared is not None and compared.panel is not None
            if any(key in content for key in compared.keys)
        ]
        return self._macro("changes", "card", change, lines, fragments, subject.slug)

    def _context(self, subject: PageSubject, thin: Thin) -> dict[str, Any]:
        """What panels are given beside their section."""
        if subject.entry is None:
            return {}
        sections = sections_of(subject.entry)
        costs: dict[str, int] = {}
        spreads: list[Spread] = []
        for name, section in self.catalogue.sections.items():
            content = content_of(sections, name)
            with suppress(Exception):  # a third party's; pictures are worth as much without them
                costs |= section.costs(content) if section.costs is not None and content else {}
                spreads += section.spreads(content) if section.spreads is not None and content else ()
        seen = {**subject.entry, "id": subject.slug, "checks": subject.checks}
        return {"s": seen, "thin": int(thin), "costs": costs, "spreads": spreads}

    def _macro(self, file: str, name: str, *arguments: Any) -> Markup:
        module = self.templates.get_template(f"{__package__}:templates/{file}.html.j2").module
        return cast("Markup", getattr(module, name)(*arguments))

    def _drawn(self, section: Section, content: Any, context: Mapping[str, Any]) -> Markup:
        if section.panel is None:
            return generic("generic", section.name, content)
        if isinstance(content, dict) and isinstance(content.get("error"), str):
            return generic("missing", section.title, content["error"])
        drawn = self._safely(section, section.panel.render, content, context)
        for fault in filter(None, map(problem, section.panel.scripts)):
            drawn += generic("scriptless", fault)
        return drawn

    def _safely(self, section: Section, render: Any, *arguments: Any) -> Markup:
        """A panel that raises, a third party's too, costs no more than itself."""
        try:
            return _nestable(render(*arguments))
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            return generic("broken", section.title or section.name, reason)


def _nestable(panel: Markup) -> Markup:
    """The panel without a `<noscript>` of its own, which would end the one around the part: all see what it held."""
    return type(panel)(NOSCRIPT.sub(r"<\1div", str(panel)))


def _tab(section: Section) -> str:
    name = FOLDED.get(section.tab, section.tab)
    return name if name in TABS else "more"
