"""The shapes of what records hold of structures and of autograd's graphs."""

from __future__ import annotations

from typing import Literal, TypeAlias

from typing_extensions import NotRequired, TypedDict

Shape: TypeAlias = list[int]
Status: TypeAlias = Literal["", "added", "removed", "changed"]
Kind: TypeAlias = Literal["added", "removed", "changed", "moved"]


class ModuleRow(TypedDict):
    """A module of the tree, with its settings and the shapes of its own parameters."""

    name: str
    type: str
    depth: int
    attributes: str
    params: int
    own_params: int
    frozen: bool
    shapes: list[tuple[str, Shape]]
    settings: dict[str, object]
    buffers: NotRequired[list[str] | None]


class StateRow(TypedDict):
    """A key of the state_dict; `same`: the first key of the same tensor, where several are tied."""

    key: str
    shape: Shape | None
    dtype: str
    kind: str
    same: NotRequired[str]


class StateEntry(TypedDict):
    """What a checkpoint holds. `loaders`: classes with loading code of their own."""

    held: list[StateRow]
    loaders: list[str]


class KeyPair(TypedDict):
    """A key of the base, and what it is in the head, with both shapes in words."""

    base: str
    head: str
    shapes: list[str]


class FirstKeys(TypedDict):
    """The first keys of each sort."""

    renamed: list[KeyPair]
    missing: list[str]
    unexpected: list[str]
    reshaped: list[KeyPair]


class CheckpointChange(TypedDict):
    """Whether a checkpoint of the base loads into the head, and how many keys stand against it, or mean others now."""

    loads: bool
    renamed: int
    missing: int
    unexpected: int
    reshaped: int
    first: FirstKeys
    loaders: list[str]


class NodeRow(TypedDict):
    """An operator's call: `inputs` are (node, output) pairs; `places` the arguments that these and `params` are given
    as, `unseen` whether what happens inside was not seen.
    """

    operator: str
    scope: int
    inputs: list[tuple[int, int]]
    attributes: dict[str, object]
    params: list[tuple[str, Shape]]
    shapes: list[Shape]
    dtypes: list[str]
    dynamic: bool
    places: NotRequired[list[str]]
    unseen: NotRequired[bool]
    status: NotRequired[Status]


class ScopeRow(TypedDict):
    """A module's call, in the scope of the one that called it."""

    module: str
    type: str
    call: int
    parent: int
    status: NotRequired[Status]


class GraphEntry(TypedDict):
    """Operators in the order of their calls. `held`: digests of tensors that no module has, by name; `unseen`: how many
    steps were not seen inside.
    """

    nodes: list[NodeRow]
    scopes: list[ScopeRow]
    unused: int
    held: NotRequired[dict[str, str]]
    unseen: NotRequired[int]


class ChangeRow(TypedDict):
    """One difference of a module, a setting or an operator. `cost`: how much more the module costs than at the base, by
    the unit's noun, where that is known.
    """

    kind: Kind
    path: str
    what: str
    before: str | None
    after: str | None
    text: str
    cost: NotRequired[dict[str, float]]


class GraphChange(TypedDict):
    """How many operators each side has, and how many differ. `paths`: at how many places operators that are the same
    stand in a module of another path; `same`: all are the same, in the same order.
    """

    base: int
    head: int
    added: int
    removed: int
    changed: int
    paths: NotRequired[int]
    same: NotRequired[bool]


LinkRow: TypeAlias = tuple[int, int, int, Status]  # source, its output, target, what became of the edge


class EarlierRow(TypedDict):
    """An operator of the graph of both that has other attributes than at the base, with those."""

    node: int
    attributes: dict[str, object]


class DiffEntry(TypedDict):
    """Base and head in one graph. `links`: edges between operators that both have, which only one of the two has;
    `earlier`: what changed operators were at the base.
    """

    base: str
    changes: list[ChangeRow]
    graph: GraphEntry | None
    links: NotRequired[list[LinkRow]]
    earlier: NotRequired[list[EarlierRow]]


class StructureEntry(TypedDict):
    """What `Structure.to_dict()` gives; `diff` where a base was compared."""

    fingerprint: NotRequired[str]
    modules: NotRequired[list[ModuleRow]]
    graph: NotRequired[GraphEntry | None]
    reason: NotRequired[str | None]
    notes: NotRequired[list[str]]
    state: NotRequired[StateEntry | None]
    diff: NotRequired[DiffEntry]


class AutogradEntry(TypedDict):
    """What a test's `structure(autograd=True)` found."""

    parameters: dict[str, str]


class GradientRow(TypedDict):
    """A backward function, or a `parameter` (whether it is trained, not reached or frozen)."""

    operator: str
    scope: int
    inputs: list[list[int]]
    attributes: dict[str, object]
    shapes: list[Shape]
    parameter: str
    status: NotRequired[Status]


class GradientGraph(TypedDict):
    """Autograd's graph in the format of the structure's own."""

    nodes: list[GradientRow]
    scopes: list[ScopeRow]
    unused: int


class AutogradContent(AutogradEntry):
    """All that `AutogradGraph.to_dict()` gives."""

    functions: int
    graph: GradientGraph


class StructureContent(StructureEntry):
    """All that `Structure.to_dict()` gives; reports from elsewhere are checked for what the entry says."""

    fingerprints: dict[str, str | None]
    autograd: NotRequired[AutogradContent]


class Drawing(TypedDict):
    """What a picture of autograd's graph is made of."""

    graph: GradientGraph
    modules: list[ModuleRow]
    diff: NotRequired[DiffEntry]


class Nested(ModuleRow):
    """A module of the tree with those in it."""

    children: list[Nested]
