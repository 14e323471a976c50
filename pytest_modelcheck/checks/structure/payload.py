"""What the page's viewer draws from: the boxes that can be seen, with all that is told of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...verdict.units import PARAMS
from .diagram import Box, Diagram, shape_words
from .grid import Route
from .told import by_module, change_words, place_of

if TYPE_CHECKING:
    from ...records.section import Spread
    from .rows import Drawing, StructureEntry

Value = tuple[str, int, str]  # the argument's name, the box that gives it, shape and dtype


def payload(
    section: StructureEntry | Drawing, costs: Mapping[str, int], spreads: Iterable[Spread] = ()
) -> dict[str, object] | None:
    """Boxes by their numbers, and the figures that they may be coloured by. None where there is no graph.

    Things are told in words here; zeros and what is empty are left out.
    """
    diff = section.get("diff")
    if not (section.get("graph") or (diff and diff.get("graph"))):
        return None
    return _Payload(section, costs, list(spreads)).made()


class _Payload:
    def __init__(
        self, section: StructureEntry | Drawing, costs: Mapping[str, int], spreads: Sequence[Spread]
    ) -> None:
        self.diagram, self.costs = Diagram(section), costs
        self.boxes, self.nodes = self.diagram.boxes, self.diagram.nodes
        self.spreads = [spread for spread in spreads if spread.values.get("")]
        diff = section.get("diff")
        rows = diff["changes"] if diff else []
        self.changes = {place_of(rows[0]): rows for _, rows in by_module(rows)}
        self.earlier = {row["node"]: row["attributes"] for row in diff.get("earlier", [])} if diff else {}
        self.seen = self._seen()
        self.inputs: dict[int, dict[Value, None]] = {}
        self.outputs: dict[int, dict[str, None]] = {}
        self._read()

    def made(self) -> dict[str, object]:
        """All of it."""
        figures = [
            {"title": spread.metric.words, "total": spread.metric.unit.format(spread.values[""])}
            for spread in self.spreads
        ]
        total = self.boxes[0].params
        figures += [{"title": "parameters", "total": PARAMS.format(total)}] if total else []
        return {"figures": figures, "boxes": {number: self._box(number) for number in sorted(self.seen)}}

    def _seen(self) -> set[int]:
        seen, todo = {0}, [0]
        while todo:
            children = self.boxes[todo.pop()].children
            seen.update(children)
            todo += children
        return seen

    def _around(self, node: int) -> list[int]:
        """The boxes that an operator is seen in, from the inside out; its own, if it has one, is the first."""
        found = []
        box = self.diagram.place[node]
        while box >= 0:
            found += [box] if box in self.seen else []
            box = self.boxes[box].parent
        return found

    def _read(self) -> None:
        """What goes into each box, and what comes out."""
        around = [self._around(number) for number in range(len(self.nodes))]
        for number, node in enumerate(self.nodes):
            names = _places(node, len(node["inputs"]))
            for (source, slot), name in zip(node["inputs"], names, strict=True):
                if not self._is_read(source, number, slot):
                    continue
                words = self._words(source, slot)
                inner = {*around[source]}
                for box in around[number]:
                    if box not in inner:
                        own = name if self._is_own(box, number) else ""
                        self.inputs.setdefault(box, {})[own, around[source][0], words] = None
                given = {*around[number]}
                for box in around[source]:
                    if box not in given and not self._is_own(box, source):
                        self.outputs.setdefault(box, {})[words] = None
            home = around[number][0]
            if self._is_own(home, number) and node["operator"] != "output":
                told = {self._words(number, slot): None for slot in range(len(node["shapes"]))}
                self.outputs[home] = told

    def _is_own(self, box: int, node: int) -> bool:
        """Whether a box is this operator, and not a call around it."""
        return self.boxes[box].node == node and not self.boxes[box].children

    def _is_read(self, source: int, number: int, slot: int) -> bool:
        """Not so of what fed an operator at the base alone, unless it is gone itself."""
        status = self.nodes[source].get("status") or self.diagram.links.get((source, number, slot), "")
        return status != "removed" or self.nodes[number].get("status") == "removed"

    def _words(self, node: int, slot: int) -> str:
        row: Mapping[str, Any] = self.nodes[node]
        shapes, dtypes = row["shapes"], row.get("dtypes", [])
        shape = shape_words(shapes[slot]) if slot < len(shapes) else ""
        return f"{shape} {dtypes[slot]}" if slot < len(dtypes) else shape

    def _box(self, number: int) -> dict[str, object]:
        box = self.boxes[number]
        kind = box.kind
        facts = {
            "title": box.title,
            "name": box.name,
            "parent": box.parent,
            "shape": box.shape,
            "attributes": box.attributes,
            "params": box.params,
            "frozen": box.frozen,
            "macs": self.costs.get(box.name, 0) if kind == "module" else 0,
            "repeat": box.repeat,
            "status": box.status,
            "view": box.view,
            "parameter": kind == "parameter",
            "fold": kind == "repeat",
            "inputs": [list(value) for value in self.inputs.get(number, ())],
            "outputs": list(self.outputs.get(number, ())),
            "tensors": list(self._tensors(box)),
            "changes": list(self._changes(box)),
            "figures": self._figures(box),
        }
        packed = {key: value for key, value in facts.items() if value}
        if box.grid is not None:
            packed["cells"] = [[child, *cell] for child, cell in box.grid.cells.items()]
            packed["routes"] = [_route(box, route) for route in box.grid.routes]
            packed["tracks"] = box.grid.tracks
        return packed

    def _tensors(self, box: Box) -> Iterator[tuple[str, str, str]]:
        """The parameters and buffers of a module, or those that an operator reads: path, name, shape."""
        if box.kind == "module":
            module = self.diagram.modules.get(box.path)
            for key, shape in module["shapes"] if module else ():
                yield f"{box.path}.{key}" if box.path else key, key, shape_words(shape)
        elif box.kind == "operator":
            row: Mapping[str, Any] = self.nodes[box.node]
            params = row.get("params", [])
            places = row.get("places") or []
            names = places[len(places) - len(params) :] if len(places) >= len(params) else [""] * len(params)
            for (path, shape), name in zip(params, names, strict=True):
                yield path, f"{name}: {path}" if name else path, shape_words(shape)

    def _changes(self, box: Box) -> Iterator[tuple[str, str | None, str | None]]:
        """What, before, after; what became of a thing is a part of its words."""
        if box.kind == "module":
            for row in self.changes.get((box.path, box.status == "removed"), ()):
                valued = row["kind"] == "changed"
                sides = (row["before"], row["after"]) if valued else (None, None)
                yield (row["what"], *sides) if valued else (change_words(row), *sides)
        elif box.node in self.earlier:
            old, new = self.earlier[box.node], self.nodes[box.node]["attributes"]
            for key in dict.fromkeys([*old, *new]):
                if old.get(key) != new.get(key):
                    yield key, _side(old.get(key)), _side(new.get(key))

    def _figures(self, box: Box) -> list[tuple[float, str] | None]:
        """Of each figure: its share of the model's, and itself in words."""
        found: list[tuple[float, str] | None] = []
        for spread in self.spreads:
            value = self._figure(box, spread)
            share = value / spread.values[""] if value is not None else 0
            found.append((round(share, 5), spread.metric.unit.format(value)) if value is not None else None)
        total = self.boxes[0].params
        if total:
            found.append((round(box.params / total, 5), PARAMS.format(box.params)) if box.params else None)
        return found if any(found) else []

    def _figure(self, box: Box, spread: Spread) -> float | None:
        """A run's is its members' sum."""
        if box.kind == "module":
            return spread.values.get(box.path)
        if box.kind == "repeat":
            inner = [self._figure(self.boxes[child], spread) for child in box.children]
            known = [value for value in inner if value is not None]
            return sum(known) if known else None
        return None


def _places(node: Mapping[str, Any], inputs: int) -> list[str]:
    """The names of the arguments that the inputs are; "" where the record does not know."""
    named = node.get("places") or []
    own = named[: max(0, len(named) - len(node.get("params", [])))][:inputs]
    return [*own, *[""] * (inputs - len(own))]


def _side(value: object) -> str | None:
    return None if value is None else str(value)


def _route(box: Box, route: Route) -> list[object]:
    status = box.way_status(route.source, route.target)
    packed = [route.source, route.target, route.shape, route.rail, route.track, route.last]
    return [*packed, status] if status else packed
