"""Expressions in the source beside the objects that they have made: which of them is a marker's."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Protocol

import libcst as cst

Names = Sequence[Mapping[str, object]]  # where a name is looked up, the nearest first
NOTHING = object()
LITERALS = (cst.SimpleString, cst.Integer, cst.Float)
PLAIN = (str, int, float, type(None))


class Mark(Protocol):
    """A marker, as pytest keeps it."""

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def args(self) -> tuple[Any, ...]:
        """Its arguments by position."""

    @property
    def kwargs(self) -> Mapping[str, Any]:
        """Those by keyword."""


def value_of(expression: cst.BaseExpression, names: Names) -> object:
    """What a name, or an attribute of one, stands for: `pytest.mark.flops_budget`. NOTHING where nobody knows.

    Runs no code of the user's: attributes are those of modules, classes and pytest's marks.
    """
    if isinstance(expression, cst.Name):
        return next((known[expression.value] for known in names if expression.value in known), NOTHING)
    if not isinstance(expression, cst.Attribute):
        return NOTHING
    owner = value_of(expression.value, names)
    if not isinstance(owner, (ModuleType, type)) and not type(owner).__module__.startswith("_pytest.mark"):
        return NOTHING
    return getattr(owner, expression.attr.value, NOTHING)


def given_before(expression: cst.BaseExpression, mark: Mark, names: Names) -> int | None:
    """Of an expression that makes `mark`: how many arguments by position it had before. None for another expression."""
    made = expression.func if isinstance(expression, cst.Call) else expression
    begun: Mark | None = getattr(value_of(made, names), "mark", None)
    if begun is None or begun.name != mark.name or len(begun.args) > len(mark.args):
        return None
    if not isinstance(expression, cst.Call):
        return None if mark.args or mark.kwargs or begun.args or begun.kwargs else 0
    given = expression.args
    stars = {argument.star for argument in given}
    positional = [argument for argument in given if argument.keyword is None and not argument.star]
    own, before = mark.args[len(begun.args) :], {*begun.kwargs}
    keywords = {argument.keyword.value: argument.value for argument in given if argument.keyword is not None}
    if len(own) != len(positional) and "*" not in stars:
        return None
    if {*keywords} | before != {*mark.kwargs} and "**" not in stars:
        return None
    pairs = [*zip((argument.value for argument in positional), own, strict=False)]
    pairs += [(node, mark.kwargs.get(key, NOTHING)) for key, node in keywords.items()]
    return len(begun.args) if all(_agrees(node, value) for node, value in pairs) else None


def _agrees(node: cst.BaseExpression, value: object) -> bool:
    """Whether an argument may have had that value: nobody knows of what is no literal."""
    return not isinstance(node, LITERALS) or (isinstance(value, PLAIN) and literal(node) == value)


def literal(node: cst.BaseExpression) -> object:
    """The value of a number or a string."""
    assert isinstance(node, LITERALS)
    return ast.literal_eval(node.value)
