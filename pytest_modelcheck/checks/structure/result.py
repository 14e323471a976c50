"""Structure: module tree, operator graph and weights of a model, each with its fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, cast

from ...text import count, first_line_repr
from ..reported import Reported
from .checkpoint import State
from .compare.change import Change
from .compare.diff import compare
from .digest import digest
from .graph import Graph
from .node import ModuleNode

if TYPE_CHECKING:
    from .autograd import AutogradGraph
    from .rows import ModuleRow, StructureContent


@dataclass(frozen=True)
class Structure(Reported):
    """A model's structure. `modules` in the order of `named_modules()`, the root's name is empty.

    `graph` is None without inputs to run the model on, `weights` (SHA-256 of each tensor) and `autograd` unless asked
    for; `reason` says why the model could not be run for the report; `state` is what its checkpoints hold; `note`: that
    its own state decides what it computes.
    """

    section = "structure"

    name: str
    modules: tuple[ModuleNode, ...]
    graph: Graph | None = None
    weights: Mapping[str, str] | None = None
    autograd: AutogradGraph | None = None
    reason: str = ""
    state: State | None = None
    note: str = ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know of the graph: that the model's state decides on it, how many steps were not seen inside."""
        unseen = self.graph.unseen if self.graph is not None else 0
        seen = f"{count(unseen, 'step')} not seen inside (numpy, TorchScript, C++ or Python's own)."
        return tuple(filter(None, (self.note, seen if unseen else "")))

    @cached_property
    def tree_fingerprint(self) -> str:
        """SHA-256 over names, types, settings and parameter shapes of all modules, and over which tensors are tied."""
        ties = sorted(self.state.ties.items()) if self.state is not None else []
        return digest([[[m.name, *m.facts] for m in self.modules], ties])

    @property
    def graph_fingerprint(self) -> str | None:
        """SHA-256 over the operators and the data flow between them; no names. None without a graph."""
        return self.graph.fingerprint if self.graph is not None else None

    @property
    def weights_fingerprint(self) -> str | None:
        """SHA-256 over the values of parameters and buffers; None unless they were asked for."""
        return digest(sorted(self.weights.items())) if self.weights is not None else None

    @cached_property
    def fingerprint(self) -> str:
        """Tree, graph and which layer stands where in it: equal in every process and for any weights."""
        if self.graph is None:
            return self.tree_fingerprint
        return digest([self.tree_fingerprint, self.graph.wiring])

    def diff(self, other: Structure) -> list[Change]:
        """What changed from `other` (the base) to this one: added, removed, changed, moved; empty if nothing did.

        `str()` of a change says module path, what changed, from -> to; layers that changed alike are one. Of values it
        tells where both have `weights`, and of tensors that attributes and closures hold.
        """
        return compare(other, self)

    def to_svg(self, depth: int = 1) -> str:
        """The graph as an SVG picture for documents, modules opened down to `depth` levels (0: the model's own)."""
        from .diagram import Diagram
        from .picture import svg

        return svg(Diagram(self.to_dict()), depth)

    def to_dot(self) -> str:
        """The graph as Graphviz text, modules as clusters."""
        from .dot import graph_to_dot

        return graph_to_dot(self.name, self.graph)

    def to_dict(self) -> StructureContent:
        """The record's section."""
        fingerprints = {
            "tree": self.tree_fingerprint,
            "graph": self.graph_fingerprint,
            "weights": self.weights_fingerprint,
        }
        made: StructureContent = {
            "fingerprint": self.fingerprint,
            "fingerprints": fingerprints,
            "modules": [cast("ModuleRow", asdict(m)) for m in self.modules],
            "graph": self.graph.to_dict() if self.graph is not None else None,
            "reason": self.reason,
            "notes": list(self.notes),
            "state": self.state.to_dict() if self.state is not None else None,
        }
        if self.autograd is not None:
            made["autograd"] = self.autograd.to_dict()
        return made

    def _also(self) -> Iterable[Reported]:
        return () if self.autograd is None else (self.autograd,)

    def __repr__(self) -> str:
        return first_line_repr(self)

    def __str__(self) -> str:
        return "\n".join(_line(m, self.name) for m in self.modules)


def _line(node: ModuleNode, model: str) -> str:
    label = node.name.rpartition(".")[2] or model
    return f"{'  ' * node.depth}{label}: {node.type}({node.attributes})  {node.params:,} parameters"
