"""A test's markers as pytest has them, read into a plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..demand import SUBJECT
from ..demand.markers import Marker, read_marker
from ..demand.place import marker_line
from ..demand.plan import Plan, make_plan
from ..verdict.limit import Place

if TYPE_CHECKING:
    import pytest
    from _pytest.nodes import Node

    from ..demand.check import Catalogue
    from ..settings import Settings


def plan_item(item: pytest.Item, catalogue: Catalogue, settings: Settings) -> Plan:
    """Read all our markers of a test, the closest first."""
    return make_plan(list(_markers(item, catalogue)), settings)


def _markers(item: pytest.Item, catalogue: Catalogue) -> Iterator[tuple[Marker, str]]:
    names = {SUBJECT, *catalogue.names}
    seen: dict[tuple[int, str], int] = {}
    for node, mark in item.iter_markers_with_node():
        if mark.name not in names:
            continue
        count = seen[id(node), mark.name] = seen.get((id(node), mark.name), -1) + 1
        where = _where(item, node, mark.name, count)
        place = Place(_owner(item, node), mark.name, count)
        marker = read_marker(catalogue, mark.name, mark.args, mark.kwargs, place, where)
        if marker is not None:
            yield marker, where


def _owner(item: pytest.Item, node: Node) -> str:
    """The node id of what has the marker: of a test without its parameters, which share its markers."""
    if node is not item:
        return node.nodeid
    name = getattr(item, "originalname", None) or item.name
    return f"{item.parent.nodeid}::{name}" if item.parent is not None else name


def _where(item: pytest.Item, node: Node, marker: str, occurrence: int) -> str:
    path, line, _ = item.reportinfo()
    names = node.nodeid.split("::")[1:]
    if node is item and names:
        names[-1] = getattr(item, "originalname", None) or names[-1]
    number = marker_line(Path(path), ".".join(names), marker, occurrence, (line or 0) + 1)
    return f"{_relative(Path(path), item.config.rootpath)}:{number}"


def _relative(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
