"""Recorder: what one test did and saw, until its report carries it away."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..demand.check import Registry
from ..errors import ModelCheckError
from ..settings import Settings
from ..text import file_stem
from ..verdict.judge import Verdict
from .build import check_entry, subject_entry, torch_environment

if TYPE_CHECKING:
    from pathlib import Path

    from ..model.subject import Subject


class Recorder:
    """Takes verdicts, subjects and panels of a test; `drain` hands over what came since the last time.

    With `registry` (a report is wanted) each new subject is described by all sections, once per process:
    `described` holds the signatures that are done.
    """

    def __init__(
        self,
        nodeid: str,
        registry: Registry | None = None,
        described: set[str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.nodeid, self.settings = nodeid, settings or Settings()
        self.owed: list[Verdict] = []  # made in the test's body, to be enforced at its end
        self.registry = registry
        self.described = set() if described is None else described
        self.owned: dict[
            int, tuple[Subject, Any]
        ] = {}  # with the result itself: ids of dead objects come again
        self.verdicts: list[Verdict] = []
        self._parts: dict[str, list[Any]] = {}
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

    def verdict(self, verdict: Verdict) -> None:
        """Note a verdict."""
        self.verdicts.append(verdict)
        self._add("checks", check_entry(self.nodeid, verdict))

    def subject(self, subject: Subject, **sections: Any) -> None:
        """Note a subject, with sections that a check brings along."""
        entry = subject_entry(subject)
        if self.registry is not None and entry["signature"] not in self.described:
            self.described.add(entry["signature"])
            entry |= describe(subject, self.registry)
        self._add("subjects", {**entry, **sections})

    def result(self, subject: Subject, section: str, result: Any) -> None:
        """Add a result (it has `to_dict()`) to a section that is a list: `latency`, `heatmaps`."""
        self.subject(subject, **{section: [{**result.to_dict(), "nodeid": self.nodeid}]})
        if waited := getattr(result, "waited", 0.0):
            self._add("waited", waited)

    def own(self, subject: Subject, result: Any) -> None:
        """Note that `result` is of `subject`."""
        self.owned[id(result)] = (subject, result)

    def owner(self, result: Any) -> Subject | None:
        """The subject that `result` is of; None if it was made outside this test's handles."""
        return self.owned.get(id(result), (None, None))[0]

    def panel(self, subject: str, title: str, kind: str, content: Any) -> None:
        """Note a panel of the user's own."""
        panel = {"nodeid": self.nodeid, "subject": subject, "title": title, "kind": kind, "content": content}
        self._add("panels", panel)

    def drain(self) -> dict[str, Any]:
        """What came since the last call, as a part of the record; empty if nothing did."""
        parts, self._parts = self._parts, {}
        return {**parts, "environment": torch_environment()} if parts else {}

    def _add(self, key: str, entry: Any) -> None:
        self._parts.setdefault(key, []).append(entry)


def describe(subject: Subject, registry: Registry) -> dict[str, Any]:
    """All sections of a subject. One that cannot be made says why in its place."""
    sections = {}
    for name, section in registry.sections.items():
        try:
            sections[name] = section(subject)
        except ModelCheckError as error:
            sections[name] = {"error": str(error)}
        except Exception as error:
            sections[name] = {"error": f"unexpected {type(error).__name__}: {error}"}
    return sections


def panel_content(content: Any) -> tuple[str, Any]:
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
