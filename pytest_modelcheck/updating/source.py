"""A Python file as a tree that gives back every byte, and the definitions in it."""

from __future__ import annotations

import hashlib
import io
import tokenize
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

Span = tuple[int, int, int, int]  # line and column where an expression begins, and where it ends
Definition = cst.FunctionDef | cst.ClassDef
Scope = cst.Module | cst.ClassDef


def actual(path: Path) -> Path:
    """The one path of a file that lies in a linked folder, too; that of a link is its own."""
    return path.parent.resolve() / path.name


class Source:
    """What a file holds. Raises OSError for one that cannot be read, ValueError for one that is no Python."""

    def __init__(self, path: Path) -> None:
        self.path, self.data = actual(path), path.read_bytes()
        self.digest = hashlib.sha256(self.data).hexdigest()
        self._tree: cst.Module | None = None
        self._ranges: dict[cst.CSTNode, CodeRange] = {}

    @property
    def encoding(self) -> str:
        """As its first lines, or a mark before them, say."""
        try:
            return tokenize.detect_encoding(io.BytesIO(self.data).readline)[0]
        except SyntaxError as error:
            raise ValueError(str(error)) from error

    @property
    def tree(self) -> cst.Module:
        """The whole file."""
        if self._tree is None:
            self._tree, self._ranges = self._parsed()
        return self._tree

    def _parsed(self) -> tuple[cst.Module, dict[cst.CSTNode, CodeRange]]:
        text = self.data.decode(self.encoding)
        try:
            wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        except cst.ParserSyntaxError as error:
            raise ValueError(f"it cannot be read as Python: {error.message}") from error
        if wrapper.module.code != text:
            raise ValueError("it cannot be written back as it is")
        return wrapper.module, dict(wrapper.resolve(PositionProvider))

    def encoded(self, tree: cst.Module) -> bytes:
        """Another tree, as this file is written."""
        return tree.code.encode(self.encoding)

    def span(self, node: cst.CSTNode) -> Span:
        """Where it stands."""
        self.tree  # noqa: B018  # which knows all places
        place = self._ranges[node]
        return (place.start.line, place.start.column, place.end.line, place.end.column)

    @cached_property
    def _nodes(self) -> list[cst.CSTNode]:
        return list(_within(self.tree))

    @cached_property
    def _expressions(self) -> dict[Span, cst.BaseExpression]:
        kinds = (cst.Call, cst.Attribute, cst.Name)
        return {self.span(node): node for node in self._nodes if isinstance(node, kinds)}

    @cached_property
    def _functions(self) -> dict[str, list[cst.FunctionDef]]:
        found: dict[str, list[cst.FunctionDef]] = {}
        for node in self._nodes:
            if isinstance(node, cst.FunctionDef):
                found.setdefault(node.name.value, []).append(node)
        return found

    def expression(self, span: Span) -> cst.BaseExpression | None:
        """The call or the name that stands there."""
        return self._expressions.get(span)

    def function(self, name: str, line: int) -> cst.FunctionDef | None:
        """The function that begins at `line`: with its first decorator, or with its name."""
        for node in self._functions.get(name, ()):
            begins = [self.span(part)[0] for part in (node, *node.decorators)]
            if min(begins) <= line <= begins[0]:
                return node
        return None

    def classes(self, path: Sequence[str]) -> list[cst.ClassDef]:
        """All that are defined under these names, from the outermost inwards; those of functions too."""
        found: list[cst.CSTNode] = [self.tree]
        for name in path:
            found = [node for scope in found for node in _defined(scope) if node.name.value == name]
        return [node for node in found if isinstance(node, cst.ClassDef)]

    def assigned(self, scope: Scope, name: str) -> list[cst.BaseExpression]:
        """What the name is given in a module or a class, in this order."""
        return [
            value
            for target, value in _assignments(scope)
            if isinstance(target, cst.Name) and target.value == name
        ]

    def calls(self) -> list[cst.Call]:
        """All calls in the bodies of functions."""
        bodies = (node.body for nodes in self._functions.values() for node in nodes)
        calls = [node for body in bodies for node in _within(body) if isinstance(node, cst.Call)]
        return list(dict.fromkeys(calls))  # of a function in another one, once


def _within(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in node.children:
        yield child
        yield from _within(child)


def _beside(scope: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What stands in a scope itself, not in the functions and classes in it; these are the last that is given."""
    for child in scope.body.children if isinstance(scope, Definition) else scope.children:
        yield child
        if not isinstance(child, (cst.FunctionDef, cst.ClassDef, cst.Lambda)):
            yield from _beside(child)


def _defined(scope: cst.CSTNode) -> list[Definition]:
    return [node for node in _beside(scope) if isinstance(node, Definition)]


def _assignments(scope: Scope) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    for node in _beside(scope):
        if isinstance(node, cst.Assign):
            yield from ((target.target, node.value) for target in node.targets)
        elif isinstance(node, (cst.AnnAssign, cst.AugAssign)) and node.value is not None:
            yield node.target, node.value
