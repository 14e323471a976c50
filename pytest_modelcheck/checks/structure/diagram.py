"""The graph of a record as boxes in boxes, each box's inside laid out on a grid of rows and columns.

Sizes are not known here: rows, columns and the ways of edges hold for any, so that whoever draws only adds them up.
The longest chain of a box stands in column 0 and is straight by construction, and so are the chains beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from .grid import Grid, lay_out

if TYPE_CHECKING:
    from .rows import (
        Drawing,
        GradientGraph,
        GradientRow,
        GraphEntry,
        LinkRow,
        NodeRow,
        ScopeRow,
        StructureEntry,
    )

IN, OUT = -1, -2  # where edges enter and leave a box
FOLD = 3  # as many alike in a row are drawn as one
MARKS = {"added": "+ ", "removed": "− ", "changed": "± "}  # a status is never told by its colour alone


@dataclass
class Box:
    """An operator, a module call, or a run of alike module calls or of views."""

    title: str
    name: str = ""
    parent: int = -1
    kind: str = "module"  # "operator", "parameter", "module", "repeat"
    path: str = ""  # of the module whose call it is, or whose forward calls it
    node: int = -1  # the operator, of a box that stands for one
    shape: str = ""
    attributes: str = ""
    params: int = 0
    frozen: bool = False
    repeat: int = 0
    status: str = ""
    view: bool = False
    children: list[int] = field(default_factory=list)
    edges: list[tuple[int, int, str]] = field(
        default_factory=list
    )  # between children, IN and OUT; with a shape
    ways: dict[tuple[int, int], set[str]] = field(
        default_factory=dict
    )  # statuses of all that an edge stands for
    grid: Grid | None = None

    def join(self, source: int, target: int, shape: str, statuses: set[str]) -> None:
        """Add an edge, or to what the one that is there stands for."""
        if (source, target) not in self.ways:
            self.edges.append((source, target, shape))
        self.ways.setdefault((source, target), set()).update(statuses)

    def way_status(self, source: int, target: int) -> str:
        """Of an edge: added or removed if all that it stands for is; changed if it stands for some of both alone. What
        comes in or goes out is the same, whatever became of it elsewhere.
        """
        found = self.ways.get((source, target), set())
        if found == {"added", "removed"} and source != IN and target != OUT:
            return "changed"
        return next(iter(found)) if len(found) == 1 else ""


class Diagram:
    """All boxes of a structure's section; the first is the model."""

    def __init__(self, section: StructureEntry | Drawing) -> None:
        diff = section.get("diff")
        both = diff.get("graph") if diff else None
        self.graph = cast("GraphEntry | GradientGraph", both or section["graph"])
        self.nodes: Sequence[NodeRow | GradientRow] = self.graph["nodes"]
        self.links = _links(diff.get("links") if diff and both else None)
        self.modules = {m["name"]: m for m in section["modules"]}
        self.boxes: list[Box] = []
        self.place: list[int] = []  # of each node
        self._build()
        self._connect()
        self._mark_rewired()
        self._merge_leaves()
        self._fold()
        self._spread_status()
        for box in self.boxes:
            if box.children:
                box.grid = lay_out(box.children, box.edges)

    def label(self, box: Box) -> str:
        """A box's name without that of the box around it."""
        outer = self.boxes[box.parent] if box.parent >= 0 else None
        if outer is None or not outer.name or outer.repeat:
            return box.name
        return box.name.removeprefix(outer.name + ".")

    def _build(self) -> None:
        """A box for each operator, and for each module call that holds one."""
        numbers: dict[int, int] = {}
        for node in self.nodes:
            chain = []
            scope = node["scope"]
            while scope >= 0 and scope not in numbers:
                chain.append(scope)
                scope = self.graph["scopes"][scope]["parent"]
            for scope in reversed(chain):
                entry = self.graph["scopes"][scope]
                numbers[scope] = self._add(self._module_box(entry), numbers.get(entry["parent"], -1))
            around = numbers[node["scope"]]
            box = _operator_box(node)
            box.path, box.node = self.boxes[around].path, len(self.place)
            self.place.append(self._add(box, around))

    def _add(self, box: Box, parent: int) -> int:
        number = len(self.boxes)
        box.parent = parent
        self.boxes.append(box)
        if parent >= 0:
            self.boxes[parent].children.append(number)
        return number

    def _module_box(self, scope: ScopeRow) -> Box:
        module = self.modules.get(scope["module"])
        name = scope["module"] + (f" (call {scope['call'] + 1})" if scope["call"] else "")
        return Box(
            scope["type"],
            name,
            path=scope["module"],
            attributes=module.get("attributes", "") if module else "",
            params=module.get("params", 0) if module else 0,
            frozen=module.get("frozen", False) if module else False,
            status=scope.get("status", ""),
        )

    def _connect(self) -> None:
        """Lift each edge to the box that holds both ends; the boxes it passes through get ports."""
        for number, node in enumerate(self.nodes):
            for source, slot in node["inputs"]:
                giver = self.nodes[source]
                shape = shape_words(giver["shapes"][slot]) if giver["shapes"] else ""
                status = _edge_status(giver, node) or self.links.get((source, number, slot), "")
                self._lift(self.place[source], self.place[number], shape, status)

    def _mark_rewired(self) -> None:
        """An operator that is fed by other ones, though nothing around it came or went, has changed."""
        for _, number, _ in self.links:
            givers = [self.nodes[giver] for giver, _ in self.nodes[number]["inputs"]]
            if not any(giver.get("status") in ("added", "removed") for giver in givers):
                box = self.boxes[self.place[number]]
                box.status = box.status or "changed"

    def _lift(self, u: int, v: int, shape: str, status: str) -> None:
        def inner(path: list[int]) -> list[tuple[int, int]]:
            return [(path[k - 1], path[k]) for k in range(1, len(path) - 1)]

        up, down = self._path(u), self._path(v)
        while len(up) > 1 and len(down) > 1 and up[-2] == down[-2]:
            up.pop()
            down.pop()
        ends = [(up[-1], up[-2] if len(up) > 1 else u, down[-2] if len(down) > 1 else v)]
        ends += [(parent, child, OUT) for child, parent in inner(up)]
        ends += [(parent, IN, child) for child, parent in inner(down)]
        for holder, source, target in ends:
            self.boxes[holder].join(source, target, shape, {status})

    def _path(self, box: int) -> list[int]:
        path = [box]
        while self.boxes[path[-1]].parent >= 0:
            path.append(self.boxes[path[-1]].parent)
        return path

    def _merge_leaves(self) -> None:
        """A module that calls one operator is one box: the module's title, the operator's output."""
        for box in self.boxes:
            if box.parent >= 0 and box.kind == "module" and len(box.children) == 1:
                (only,) = (self.boxes[child] for child in box.children)
                if only.kind == "operator":
                    box.shape, box.view = only.shape, only.view
                    box.status = box.status or only.status
                    box.attributes = box.attributes or only.attributes
                    box.node = only.node
                    box.children, box.edges = [], []
            if box.children and not box.shape:
                box.shape = next((shape for u, v, shape in box.edges if v == OUT), "")

    def _fold(self) -> None:
        """Alike module calls, each fed by the one before alone, become one box that opens into them."""
        signatures: dict[int, int] = {}
        for number in range(len(self.boxes) - 1, -1, -1):
            box = self.boxes[number]
            inner = tuple(signatures[child] for child in box.children)
            signatures[number] = hash((box.title, box.kind, box.params, box.status, inner, len(box.edges)))
        for number in range(len(self.boxes)):
            for run in self._runs(number, signatures):
                self._fold_run(number, run)

    def _runs(self, number: int, signatures: Mapping[int, int]) -> list[list[int]]:
        box = self.boxes[number]
        feeds: dict[int, set[int]] = {}
        fed: dict[int, set[int]] = {}
        for u, v, _ in box.edges:
            feeds.setdefault(v, set()).add(u)
            fed.setdefault(u, set()).add(v)
        runs: list[list[int]] = []
        for child in box.children:
            last = runs[-1][-1] if runs else None
            one = self.boxes[child]
            foldable = (one.kind == "module" and one.children) or self._is_bare_view(child)
            alike = last is not None and (
                signatures[last] == signatures[child]
                or (self._is_bare_view(last) and self._is_bare_view(child))
            )
            if foldable and alike and feeds.get(child) == {last} and fed.get(last or 0) == {child}:
                runs[-1].append(child)
            else:
                runs.append([child])
        return [run for run in runs if len(run) >= (2 if self._is_bare_view(run[0]) else FOLD)]

    def _is_bare_view(self, number: int) -> bool:
        box = self.boxes[number]
        return box.view and box.kind == "operator" and not box.status

    def _fold_run(self, number: int, run: list[int]) -> None:
        parent, first, last = self.boxes[number], self.boxes[run[0]], self.boxes[run[-1]]
        label = last.name.rpartition(".")[2]
        fold = Box(first.title, f"{first.name} … {label}", number, "repeat", last.shape, repeat=len(run))
        if first.view and first.kind == "operator":
            fold.title, fold.repeat, fold.view = "views", 0, True
            fold.name = ", ".join(self.boxes[child].title for child in run)
        fold.frozen = all(self.boxes[child].frozen for child in run)
        fold.params = sum(self.boxes[child].params for child in run)
        place = len(self.boxes)
        self.boxes.append(fold)
        inside = set(run)
        fold.children = run
        for child in run:
            self.boxes[child].parent = place
        parent.children[parent.children.index(run[0])] = place
        parent.children = [child for child in parent.children if child not in inside]
        edges, ways = parent.edges, parent.ways
        parent.edges, parent.ways = [], {}
        for u, v, shape in edges:
            statuses = ways[u, v]
            if u in inside or v in inside:
                fold.join(u if u in inside else IN, v if v in inside else OUT, shape, statuses)
            if not (u in inside and v in inside):
                parent.join(place if u in inside else u, place if v in inside else v, shape, statuses)

    def _spread_status(self) -> None:
        """A box with a change inside is changed itself; one with nothing else in it is as they are."""
        order = sorted(range(len(self.boxes)), key=lambda n: -len(self._path(n)))
        for number in order:
            box = self.boxes[number]
            inner = {self.boxes[child].status for child in box.children}
            if inner - {""} and not box.status:
                box.status = inner.pop() if len(inner) == 1 and box.parent >= 0 else "changed"


def _links(rows: Sequence[LinkRow] | None) -> dict[tuple[int, int, int], str]:
    """Edges between operators that both revisions have, by (source, target, output of the source)."""
    return {(source, target, slot): status for source, slot, target, status in rows or ()}


def _edge_status(giver: NodeRow | GradientRow, taker: NodeRow | GradientRow) -> str:
    ends = (giver.get("status"), taker.get("status"))
    return next((status for status in ("removed", "added") if status in ends), "")


def _operator_box(node: NodeRow | GradientRow) -> Box:
    from .graph import VIEWS

    told = ", ".join(f"{key}={value}" for key, value in node["attributes"].items())
    shape = shape_words(node["shapes"][0]) if node["shapes"] else ""
    state = cast("str", node.get("parameter", ""))  # of autograd's graph
    return Box(
        node["operator"],
        state if state != "trained" else "",
        kind="parameter" if state else "operator",
        shape=shape,
        attributes=told,
        status=node.get("status", ""),
        view=node["operator"] in VIEWS or state not in ("", "trained"),
    )


def shape_words(shape: Sequence[int]) -> str:
    """`1×3×8×8`."""
    return "×".join(map(str, shape)) or "scalar"
