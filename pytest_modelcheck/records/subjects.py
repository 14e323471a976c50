"""The subjects of all tests: the same model is one, and each has a name that tells it apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, cast

from .distinct import Distinct
from .types import HEAD, CheckEntry, PanelEntry, SubjectEntry

GROWING = ("nodeids", "demands")  # of what is no section
Fact = Callable[[SubjectEntry], str]


class SubjectTable:
    """Subjects by signature. Names are made once all are known."""

    def __init__(self) -> None:
        self.by_signature: dict[str, SubjectEntry] = {}
        self._seen: dict[str, dict[str, Distinct]] = {}  # by signature and key: what lists that grow hold
        self.origins: dict[str, str] = {}  # by signature: where the first description came from

    @property
    def entries(self) -> list[SubjectEntry]:
        """All, in the order in which they came."""
        return list(self.by_signature.values())

    def add(self, entry: SubjectEntry, origin: str = "") -> None:
        """Add what a test, or (`origin`) another record, says of a subject."""
        self.origins.setdefault(entry["signature"], origin)
        known = self.by_signature.get(entry["signature"])
        if known is None:
            copied = {**entry, "nodeids": [*entry["nodeids"]], "demands": [*entry["demands"]]}
            self.by_signature[entry["signature"]] = cast("SubjectEntry", copied)
            return
        _grow(cast("dict[str, Any]", known), entry, self._seen.setdefault(entry["signature"], {}))
        known["definitions"] = {**entry["definitions"], **known["definitions"]}

    def name(self, *told: Iterable[CheckEntry] | Iterable[PanelEntry]) -> None:
        """Give each subject a name of its own, and write it where checks and panels name it."""
        names = distinct_names(self.entries, self.origins)
        for entry in self.entries:
            entry["name"] = names[entry["signature"]]
        for entries in told:
            for item in entries:
                found = self.by_signature.get(str(item.get("signature", "")))
                if found is not None:
                    item["subject"] = found["name"]


def _grow(known: dict[str, Any], entry: Mapping[str, Any], seen: dict[str, Distinct]) -> None:
    """Keep the first description of a subject, add what it lacks; lists of tests and sections that are lists grow by
    what is new.
    """
    for key, content in entry.items():
        if key not in known:
            known[key] = content
        elif key in GROWING or (isinstance(content, list) and key not in HEAD):
            if key not in seen:
                known[key] = [*known[key]] if isinstance(known[key], list) else []
                seen[key] = Distinct()
                seen[key].new(known[key])
            known[key] += seen[key].new(content)


def distinct_names(entries: Sequence[SubjectEntry], origins: Mapping[str, str]) -> dict[str, str]:
    """A name for each signature: the model's, and where several share it, what tells them apart."""
    facts = [*_FACTS, lambda entry: origins.get(entry["signature"], "")]
    groups: dict[str, list[SubjectEntry]] = {}
    for entry in entries:
        groups.setdefault(entry["name"], []).append(entry)
    names = {
        entry["signature"]: name
        for group in groups.values()
        for entry, name in zip(group, _distinct(group, facts), strict=True)
    }
    given = Counter(names.values())  # a model may be called as another one is told apart
    return {
        signature: name if given[name] == 1 else f"{name} ({signature[:8]})"
        for signature, name in names.items()
    }


def _distinct(group: Sequence[SubjectEntry], facts: Sequence[Fact]) -> list[str]:
    """The first fact that all of a group differ in, after their name: inputs, type, test, all that is known."""
    if len(group) == 1:
        return [group[0]["name"]]
    for fact in facts:
        told = [fact(entry) for entry in group]
        if all(told) and len(set(told)) == len(told):
            return [f"{entry['name']} ({words})" for entry, words in zip(group, told, strict=True)]
    return [f"{entry['name']} ({entry['signature'][:8]})" for entry in group]


def names_apart(name: str, entry: SubjectEntry) -> set[str]:
    """All that a subject called `name` may be called where others share that name."""
    return {f"{name} ({words})" for fact in _FACTS if (words := fact(entry))}


def _parameter(entry: SubjectEntry) -> str:
    _, bracket, rest = entry["nodeids"][0].partition("[") if entry["nodeids"] else ("", "", "")
    return rest.removesuffix("]") if bracket else ""


def _test(entry: SubjectEntry) -> str:
    return entry["nodeids"][0].rpartition("::")[2] if entry["nodeids"] else ""


def _file(entry: SubjectEntry) -> str:
    return PurePosixPath(entry["nodeids"][0].partition("::")[0]).name if entry["nodeids"] else ""


def _shapes(entry: SubjectEntry) -> str:
    return ", ".join(re.sub(r"(\d+x\d[x\d]*) \w+$", r"\1", text) for text in entry["inputs"])


_FACTS: Sequence[Fact] = (
    _shapes,
    lambda entry: ", ".join(entry["inputs"]),
    lambda entry: entry["type"],
    _parameter,
    _test,
    _file,
    lambda entry: entry["nodeids"][0] if entry["nodeids"] else "",
)
