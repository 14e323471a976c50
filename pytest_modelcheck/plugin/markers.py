"""A test's markers as pytest has them, read into a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ..demand import SUBJECT
from ..demand.markers import read_marker
from ..demand.place import marker_line
from ..demand.plan import Found, Plan, make_plan
from ..verdict.limit import Place
from .injection import marks_of

if TYPE_CHECKING:
    from ..demand.check import Catalogue
    from ..settings import Settings


class Owner(NamedTuple):
    """What has markers: a parameter, a test, a class or one of its bases, a module; `node` is its node id, `name` its
    dotted name in the source, `definition` the function, class or module; None for parameters, and for nodes that have
    none.
    """

    node: str
    name: str
    marks: Sequence[pytest.Mark]
    definition: object = None


class Placed(NamedTuple):
    """A marker of a test, how far from the test it stands, on what, and which one it is there."""

    distance: int
    owner: Owner
    place: Place
    mark: pytest.Mark


def plan_item(item: pytest.Item, catalogue: Catalogue, settings: Settings) -> Plan:
    """Read all our markers of a test, the closest first."""
    return make_plan(list(_markers(item, catalogue, fills=settings.updates)), settings)


def placed_marks(item: pytest.Item, catalogue: Catalogue) -> Iterator[Placed]:
    """All our markers of a test, the closest first."""
    names = {SUBJECT, *catalogue.names}
    for distance, owner in enumerate(_owners(item)):
        seen: Counter[str] = Counter()
        for mark in owner.marks:
            if mark.name in names:
                yield Placed(distance, owner, Place(owner.node, mark.name, seen[mark.name]), mark)
                seen[mark.name] += 1


def _markers(item: pytest.Item, catalogue: Catalogue, *, fills: bool) -> Iterator[Found]:
    for distance, owner, place, mark in placed_marks(item, catalogue):
        where = _where(item, owner.name, mark.name, place.index)
        marker = read_marker(catalogue, mark.name, mark.args, mark.kwargs, place, where, fills=fills)
        if marker is not None:
            yield Found(marker, where, distance)


def _owners(item: pytest.Item) -> Iterator[Owner]:
    """What the test's markers stand on, the closest first: a parameter, the test, its class along the MRO, its module.

    pytest itself lists a class's markers with those of its bases, the bases' first.
    """
    for node in reversed(item.listchain()):
        names = node.nodeid.split("::")[1:]
        if node is item:
            yield from _owners_at_test(item, names)
        elif isinstance(node, pytest.Class) and isinstance(node.obj, type):
            yield from _owners_at_class(node, names)
        else:
            yield Owner(node.nodeid, ".".join(names), node.own_markers, getattr(node, "obj", None))


def _owners_at_test(item: pytest.Item, names: list[str]) -> Iterator[Owner]:
    name = getattr(item, "originalname", None) or item.name
    node = f"{item.parent.nodeid}::{name}" if item.parent is not None else name
    dotted = ".".join([*names[:-1], name])
    given = {id(mark) for mark in getattr(getattr(item, "callspec", None), "marks", ())}
    yield Owner(item.nodeid, dotted, [mark for mark in item.own_markers if id(mark) in given])
    own = [mark for mark in item.own_markers if id(mark) not in given]
    yield Owner(node, dotted, own, getattr(item, "obj", None))


def _owners_at_class(node: pytest.Class, names: list[str]) -> Iterator[Owner]:
    written = {base: marks_of(vars(base).get("pytestmark", ())) for base in node.obj.__mro__}
    known = {id(mark) for marks in written.values() for mark in marks}
    added = [mark for mark in node.own_markers if id(mark) not in known]  # by a hook
    for base, marks in written.items():
        if base is node.obj:
            yield Owner(node.nodeid, ".".join(names), [*added, *marks], base)
        else:
            yield Owner(f"{node.nodeid}<{base.__qualname__}", base.__qualname__, marks, base)


def _where(item: pytest.Item, owner: str, marker: str, occurrence: int) -> str:
    if written := getattr(item, "written", ""):  # on the command line
        return str(written)
    path, line, _ = item.reportinfo()
    number = marker_line(Path(path), owner, marker, occurrence, (line or 0) + 1)
    return f"{_relative(Path(path), item.config.rootpath)}:{number}"


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
