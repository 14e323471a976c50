"""Where markers stand in the source: found from what has them, a function, a class, a module, a parameter."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType, ModuleType
from typing import NamedTuple

import libcst as cst

from ..records.types import SiteEntry
from .align import aligned
from .expressions import Mark, Names, given_before
from .source import Scope, Source, actual

MARKS = "pytestmark"


class Parameter(NamedTuple):
    """Value `number` of a `parametrize` that has `size`; the definition it stands on, and all such marks of that. Of a
    fixture there is no such mark.
    """

    definition: object
    parametrize: Mark | None
    marks: Sequence[Mark]
    number: int
    size: int


class Place(NamedTuple):
    """Where expressions are looked for: the file, and what names mean there."""

    source: Source
    names: Names


class Locator:
    """Finds markers' calls. A file is read once: what it held then is what was collected."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._sources: dict[Path, Source | None] = {}

    def source(self, path: Path) -> Source | None:
        """The file as it was when first asked for; None where it cannot be read."""
        path = actual(path)
        if path not in self._sources:
            try:
                self._sources[path] = Source(path)
            except OSError:
                self._sources[path] = None
        return self._sources[path]

    def sites(self, definition: object, marks: Sequence[Mark]) -> list[SiteEntry | None]:
        """The calls that made the marks of a function, a class or a module, in the order of pytest; None for one that
        is made elsewhere.
        """
        place = self._place(definition)
        if place is None:
            return [None] * len(marks)
        return self._matched(place, self._expressions(place.source, definition), marks)

    def of_parameter(self, parameter: Parameter, marks: Sequence[Mark]) -> list[SiteEntry | None]:
        """The calls in `pytest.param(marks=)`."""
        place = self._place(parameter.definition)
        expressions = self._of_parameter(place.source, place.names, parameter) if place is not None else []
        return self._matched(place, expressions, marks) if place is not None else [None] * len(marks)

    def added(self, modules: Iterable[ModuleType], mark: Mark) -> SiteEntry | None:
        """The one call in functions of these modules that makes such a marker, of one that a hook or fixture added."""
        found: list[SiteEntry] = []
        for module in modules:
            place = self._place(module)
            for call in place.source.calls() if place is not None else ():
                found += filter(None, self._matched(place, [call], [mark]))  # type: ignore[arg-type]
        return found[0] if len(found) == 1 else None

    def _matched(
        self, place: Place, expressions: Sequence[cst.BaseExpression], marks: Sequence[Mark]
    ) -> list[SiteEntry | None]:
        given = [[given_before(node, mark, place.names) for node in expressions] for mark in marks]
        pairs = aligned(len(marks), len(expressions), lambda mark, at: given[mark][at] is not None)
        return [
            self._entry(place.source, expressions[pairs[mark]], given[mark][pairs[mark]] or 0)
            if mark in pairs
            else None
            for mark in range(len(marks))
        ]

    def _entry(self, source: Source, node: cst.BaseExpression, given: int) -> SiteEntry:
        path, root = source.path, self.root
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        return {"file": name, "digest": source.digest, "span": list(source.span(node)), "given": given}

    def _place(self, definition: object) -> Place | None:
        module = _module(definition)
        function = _function(definition)
        path = function.__code__.co_filename if function is not None else getattr(module, "__file__", None)
        source = self.source(Path(path)) if path else None
        if source is None or not _readable(source):
            return None
        known = function.__globals__ if function is not None else vars(module)
        return Place(source, [*_scopes(function or definition, known), known])

    def _expressions(self, source: Source, definition: object) -> list[cst.BaseExpression]:
        """Those that may make marks of a definition, in the order in which it gets them."""
        if isinstance(definition, ModuleType):
            return _pytestmark(source, source.tree)
        function = _function(definition)
        if function is not None:
            node = source.function(function.__code__.co_name, function.__code__.co_firstlineno)
            return _decorators(node) if node is not None else []
        if not isinstance(definition, type):
            return []
        classes = _defining(source, definition)
        return [*_pytestmark(source, classes[0]), *_decorators(classes[0])] if len(classes) == 1 else []

    def _of_parameter(self, source: Source, names: Names, parameter: Parameter) -> list[cst.BaseExpression]:
        values = self._values(source, parameter)
        if values is None:
            return []
        held = _held(source, values)
        if isinstance(held, (cst.ListComp, cst.GeneratorExp)):
            elements = [held.elt] * parameter.size
        else:
            elements = _listed(source, values)
        if len(elements) != parameter.size:
            return []
        marks = _argument(_held(source, elements[parameter.number]), "marks", None)
        return _listed(source, marks) if marks is not None else []

    def _values(self, source: Source, parameter: Parameter) -> cst.BaseExpression | None:
        """All values, as they are written."""
        if parameter.parametrize is None:
            calls = self._expressions(source, parameter.definition)
            return next(filter(None, (_argument(call, "params", None) for call in calls)), None)
        entries = self.sites(parameter.definition, parameter.marks)
        entry = next(
            e for e, mark in zip(entries, parameter.marks, strict=True) if mark is parameter.parametrize
        )
        call = source.expression(tuple(entry["span"])) if entry is not None else None  # type: ignore[arg-type]
        return _argument(call, "argvalues", 1)


def _readable(source: Source) -> Source | None:
    try:
        source.tree  # noqa: B018
    except ValueError:
        return None
    return source


def _function(definition: object) -> FunctionType | None:
    """Itself, under what decorators have wrapped around it."""
    plain = getattr(definition, "__func__", definition)  # of a method
    found = inspect.unwrap(plain) if callable(plain) and not isinstance(plain, type) else None
    return found if isinstance(found, FunctionType) else None


def _module(definition: object) -> ModuleType | None:
    if isinstance(definition, ModuleType):
        return definition
    return sys.modules.get(getattr(definition, "__module__", None) or "")


def _scopes(definition: object, known: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The names of the classes around a definition, the nearest first, its own among them."""
    found: list[Mapping[str, object]] = []
    for name in getattr(definition, "__qualname__", "").split("."):
        owner = known.get(name)
        if not isinstance(owner, type):
            break
        known = vars(owner)
        found.insert(0, known)
    yield from found


def _defining(source: Source, definition: type) -> list[cst.ClassDef]:
    """The definitions that a class may have come from: of several of its name the one around its methods."""
    found = source.classes([name for name in definition.__qualname__.split(".") if name != "<locals>"])
    lines = {
        value.__code__.co_firstlineno
        for value in vars(definition).values()
        if isinstance(value, FunctionType) and value.__qualname__.startswith(f"{definition.__qualname__}.")
    }
    spans = [source.span(node) for node in found]
    return (
        found
        if len(found) < 2 or not lines
        else [node for node, span in zip(found, spans, strict=True) if span[0] <= min(lines) <= span[2]]
    )


def _decorators(node: cst.FunctionDef | cst.ClassDef) -> list[cst.BaseExpression]:
    return [decorator.decorator for decorator in reversed(node.decorators)]


def _pytestmark(source: Source, scope: Scope) -> list[cst.BaseExpression]:
    return [mark for value in source.assigned(scope, MARKS) for mark in _listed(source, value)]


def _argument(call: object, key: str, position: int | None) -> cst.BaseExpression | None:
    if not isinstance(call, cst.Call) or any(argument.star for argument in call.args):
        return None
    for number, argument in enumerate(call.args):
        name = argument.keyword.value if argument.keyword is not None else None
        if name == key or (name is None and number == position):
            return argument.value
    return None


def _held(source: Source, expression: cst.BaseExpression) -> cst.BaseExpression:
    """What a name of the module holds that is assigned once; of anything else itself."""
    if isinstance(expression, cst.Name):
        values = source.assigned(source.tree, expression.value)
        return values[0] if len(values) == 1 else expression
    return expression


def _listed(
    source: Source, expression: cst.BaseExpression, within: Sequence[cst.BaseExpression] = ()
) -> list[cst.BaseExpression]:
    """The elements of a list or a tuple, and of several added up or starred in one, also where the module holds it
    under a name; of anything else itself, and of one `within` itself (`CASES = [*CASES, ...]`).
    """
    held = _held(source, expression)
    if held in within:
        return [expression]
    within = [*within, held]
    if isinstance(held, (cst.List, cst.Tuple)):
        parts = [
            _listed(source, part.value, within) if isinstance(part, cst.StarredElement) else [part.value]
            for part in held.elements
        ]
        return [*itertools.chain.from_iterable(parts)]
    if isinstance(held, cst.BinaryOperation) and isinstance(held.operator, cst.Add):
        return [*_listed(source, held.left, within), *_listed(source, held.right, within)]
    return [expression]
