"""Which subjects and checks of two records are the same: by their tests and what these say, never by a name for people.

A key of a record of an older release may be empty: nobody knows, so that it matches any.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import ModelCheckError
from ..verdict.phases import FORWARD
from .plain import plain
from .types import CheckEntry, PlaceEntry, SubjectEntry


@dataclass(frozen=True)
class CheckKey:
    """Which check: the same in every run of the same test. `others` are what its test says of its other subjects,
    `rivals` those of them of which it demands the same; `same_code`: the very same test ran, so that its markers stand
    where they stood.
    """

    nodeid: str
    place: PlaceEntry
    metric: str
    options: Mapping[str, object]
    source: str
    others: frozenset[str] = frozenset()
    rivals: frozenset[str] = frozenset()
    same_code: bool = False


class Ambiguous(ModelCheckError):
    """Several checks may be the same one."""


def find_check(checks: Iterable[CheckEntry], key: CheckKey) -> CheckEntry | None:
    """The check that is the same one; None if there is none. Raises Ambiguous.

    Of markers that say the same, which may have changed places, their order tells nothing but in the very same test.
    A test that says something else of its subject than it did is still the same, unless it says that of another one;
    of several subjects that are new in this way, what is left of their names tells which is which.
    """
    asked = given_options(key.options)
    of_test = [
        check
        for check in checks
        if (check["nodeid"], check["metric"]) == (key.nodeid, key.metric)
        and given_options(check["options"]) == asked
    ]
    found = [check for check in of_test if key.same_code and check["place"] == key.place]
    found = (
        found
        or [check for check in of_test if check["source"] == key.source]
        or _said_otherwise(of_test, key)
    )
    found = [check for check in found if _stands(check["place"]) == _stands(key.place)] or found
    if len({check["signature"] or check["subject"] for check in found}) > 1:
        raise _ambiguous(found)
    return found[0] if found else None


def _said_otherwise(checks: Sequence[CheckEntry], key: CheckKey) -> list[CheckEntry]:
    """Those of which the test says nothing any more, and that may be this one. Raises Ambiguous."""
    known = {check["source"] for check in checks}
    left = [check for check in checks if check["source"] not in key.others]
    rivals = [stem(source) for source in key.rivals if source not in known]
    own = [check for check in left if stem(check["source"]) in (stem(key.source), "")]
    free = own or [check for check in left if stem(check["source"]) not in rivals]
    names = {stem(check["source"]) for check in left}
    as_likely = [rival for rival in rivals if (rival == stem(key.source) if own else rival not in names)]
    if free and as_likely:
        raise _ambiguous(free)
    return free


def _ambiguous(found: Sequence[CheckEntry]) -> Ambiguous:
    subjects = ", ".join(dict.fromkeys(f"{check['subject']} ({check['source']})" for check in found))
    return Ambiguous(
        f"the base has this of {subjects}, and which of them it is here cannot be told.\n"
        "Give each a name on its marker: name="
    )


def stem(source: str) -> str:
    """What a test says of its subject without what its model says itself: the shapes of its parameters."""
    return re.sub(r"#\w+", "", source)


def _stands(place: PlaceEntry) -> tuple[str, str]:
    return place["node"], place["marker"]


def given_options(options: Mapping[str, object]) -> str:
    """Options as text: those that say something, in one order."""
    said = {key: value for key, value in options.items() if value not in (None, FORWARD)}
    return json.dumps(plain(said), sort_keys=True)


def find_subject(subjects: Sequence[SubjectEntry], key: CheckKey) -> SubjectEntry | None:
    """The subject that a check is of; None if there is none, or if several may be meant."""
    of_test = [entry for entry in subjects if key.nodeid in entry["nodeids"]]
    exact = [e for e in of_test if {"nodeid": key.nodeid, "source": key.source} in e["demands"]]
    found = exact or [e for e in of_test if not _is_anothers(e, key)]
    return found[0] if len(found) == 1 else None


def _is_anothers(entry: SubjectEntry, key: CheckKey) -> bool:
    """Whether the test says of it what it says of another of its subjects now."""
    said = [demand["source"] for demand in entry["demands"] if demand["nodeid"] == key.nodeid]
    return any(source in key.others for source in said)


def matched(base: Sequence[SubjectEntry], head: Sequence[SubjectEntry]) -> dict[str, SubjectEntry]:
    """For each subject of the head, by signature, the one of the base that is the same.

    First those of which the most tests say the same, then those that the same tests have to do with; and where a test
    has to do with several, or none is shared, the one of that name if no test speaks against it.
    """
    found: dict[str, SubjectEntry] = {}
    for facts in (_demands, _tests):
        _pair(base, head, found, facts)
    taken = {entry["signature"] for entry in found.values()}
    named: dict[str, list[SubjectEntry]] = {}
    for entry in base:
        named.setdefault(entry["name"], []).append(entry)
    known = [{nodeid for entry in side for nodeid in entry["nodeids"]} for side in (base, head)]
    for entry in head:
        twins = [e for e in named.get(entry["name"], ()) if e["signature"] not in taken]
        if entry["signature"] not in found and len(twins) == 1 and _may_be(twins[0], entry, *known):
            found[entry["signature"]] = twins[0]
            taken.add(twins[0]["signature"])
    return found


def _pair(
    base: Sequence[SubjectEntry],
    head: Sequence[SubjectEntry],
    found: dict[str, SubjectEntry],
    facts: Callable[[SubjectEntry], set[Hashable]],
) -> None:
    """Pair what shares the most facts first; equal likeness goes by signature, then by name."""
    taken = {entry["signature"] for entry in found.values()}
    owners: dict[Hashable, list[int]] = {}  # of each fact, in the base
    for i, old in enumerate(base):
        for fact in facts(old) if old["signature"] not in taken else ():
            owners.setdefault(fact, []).append(i)
    pairs = []
    for j, new in enumerate(head):
        told = facts(new) if new["signature"] not in found else ()
        likeness = Counter(i for fact in told for i in owners.get(fact, ()))
        for i, shared in likeness.items():
            old = base[i]
            pairs.append((-shared, old["signature"] != new["signature"], old["name"] != new["name"], i, j))
    for *_, i, j in sorted(pairs):
        if base[i]["signature"] not in taken and head[j]["signature"] not in found:
            found[head[j]["signature"]] = base[i]
            taken.add(base[i]["signature"])


def _demands(entry: SubjectEntry) -> set[Hashable]:
    """What tests say of it."""
    return {(demand["nodeid"], demand["source"]) for demand in entry["demands"] if demand["source"]}


def _tests(entry: SubjectEntry) -> set[Hashable]:
    return {*entry["nodeids"]}


def _may_be(old: SubjectEntry, new: SubjectEntry, known_to_base: set[str], known_to_head: set[str]) -> bool:
    """Whether a name alone is enough: the tests of both are gone on the other side."""
    return known_to_base.isdisjoint(new["nodeids"]) and known_to_head.isdisjoint(old["nodeids"])
