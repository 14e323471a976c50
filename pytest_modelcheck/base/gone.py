"""What the base gated and this tree does not: demands of the base's own tests without a counterpart here.

Tests are matched by their node ids, by their names where files, classes or functions moved, and by what they say of
their subjects; of the demands of one test, those of one metric. What differs besides is told, and is not gone.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..records.types import CheckEntry, MovesEntry

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Match:
    """A demand of the base's own tests with the one that it is here, or None."""

    base: CheckEntry
    head: CheckEntry | None

    @property
    def differences(self) -> str:
        """What of the demand is another, where it is the same one nevertheless; empty if nothing is."""
        if self.head is None:
            return ""
        pairs = [("limit", self.base["limit_text"], self.head["limit_text"])]
        pairs += [("options", _words(self.base["options"]), _words(self.head["options"]))]
        pairs += [("level", self.base["level"], self.head["level"])]
        return ", ".join(f"{what} was {old}, is {new}" for what, old, new in pairs if old != new)


def notes_on(matches: Sequence[Match]) -> Iterator[str]:
    """Which tests were matched though they moved, and which demands though something else of them is another."""
    moved: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for match in matches:
        if match.head is not None and match.head["nodeid"] != match.base["nodeid"]:
            (new, _, now), (old, _, before) = (e["nodeid"].partition("::") for e in (match.head, match.base))
            moved.setdefault((new, old), []).append((now, before))
    for (new, old), tests in moved.items():
        if new != old:
            yield f"tests of {new} were in {old} at the base"
        renamed = dict.fromkeys(f"{now} was {before}" for now, before in tests if now != before)
        if renamed:
            yield f"tests of {new} that had another name at the base: {', '.join(renamed)}"
    for match in matches:
        if match.head is not None and match.differences:
            yield f"{match.head['nodeid']}, {match.head['title']}: {match.differences}"


def _words(options: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={value}" for key, value in options.items() if value is not None) or "none"


def match_demands(own: Sequence[CheckEntry], head: Sequence[CheckEntry], moves: MovesEntry) -> list[Match]:
    """Each demand of `own`, the base's, with its counterpart in `head`; each of `head` is one's at most."""
    found: dict[int, CheckEntry] = {}
    free = dict(enumerate(head))
    old = {i: _Facts(entry, moves) for i, entry in enumerate(own)}
    new = {j: _Facts(entry) for j, entry in free.items()}
    for key in _KEYS:
        places: dict[object, list[int]] = {}
        for j in free:
            places.setdefault(key(new[j]), []).append(j)
        rivals: dict[object, list[int]] = {}
        for i in (i for i in old if i not in found):
            rivals.setdefault(key(old[i]), []).append(i)
        for value, waiting in rivals.items():
            if value is not None:
                for i, j in zip(waiting, places.get(value, ()), strict=False):
                    found[i] = free.pop(j)
    return [Match(entry, found.get(i)) for i, entry in enumerate(own)]


class _Facts:
    """What demands are matched by; of one at the base, as this tree would say it."""

    def __init__(self, entry: CheckEntry, moves: MovesEntry | None = None) -> None:
        self.metric, self.place = entry["metric"], (entry["place"]["marker"], entry["place"]["index"])
        self.kind = "relative" if entry.get("max_regression") is not None else "absolute"
        self.options = json.dumps(entry["options"], sort_keys=True, default=str)
        self.file, _, rest = entry["nodeid"].partition("::")
        self.source = entry["source"]
        if moves is not None:
            here = {old: new for new, old in moves["tests"].items()}
            self.file = here.get(self.file, self.file)
            names = {old: new for new, old in moves["names"].items()}
            self.source = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), self.source)
        path, bracket, parameters = rest.partition("[")
        self.tail, self.function = rest, path.rpartition("::")[2]
        self.test = self.function + bracket + parameters
        self.parameters = parameters
        self.is_telling = "model=fixture" not in self.source


_KEYS: tuple[Callable[[_Facts], object], ...] = (
    lambda f: (f.file, f.tail, f.metric, f.kind, f.options, f.source, f.place),
    lambda f: (f.file, f.tail, f.metric, f.kind, f.options, f.source),
    lambda f: (f.file, f.tail, f.metric, f.kind, f.source),
    lambda f: (f.file, f.tail, f.metric, f.source),
    lambda f: (f.file, f.tail, f.metric, f.kind),
    lambda f: (f.file, f.tail, f.metric),
    lambda f: (f.tail, f.metric, f.kind, f.source),  # the file moved
    lambda f: (f.test, f.metric, f.kind, f.source),  # the class has another name
    lambda f: (f.test, f.metric, f.kind),
    lambda f: (f.file, f.parameters, f.metric, f.kind, f.options, f.source),  # the function has
    lambda f: (f.function, f.metric, f.kind, f.source) if f.is_telling else None,  # the parameter has
    lambda f: (
        (f.parameters, f.metric, f.kind, f.source) if f.is_telling else None
    ),  # only what it says is left
    lambda f: (f.metric, f.kind, f.source) if f.is_telling else None,
)
"""From the strictest on; None: not to be matched by it."""


def elsewhere(
    entries: Iterable[CheckEntry], marked: Iterable[str], seen: Collection[str]
) -> list[CheckEntry]:
    """Those without the tests that stand, by name, in a file that this run did not look at.

    `marked`: tests of all files that differ from the base's; `seen`: node ids of this run.
    """
    files = {nodeid.partition("::")[0] for nodeid in seen}
    names = {n.partition("::")[2] for n in marked if n.partition("::")[0] not in files}
    return [e for e in entries if e["nodeid"].partition("::")[2].partition("[")[0] not in names]


def without(entries: Iterable[CheckEntry], unseen: Collection[str]) -> list[CheckEntry]:
    """Those whose file or class is not among the node ids `unseen`: what could not be looked at is not gone."""
    return [e for e in entries if not any(lies_in(e["nodeid"], place) for place in unseen)]


def lies_in(nodeid: str, place: str) -> bool:
    """Whether a node is another one or lies in it; in the session, whose node id is empty, lie all."""
    return nodeid == place or nodeid.startswith((f"{place}::", f"{place}/")) or not place


def marked_tests(source: str, names: Collection[str]) -> list[str]:
    """The tests in a file's text that have a marker, or ask for a fixture, of one of these names."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    return list(_tests(tree.body, "", _mentioned(_pytestmarks(tree.body), names), names))


def _tests(body: list[ast.stmt], prefix: str, marked: bool, names: Collection[str]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            outer = [*node.decorator_list, *_pytestmarks(node.body)]
            yield from _tests(node.body, f"{prefix}{node.name}::", marked or _mentioned(outer, names), names)
        elif isinstance(node, Function) and node.name.startswith("test"):
            asked = {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            if marked or asked & {*names} or _mentioned(node.decorator_list, names):
                yield prefix + node.name


def _pytestmarks(body: list[ast.stmt]) -> list[ast.expr]:
    return [
        node.value
        for node in body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]


def _mentioned(expressions: list[ast.expr], names: Collection[str]) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in names
        for expression in expressions
        for node in ast.walk(expression)
    )
