"""What a source file defines and hands on at its top level, read from its text: nothing is imported."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LONGEST = 3_000  # tokens that are compared of one definition

Export = tuple[
    str, str, int
]  # the module that a name is imported from, its name there (empty: the module), the level


@dataclass(frozen=True)
class Definition:
    """A class, a function or a value; `tokens` of its text, without its own name."""

    name: str
    kind: str
    tokens: tuple[str, ...]

    def likeness(self, other: Definition) -> float:
        """From 0, of another kind or nothing in common, to 1, the same text."""
        if self.kind != other.kind:
            return 0.0
        if self.tokens == other.tokens:
            return 1.0
        return difflib.SequenceMatcher(None, self.tokens, other.tokens, autojunk=False).ratio()


@dataclass(frozen=True)
class Source:
    """A file: its definitions by name, and what it imports by the name that it has here; `stars`: whole modules."""

    definitions: Mapping[str, Definition] = field(default_factory=dict)
    exports: Mapping[str, Export] = field(default_factory=dict)
    stars: tuple[Export, ...] = ()

    @property
    def made(self) -> set[str]:
        """The names of its classes and functions."""
        return {name for name, one in self.definitions.items() if one.kind != "value"}


def read_source(text: str) -> Source:
    """An empty one where the text is no Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return Source()
    statements = list(_statements(tree.body))
    definitions = {name: made for node in statements for name, made in _definitions(node)}
    imported = [pair for node in statements for pair in _imports(node)]
    return Source(
        definitions,
        {name: export for name, export in imported if name != "*"},
        tuple(export for name, export in imported if name == "*"),
    )


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Those of a module, also under `if` and `try`."""
    for node in body:
        yield node
        if isinstance(node, (ast.If, ast.Try)):
            handlers = [part for handler in getattr(node, "handlers", ()) for part in handler.body]
            yield from _statements([*node.body, *handlers, *node.orelse])


def _definitions(node: ast.stmt) -> Iterator[tuple[str, Definition]]:
    if isinstance(node, ast.ClassDef):
        yield node.name, _definition(node.name, "class", node)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        yield node.name, _definition(node.name, "function", node)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            if isinstance(target, ast.Name):
                yield target.id, _definition(target.id, "value", node)


def _definition(name: str, kind: str, node: ast.stmt) -> Definition:
    words = re.findall(r"\w+|[^\w\s]", ast.unparse(node))
    return Definition(name, kind, tuple("·" if word == name else word for word in words[:LONGEST]))


def _imports(node: ast.stmt) -> Iterator[tuple[str, Export]]:
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name, (node.module or "", alias.name, node.level)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or whole, (whole, "", 0)
