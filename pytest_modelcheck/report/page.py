"""The record as one self-contained page: what broke, all subjects, and each subject's part in tabs. It draws what the
record holds, and computes nothing but pictures.

A subject's part stands in a `<noscript>`: a scripted browser takes it for text, and puts it into the document when
it is opened; one without scripts takes it for what it is. One copy serves both. All that is put in is escaped, so
that no name can end the element early.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ..drawing.html import asset, panel_styles
from ..drawing.script import Entry, linked, problem
from ..records.causes import Cause, causes
from ..records.outcome import bad_checks, is_red, shown_outcome
from ..records.section import Catalogue
from ..records.types import Record
from .addresses import module_address
from .causes import commands
from .overview import KeyFigures, overview
from .parts import Drawing
from .pictures import stored_once
from .subjects import SEVERITY, PageSubject, page_subjects
from .text import also_failed
from .thinning import Part, Thin, fitted, size_of

if TYPE_CHECKING:
    from markupsafe import Markup

CEILING = 5_000_000  # bytes; beyond it subjects are thinned, one by one, and the page says so
NOTICE = 40_000  # bytes that saying so may take
SCRIPT = Entry(__package__, "script/page.js")
PARTS = 400  # elements that subjects stand in; of more subjects several share one
ROWS = 40  # of the overview that are there before anyone asks for more


def render(record: Record, catalogue: Catalogue) -> str:
    """The page for a record; every name in it is escaped, and its only script is the one its policy names."""
    return _Page(record, catalogue).render()


class _Page:
    """One page of a record."""

    def __init__(self, record: Record, catalogue: Catalogue) -> None:
        self.record, self.catalogue = record, catalogue
        self.figures = KeyFigures(record, catalogue)
        self.drawing = Drawing(catalogue, self.figures)
        self.causes = causes(record, catalogue)
        self.subjects = page_subjects(record, self.causes, catalogue)
        self.homes = {id(s.cause): s for s in reversed(self.subjects) if s.cause is not None}

    def render(self) -> str:
        """The frame, filled; where it is too large, subjects are thinned, the least worth first."""
        facts = self._facts()
        room = CEILING - NOTICE - size_of(self._frame(facts, {}))
        page = self._frame(facts, fitted(self.subjects, self._part, room))
        return page.replace("\0", "\N{REPLACEMENT CHARACTER}")  # as browsers do, but not everywhere

    def _part(self, subject: PageSubject, thin: Thin) -> str:
        return stored_once(self.drawing.html(subject, thin), subject.slug)

    def _frame(self, facts: Mapping[str, object], parts: Mapping[str, Part]) -> str:
        return self.drawing.templates.get_template(f"{__package__}:templates/page.html.j2").render(
            **facts,
            batches=list(_batches(self.subjects, parts)),
            left_out=[(s, parts[s.slug].thin.words) for s in self.subjects if parts and parts[s.slug].thin],
        )

    def _facts(self) -> dict[str, object]:
        """What the frame shows beside the subjects' parts."""
        script, style = self._assets()
        digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        record, subjects = self.record, self.subjects
        mapped = [subject for subject in subjects if subject.entry is not None]
        return {
            "record": record,
            "subjects": subjects,
            "shown": ROWS,
            "overview": overview(subjects, self.figures) if len(subjects) > 1 else None,
            "mapped": len(mapped),
            "causes": [(cause, self._links(cause), commands(cause, record)) for cause in self.causes],
            "failures": bad_checks(record),
            "also_failed": also_failed(record),
            "is_red": is_red(record),
            "outcomes": _outcomes(record),
            "style": style,
            "script": script,
            "script_hash": f"sha256-{digest}",
        }

    def _home(self, cause: Cause) -> PageSubject:
        """The subject whose part shows it: its first one, or the one whose tests or checks these are."""
        if id(cause) in self.homes:
            return self.homes[id(cause)]
        signatures = {check["signature"] for check in cause.checks}
        near = [s for s in self.subjects if s.entry is not None and s.entry["signature"] in signatures]
        return [*(s for s in self.subjects if s.entry is None), *near, *self.subjects][0]

    def _links(self, cause: Cause) -> list[tuple[str, str]]:
        """Where to look: the failed checks, and the tabs that show the change. A text and an address each."""
        home = self._home(cause)
        links = [("show what failed", f"{home.slug}/checks")]
        shown = {"changes", *(section.tab for section in self.drawing.sections(home))}
        for origin in [one for one in cause.origins[:1] if one.link in shown]:
            links.append((f"show in {origin.link}", module_address(home.slug, origin)))
        if "maps" in shown:
            links.append(("show maps", f"{home.slug}/maps"))
        return links

    def _assets(self) -> tuple[str, str]:
        """Script and style of the page and of the panels on it."""
        drawn = {section.name for subject in self.subjects for section in self.drawing.sections(subject)}
        panels = [s.panel for n, s in self.catalogue.sections.items() if n in drawn and s.panel is not None]
        entries = [entry for panel in panels for entry in panel.scripts if not problem(entry)]
        styles = [asset(__package__, f"style/{name}.css") for name in ("tokens", "frame")]
        styles += panel_styles()
        styles += [text for panel in panels for text in panel.styles]
        styles += [asset(__package__, "style/print.css")]
        return linked(SCRIPT, entries), "".join(dict.fromkeys(styles))


def _batches(
    subjects: Sequence[PageSubject], parts: Mapping[str, Part]
) -> Iterator[tuple[list[str], Markup]]:
    """The slugs and the parts of those that stand in one element."""
    from markupsafe import Markup

    size = -(-len(subjects) // PARTS) or 1
    for start in range(0, len(subjects), size):
        names = [subject.slug for subject in subjects[start : start + size]]
        yield names, Markup("".join(parts[name].html for name in names if name in parts))


def _outcomes(record: Record) -> list[tuple[str, int]]:
    counts = Counter(shown_outcome(check) for check in record["checks"])
    return [(outcome, counts[outcome]) for outcome in SEVERITY if counts[outcome]]
