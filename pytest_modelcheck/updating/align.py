"""Which expression made which mark, where both stand in the same order and not every expression is known."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

Fits = Callable[[int, int], bool]


class Alignment(NamedTuple):
    """How many marks have an expression, for how many it is one that fits, and which each has."""

    covered: int = 0
    fitting: int = 0
    pairs: tuple[tuple[int, int], ...] = ()


def aligned(marks: int, expressions: int, fits: Fits) -> dict[int, int]:
    """The expression of each mark, by number; of one that may be another's as well, none.

    One that fits no mark may have made any, as the call of a function does, or none, as a decorator of something else.
    """
    forwards = _best(marks, expressions, fits)
    last = marks - 1, expressions - 1
    backwards = _best(marks, expressions, lambda mark, at: fits(last[0] - mark, last[1] - at))
    same = {(last[0] - mark, last[1] - at) for mark, at in backwards.pairs}
    return {mark: at for mark, at in forwards.pairs if (mark, at) in same and fits(mark, at)}


def _best(marks: int, expressions: int, fits: Fits) -> Alignment:
    """Of all alignments in order the one that covers most, and then fits most; of equal ones the earliest."""
    unknown = {at for at in range(expressions) if not any(fits(mark, at) for mark in range(marks))}

    @lru_cache(None)
    def best(mark: int, at: int) -> Alignment:
        if mark == marks or at == expressions:
            return Alignment()
        ways = [best(mark, at + 1), best(mark + 1, at)]
        if fits(mark, at) or at in unknown:
            rest = best(mark + 1, at + 1)
            is_known = at not in unknown
            ways.insert(0, Alignment(rest.covered + 1, rest.fitting + is_known, ((mark, at), *rest.pairs)))
        return max(ways, key=lambda way: way[:2])

    return best(0, 0)
