"""What a function does, in words that are the same for every Python, as each compiles in its own way."""

from __future__ import annotations

import dis
import itertools
import types

_TOLD = (
    "LOAD_CONST",
    "RETURN_CONST",
    "LOAD_SMALL_INT",
    "LOAD_GLOBAL",
    "LOAD_ATTR",
    "LOAD_METHOD",
    "LOAD_SUPER_ATTR",
    "KW_NAMES",
)
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>")
_SYMBOLS = {
    "ADD": "+",
    "SUBTRACT": "-",
    "MULTIPLY": "*",
    "MATRIX_MULTIPLY": "@",
    "TRUE_DIVIDE": "/",
    "FLOOR_DIVIDE": "//",
    "MODULO": "%",
    "POWER": "**",
    "LSHIFT": "<<",
    "RSHIFT": ">>",
    "AND": "&",
    "XOR": "^",
    "OR": "|",
}


def facts(code: types.CodeType) -> list[str]:
    """What code does, in its operators, constants and the names that it asks for; names of its own are no fact.

    The same for every Python from 3.11 on, which compile differently. 3.10 does not say where in a line a step comes
    from, so that what it has copied (the ends of branches, conditions of loops) is told more than once.
    """
    told: dict[object, list[str]] = {}
    waiting: list[types.CodeType | None] = []  # what goes over an iterable, until that is told
    steps = list(dis.get_instructions(code))
    for n, step in enumerate(steps):
        following = steps[n + 1].opname if n + 1 < len(steps) else ""
        if isinstance(step.argval, types.CodeType):
            if step.argval.co_name in _COMPREHENSIONS:  # in line from Python 3.12 on
                waiting.append(step.argval)
                continue
            words = facts(step.argval)
            if step.argval.co_name == "<genexpr>":
                waiting.append(None)
        elif step.opname == "GET_ITER" and waiting:
            made = waiting.pop()
            words = facts(made) if made else []
        else:
            words = _words(code, step, following)
        places = getattr(step, "positions", None) or (None,)
        place = n if None in places else (*words, *places)
        told.pop(place, None)
        told[place] = words
    return [*itertools.chain(*told.values()), *(word for made in waiting if made for word in facts(made))]


def _words(code: types.CodeType, step: dis.Instruction, following: str) -> list[str]:
    """What one step tells, if anything. `following`: the operation after it."""
    kind, _, name = step.opname.partition("_")
    if step.opname == "COMPARE_OP":
        return [str(step.argval)]
    if step.opname in ("BINARY_SUBSCR", "BINARY_SLICE"):
        return ["[]"]
    if kind in ("BINARY", "INPLACE"):  # 3.10 has an operation for each operator
        return [step.argrepr or _SYMBOLS[name] + "=" * (kind == "INPLACE")]
    if kind == "UNARY" or step.argrepr == "INTRINSIC_UNARY_POSITIVE":
        return [step.opname if kind == "UNARY" else "UNARY_POSITIVE"]
    if step.opname not in _TOLD or following == "MAKE_FUNCTION":  # 3.10 names what it makes
        return []
    is_named = step.opname == "KW_NAMES"  # 3.11 has no `argval` of it
    value = code.co_consts[step.arg or 0] if is_named else step.argval
    if value is None and (step.opname == "RETURN_CONST" or following in ("RETURN_VALUE", "IS_OP")):
        return []  # not everywhere where nothing is returned, or looked for
    return [str(sorted(value, key=repr) if isinstance(value, frozenset) else value)]
