"""Two stored structures (`text.to_text`) compared: what changed in the words of any other comparison."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ....verdict.measurement import ROOT
from ..node import ModuleNode
from ..result import Structure
from ..told import told
from .change import OPERATOR, Change
from .diff import Comparison
from .sequences import opcodes

_MODULE = re.compile(r"(?P<label>.+?): (?P<type>[^( ]+)(?:\((?P<settings>.*)\))?(?:  (?P<shapes>\S.*))?")
_CALL = re.compile(r"\. (?P<operator>[^(]+)\((?P<attributes>.*)\) -> (?P<shapes>.*)")
_NEXT_SETTING = re.compile(r", (?=\w+=)")
TOLD = 3  # settings in a module's title
FLOW = "what the operators read, their order, or numbers that are no argument of theirs"


@dataclass(frozen=True)
class Call:
    """An operator that a module calls itself."""

    operator: str
    attributes: str
    shapes: str


Calls = Mapping[str, Sequence[Call]]  # by the module's path


def differences(actual: str, expected: str) -> list[str]:
    """What changed from the stored text, one line for each module, or for several that changed alike.

    Empty where all that differs is what the text does not tell. Raises ValueError for a text that is none of ours.
    """
    if _ends(actual) == _ends(expected):
        return []  # the order of steps that do not depend on each other is no fact
    (old, old_calls), (new, new_calls) = _read(expected), _read(actual)
    compared = Comparison(old, new)
    kept = {old: new for old, new in compared.paths.items() if new not in compared.reclassed}
    changes = [*compared.changes, *_of_operators(old_calls, new_calls, kept)]
    if not changes:
        changes = list(_of_shapes(old_calls, new_calls))[:1]
    if not changes and _ends(actual)[-1:] != _ends(expected)[-1:]:
        changes = [Change("changed", "", FLOW)]
    return [f"{one.name or ROOT}: {one.words}" for one in told(change.to_dict() for change in changes)]


def _read(text: str) -> tuple[Structure, Calls]:
    tree, _, _ = text.partition("\n\n")
    path: list[str] = []
    modules: list[ModuleNode] = []
    calls: dict[str, list[Call]] = {}
    for line in tree.splitlines():
        depth = (len(line) - len(line.lstrip(" "))) // 2
        call = _CALL.fullmatch(line.strip())
        if call is not None:
            calls.setdefault(".".join(path[1:depth]), []).append(Call(*call.groups()))
            continue
        found = _MODULE.fullmatch(line.strip())
        if found is None or depth > len(path):
            raise ValueError(f"no module: {line!r}")
        path[depth:] = [found["label"]]
        modules.append(_module(".".join(path[1:]), depth, found))
    return Structure("", tuple(modules)), calls


def _ends(text: str) -> list[str]:
    """The lines with the fingerprints of tree and graph. Raises ValueError for a text without."""
    found = text.splitlines()[-2:]
    if [line[:6] for line in found] != ["tree  ", "graph "]:
        raise ValueError("no fingerprints")
    return found


def _module(name: str, depth: int, found: re.Match[str]) -> ModuleNode:
    pairs = [part.partition("=") for part in _NEXT_SETTING.split(found["settings"] or "") if part]
    settings = {key: value for key, _, value in pairs}
    title = ", ".join(f"{key}={value}" for key, value in [*settings.items()][:TOLD])
    tensors = [part.rpartition(" ") for part in (found["shapes"] or "").split(", ") if part]
    shapes = tuple((key, _shape(words)) for key, _, words in tensors)
    own = sum(math.prod(shape) for _, shape in shapes)
    return ModuleNode(name, found["type"], depth, title, own, own, False, shapes, settings)


def _shape(words: str) -> tuple[int, ...]:
    return () if words == "scalar" else tuple(int(size) for size in words.split("×"))


def _of_operators(old: Calls, new: Calls, paths: Mapping[str, str]) -> Iterator[Change]:
    """Operators that came, went, or have other attributes, in modules that both sides have."""
    for before, path in paths.items():
        base, head = old.get(before, ()), new.get(path, ())
        names = [[call.operator for call in side] for side in (base, head)]
        gone: list[Call] = []
        come: list[Call] = []
        for kind, i, i_end, j, j_end in opcodes(*names):
            if kind == "equal":
                yield from _of_attributes(path, base[i:i_end], head[j:j_end])
            elif (i_end - i, j_end - j) == (1, 1):
                yield Change("changed", path, "operator", base[i].operator, head[j].operator)
            else:
                gone += base[i:i_end]
                come += head[j:j_end]
        moved = Counter(gone) & Counter(come)  # to another place among the steps
        yield from (Change("removed", path, OPERATOR + call.operator) for call in _without(gone, moved))
        yield from (Change("added", path, OPERATOR + call.operator) for call in _without(come, moved))


def _without(calls: Sequence[Call], others: Counter[Call]) -> Iterator[Call]:
    left = others.copy()
    for call in calls:
        left[call] -= 1
        if left[call] < 0:
            yield call


def _of_attributes(path: str, base: Sequence[Call], head: Sequence[Call]) -> Iterator[Change]:
    for one, other in zip(base, head, strict=True):
        old, new = (_NEXT_SETTING.split(call.attributes) for call in (one, other))
        before, after = (
            [part for part in side if part not in rest] for side, rest in ((old, new), (new, old))
        )
        if before or after:
            yield Change("changed", path, OPERATOR + one.operator, ", ".join(before), ", ".join(after))


def _of_shapes(old: Calls, new: Calls) -> Iterator[Change]:
    """Outputs of another shape: told where nothing else is, since it follows from what changed before."""
    for path, calls in new.items():
        for before, after in zip(old.get(path, ()), calls, strict=False):
            if before.shapes != after.shapes:
                yield Change("changed", path, f"output of {after.operator}", before.shapes, after.shapes)
