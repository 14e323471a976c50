"""Recorder: what one test did and saw, until its report carries it away."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from ..errors import RAISED, ExplanationError, MissingExtraError, ModelCheckError, SubjectError
from ..settings import Settings
from ..text import file_stem
from ..verdict.judge import Verdict
from ..verdict.message import Told
from .entries import check_entry, subject_entry
from .environment import torch_environment
from .plain import plain
from .section import Section
from .types import DemandEntry, PanelEntry, SubjectEntry, TestPart

if TYPE_CHECKING:
    from ..model.subject import Subject

Between = Callable[["Subject", str, Mapping[str, Any]], Mapping[str, Any]]
AskBase = Callable[[str, str, Any], Any]  # (what a test says of its subject, section, what it wants to know)
NOT_FOR_IT = (ExplanationError, MissingExtraError, SubjectError)  # the section is not for such a subject


class Result(Protocol):
    """What a measurement returned."""

    def to_dict(self) -> Mapping[str, Any]:
        """As the record holds it; `later()`, where it has one: what came to that since."""


class Recorder:
    """Takes verdicts, subjects and panels of a test; `drain` hands over what came since the last time.

    Where a report is wanted (`sections`), each new subject is described by all of them, once per process: `described`
    holds the signatures that are done. Of a run against a base: `between(subject, source, content)` is what sections
    find between both revisions, `ask` what the base's own model is asked with.
    """

    def __init__(
        self,
        nodeid: str,
        sections: Mapping[str, Section] | None = None,
        described: set[str] | None = None,
        settings: Settings | None = None,
        between: Between | None = None,
        ask: AskBase | None = None,
    ) -> None:
        self.between, self.ask = between, ask
        self.sources: dict[int, str] = {}  # by identity of subjects: what the test says of them
        self.nodeid, self.settings = nodeid, settings or Settings()
        self.owed: list[Verdict] = []  # made in the test's body, to be enforced at its end
        self.sections = sections
        self.described = set() if described is None else described
        self.describes: set[str] = set()  # by itself, first of all tests
        # with the result itself: ids of dead objects come again
        self.owned: dict[int, tuple[Subject, object]] = {}
        self._part: TestPart = {}
        # The results of the part, by identity, and their entries. Held: an identity whose owner is gone is given again.
        self._kept: dict[int, tuple[Result, dict[str, Any]]] = {}
        self._files = 0

    @property
    def folder(self) -> Path | None:
        """The report's, where one is wanted."""
        return self.settings.output if self.settings.report else None

    def file(self, kind: str, name: str, suffix: str) -> tuple[Path, str] | None:
        """A place for a file of this test in the report's folder, and its path there: the same in each run.

        None where no report is wanted.
        """
        if self.folder is None:
            return None
        self._files += 1
        digest = hashlib.sha256(f"{self.nodeid}\n{self._files}".encode("utf-8", "surrogatepass")).hexdigest()
        relative = f"{kind}/{file_stem(name)}-{digest[:8]}{suffix}"
        return self.folder / relative, relative

    def verdict(self, told: Told) -> None:
        """Note a verdict."""
        self._part.setdefault("checks", []).append(check_entry(self.nodeid, told))

    def subject(self, subject: Subject, source: str = "") -> None:
        """Note a subject, and describe it where nobody did; `source`: what the test says about it."""
        self.sources[id(subject)] = source
        self._note(subject, [{"nodeid": self.nodeid, "source": source}])

    def result(self, subject: Subject, section: str, result: Result) -> None:
        """Add a result to a section that is a list: `latency`, `heatmaps`."""
        if self.sections is None:  # no one will read it
            self._note(subject, [])
        else:
            entry = {**plain(result.to_dict()), "nodeid": self.nodeid}
            self._kept[id(result)] = (result, entry)
            self._note(subject, [], **{section: [entry]})
        if waited := getattr(result, "waited", 0.0):
            self._part.setdefault("waited", []).append(waited)

    def _note(self, subject: Subject, demands: list[DemandEntry], **kept: Any) -> None:
        content: dict[str, Any] = {}
        if self.sections is not None and subject.signature not in self.described:
            self.described.add(subject.signature)
            self.describes.add(subject.signature)
            content = describe(subject, self.sections, self.settings)
            if self.between is not None and demands:
                content |= self.between(subject, demands[0]["source"], content)
        content |= kept
        known = self.sections or {}
        definitions = {
            key: version
            for name in content
            if name in known
            for key, version in known[name].definitions.items()
        }
        entry = {
            **subject_entry(subject, self.nodeid),
            "demands": demands,
            "definitions": definitions,
            **content,
        }
        self._part.setdefault("subjects", []).append(cast("SubjectEntry", entry))

    def amend(self, result: object, more: Mapping[str, Any]) -> None:
        """Add to what is kept of a result."""
        if id(result) in self._kept:
            self._kept[id(result)][1].update(more)

    def own(self, subject: Subject, result: object) -> None:
        """Note that `result` is of `subject`."""
        self.owned[id(result)] = (subject, result)

    def owner(self, result: object) -> Subject | None:
        """The subject that `result` is of; None if no ModelCheck made it."""
        from ..model.maker import subject_of

        found = self.owned.get(id(result))
        return found[0] if found is not None else subject_of(result)

    def adopt(self, result: object, section: str = "") -> None:
        """Take in a result that a ModelCheck outside this test made, as if the fixture had: its subject, and with
        `section` itself.
        """
        subject = None if id(result) in self.owned else self.owner(result)
        if subject is None:
            return
        self.own(subject, result)
        self.subject(subject, f"ModelCheck({type(subject.module).__name__})")
        if section:
            self.result(subject, section, cast("Result", result))

    def release(self) -> None:
        """Let go of subjects and results, when the test is over: others keep its snapshots, which know this."""
        self.owned.clear()
        self.sources.clear()

    def panel(self, subject: Subject | None, title: str, kind: str, content: object) -> None:
        """Note a panel of the user's own."""
        known = {"subject": subject.name, "signature": subject.signature} if subject else {"subject": ""}
        panel = {"nodeid": self.nodeid, **known, "title": title, "kind": kind, "content": plain(content)}
        self._part.setdefault("panels", []).append(cast("PanelEntry", panel))

    def drain(self) -> TestPart | None:
        """What came since the last call; None if nothing did."""
        for result, entry in self._kept.values():
            entry.update(plain(getattr(result, "later", dict)()))
        part, self._part, self._kept = self._part, {}, {}
        return {**part, "environment": torch_environment()} if part else None


def describe(
    subject: Subject, sections: Mapping[str, Section], settings: Settings | None = None
) -> dict[str, Any]:
    """All sections of a subject that describe one. One that cannot be made says why in its place, and that it `failed`
    where that may be otherwise in another run.
    """
    described: dict[str, Any] = {}
    for name, section in sections.items():
        if section.describe is None:
            continue
        try:
            wanted = {key: getattr(settings or Settings(), key) for key in section.settings}
            described[name] = plain(section.describe(subject, **wanted))
        except NOT_FOR_IT as error:
            described[name] = {"error": str(error)}
        except ModelCheckError as error:
            described[name] = {"error": str(error), "failed": True}
        except RAISED as error:
            described[name] = {"error": f"unexpected {type(error).__name__}: {error}", "failed": True}
    return described


def panel_content(content: Any) -> tuple[str, object]:
    """The kind of a user's panel, and its content as the record holds it.

    Text; a table: a list of mappings, or of rows under a first row of headings; an image: PIL image or array
    (H, W) or (H, W, 3) of uint8, or of floats in 0..1.
    """
    if isinstance(content, str):
        return "text", content
    if isinstance(content, Sequence) and content and all(isinstance(row, dict) for row in content):
        columns = list(dict.fromkeys(key for row in content for key in row))
        return "table", {
            "columns": columns,
            "rows": [[row.get(key, "") for key in columns] for row in content],
        }
    if isinstance(content, Sequence) and content and all(isinstance(row, (list, tuple)) for row in content):
        return "table", {"columns": list(content[0]), "rows": [list(row) for row in content[1:]]}
    from ..drawing.images import to_base64, to_image

    return "image", to_base64(to_image(content))
