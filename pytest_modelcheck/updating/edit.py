"""Editing markers in the source: the limit in a call, before and after; nothing else in the file changes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Mapping
from decimal import Decimal

import libcst as cst

from ..demand.check import Argument
from ..verdict.rounding import first_amount, number_anew, text_anew
from .expressions import LITERALS, literal
from .source import Source

Expression = cst.BaseExpression
Edit = Callable[[Expression], Expression]


class UnwritableError(Exception):
    """Why a limit cannot be written where it stands."""


def limit_in(expression: Expression, argument: Argument, given: int, *, is_blank: bool) -> Expression | None:
    """The literal that is the limit, of a marker that had so many arguments `given` before; None for a blank one.

    Raises UnwritableError for a limit that is no literal.
    """
    place = _place(expression, argument, given)
    if place is None:
        if not is_blank or (argument.place is not None and "*" in _stars(expression)):
            raise UnwritableError("the marker's arguments are built by an expression")
        return None
    assert isinstance(expression, cst.Call)
    value = expression.args[place].value
    if isinstance(value, cst.Name) and value.value == "None":
        return None
    if isinstance(value, (cst.Name, cst.Attribute)):
        raise UnwritableError("the limit is held in a variable")
    if not isinstance(value, LITERALS) or (isinstance(value, cst.SimpleString) and not _is_plain(value)):
        raise UnwritableError("the limit is built by an expression")
    return value


def _is_plain(node: cst.SimpleString) -> bool:
    """Whether it stands there as it is: no escapes."""
    return f"{node.prefix}{node.quote}{literal(node)}{node.quote}" == node.value


def _place(expression: Expression, argument: Argument, given: int) -> int | None:
    """Which argument of the call it is."""
    if not isinstance(expression, cst.Call):
        return None
    for number, known in enumerate(expression.args):
        if known.keyword is not None and known.keyword.value == argument.key:
            return number
    before = list(
        itertools.takewhile(lambda known: known.keyword is None and not known.star, expression.args)
    )
    number = argument.place - given if argument.place is not None else -1
    return number if 0 <= number < len(before) else None


def _stars(expression: Expression) -> list[str]:
    return [known.star for known in expression.args] if isinstance(expression, cst.Call) else []


def anew(before: Expression | None, argument: Argument, amount: Decimal, *, up: bool, quote: str) -> str:
    """The source of the limit `amount` (base units), as the one before was written."""
    if before is None:
        found = first_amount(argument.unit, amount, up=up)
        return f"{quote}{found}{quote}" if isinstance(found, str) else str(found)
    if isinstance(before, cst.SimpleString):
        text = text_anew(str(literal(before)), argument.unit, amount, up=up)
        return f"{before.prefix}{before.quote}{text}{before.quote}"
    assert isinstance(before, (cst.Integer, cst.Float))
    return number_anew(before.value, amount, up=up)


def code_of(limit: Expression) -> str:
    """The source of a literal, without parentheses around it."""
    return cst.Module([]).code_for_node(limit.with_changes(lpar=(), rpar=()))


def value_of_source(text: str) -> object:
    """The value of such a source."""
    return ast.literal_eval(text)


def quote_of(source: Source) -> str:
    """The quotes that most strings of a file have."""
    singles = source.data.count(b"'")
    return "'" if singles > source.data.count(b'"') else '"'


def setting(argument: Argument, given: int, text: str, indent: str) -> Edit:
    """The edit that gives a marker this limit, in a file that is indented so."""

    def edit(expression: Expression) -> Expression:
        value = cst.parse_expression(text)
        call = expression if isinstance(expression, cst.Call) else cst.Call(expression)
        place = _place(call, argument, given)
        if place is None:
            return _with_argument(call, argument, given, value, indent)
        old = call.args[place]
        value = value.with_changes(lpar=getattr(old.value, "lpar", ()), rpar=getattr(old.value, "rpar", ()))
        return call.with_changes(
            args=[*call.args[:place], old.with_changes(value=value), *call.args[place + 1 :]]
        )

    return edit


def _with_argument(
    call: cst.Call, argument: Argument, given: int, value: Expression, indent: str
) -> cst.Call:
    """One more: in its place, where those before it stand by position, or by its keyword as the last."""
    before = list(itertools.takewhile(lambda known: known.keyword is None and not known.star, call.args))
    rest = call.args[len(before) :]
    has_place = argument.place is not None and given + len(before) == argument.place
    if has_place and rest:
        return call.with_changes(args=[*before, cst.Arg(value, comma=_COMMA), *rest])
    new = cst.Arg(value) if has_place else cst.Arg(value, cst.Name(argument.key), equal=_EQUAL)
    return _with_last(call, new) if call.args else _with_only(call, new, indent)


def _with_last(call: cst.Call, new: cst.Arg) -> cst.Call:
    *others, last = call.args
    if isinstance(last.comma, cst.Comma):
        between, after = _commas(_begin_of_lines(call), last.comma)
        last, new = last.with_changes(comma=between), new.with_changes(comma=after)
    else:
        new = new.with_changes(whitespace_after_arg=last.whitespace_after_arg)
        last = last.with_changes(comma=_COMMA, whitespace_after_arg=cst.SimpleWhitespace(""))
    return call.with_changes(args=[*others, last, new])


def _begin_of_lines(call: cst.Call) -> cst.SimpleWhitespace:
    """What the last line of arguments that begins with one begins with."""
    commas = [known.comma for known in call.args[:-1] if isinstance(known.comma, cst.Comma)]
    spaces = [call.whitespace_before_args, *(comma.whitespace_after for comma in commas)]
    lines = [space.last_line for space in spaces if isinstance(space, cst.ParenthesizedWhitespace)]
    return lines[-1] if lines else cst.SimpleWhitespace("")


def _commas(begin: cst.SimpleWhitespace, comma: cst.Comma) -> tuple[cst.Comma, cst.Comma]:
    """That of what was the last argument, which keeps its comment, and that of the new one, which begins a line."""
    space = comma.whitespace_after
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return _COMMA, comma
    end = cst.ParenthesizedWhitespace(indent=space.indent, last_line=space.last_line)
    return cst.Comma(whitespace_after=space.with_changes(last_line=begin)), cst.Comma(whitespace_after=end)


def _with_only(call: cst.Call, new: cst.Arg, indent: str) -> cst.Call:
    """On a line of its own where the parentheses stand on several."""
    space = call.whitespace_before_args
    if not isinstance(space, cst.ParenthesizedWhitespace):
        return call.with_changes(args=[new])
    inner = cst.SimpleWhitespace(space.last_line.value + indent)
    end = cst.ParenthesizedWhitespace(indent=space.indent, last_line=space.last_line)
    return call.with_changes(
        whitespace_before_args=space.with_changes(last_line=inner),
        args=[new.with_changes(whitespace_after_arg=end)],
    )


_COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


class _Rewriting(cst.CSTTransformer):
    def __init__(self, edits: Mapping[Expression, list[Edit]]) -> None:
        super().__init__()
        self.edits = edits

    def on_leave(self, original_node: cst.CSTNode, updated_node: cst.CSTNode) -> cst.CSTNode:  # type: ignore[override]
        changed = super().on_leave(original_node, updated_node)
        edits = self.edits.get(original_node, ()) if isinstance(original_node, Expression) else ()
        for edit in edits:
            assert isinstance(changed, Expression)
            changed = edit(changed)
        return changed  # type: ignore[return-value]  # nothing is removed


def edited(source: Source, edits: Mapping[Expression, list[Edit]]) -> bytes:
    """The file with these expressions changed. Raises ValueError where that is no Python, or cannot be encoded."""
    tree = source.tree.visit(_Rewriting(edits))
    data = source.encoded(tree)
    ast.parse(data)
    return data
