"""A figure as a limit that it meets: in the unit and with the digits of what was written before, rounded outwards."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import TypeAlias

from .units import AMOUNT, Unit, unit_of

Amount: TypeAlias = "int | float | str"  # of a limit: a number in base units, or a string with a unit
DIGITS = 4  # at least so many, unless fewer say it exactly
_NUMBER = re.compile(r"(?P<whole>[\d,_]*)(?P<point>\.(?P<decimals>[\d_]*))?(?P<power>[eE][+-]?\d+)?")
_EXACT = Context(prec=60)


def beyond(figure: float, margin: float, *, up: bool) -> Decimal:
    """`figure` and the share `margin` of it more, or less where a limit is a lower one; exact without a margin."""
    with localcontext(_EXACT):
        share = 1 + Decimal(str(margin)) if up else 1 - Decimal(str(margin))
        return max(Decimal(repr(figure)) * share, Decimal(0))


def written_anew(before: str, amount: Decimal, *, up: bool) -> str:
    """The number `amount` as `before` was written: its thousands, its power of ten, no fewer decimals and digits.

    No less than `amount` where it is an upper limit (`up`), no more where it is a lower one. What is whole keeps all
    its digits where it has no prefix to stand for them.
    """
    plus = "+" if before.startswith("+") else ""
    found = _NUMBER.fullmatch(before.removeprefix("+"))
    whole, decimals, power = found.group("whole", "decimals", "power") if found else ("", None, None)
    known = len((decimals or "").replace("_", ""))
    digits = max(DIGITS, len(re.sub(r"[,_]", "", whole).lstrip("0")) + known)
    if power:
        return plus + _scientific(amount, max(digits - 1, known), known, power[0], up)
    text = _rounded(amount, max(digits - 1 - amount.adjusted(), known, 0), known, up)
    mark = next((mark for mark in ",_" if mark in whole), "")
    head, point, tail = text.partition(".")
    return plus + (f"{int(head):{mark}}" if mark else head) + point + tail


def _scientific(amount: Decimal, places: int, least: int, sign: str, up: bool) -> str:
    power = amount.adjusted() if amount else 0
    return f"{_rounded(amount.scaleb(-power, _EXACT), places, least, up)}{sign}{power}"


def _rounded(amount: Decimal, places: int, least: int, up: bool) -> str:
    """Outwards to so many decimals, of which the last zeros are left out down to the `least`."""
    with localcontext(_EXACT):
        rounding = ROUND_CEILING if up else ROUND_FLOOR
        text = f"{amount.quantize(Decimal(1).scaleb(-places), rounding):f}"
    head, _, tail = text.partition(".")
    tail = tail[:least] + tail[least:].rstrip("0")
    return f"{head}.{tail}" if tail else head


def text_anew(before: str, unit: Unit, amount: Decimal, *, up: bool) -> str:
    """The text of a limit, `amount` in base units, with the unit and the blanks of the one before."""
    found = AMOUNT.fullmatch(before)
    scale = unit.scale(unit_of(found)) if found else None
    assert found is not None  # `unit` has read it
    assert scale is not None
    with localcontext(_EXACT) as context:
        context.rounding = ROUND_CEILING if up else ROUND_FLOOR
        number = written_anew(found["number"], amount / scale, up=up)
    return before[: found.start("number")] + number + before[found.end("number") :]


def number_anew(before: str, amount: Decimal, *, up: bool) -> str:
    """The source of a number, `amount` in base units: all digits of what is whole where that was written whole."""
    is_whole = amount == amount.to_integral_value() and not re.search(r"[.eE]", before)
    return written_anew(before, amount, up=up) if not is_whole else f"{int(amount):{'_' * ('_' in before)}}"


def first_amount(unit: Unit, amount: Decimal, *, up: bool) -> Amount:
    """A limit where none was written: things that are counted one by one as a number, the rest with a unit."""
    if unit.symbol == unit.noun and unit.one:
        return int(amount.to_integral_value(ROUND_CEILING if up else ROUND_FLOOR))
    word = unit.format(float(amount)).rpartition(" ")[2].replace("µ", "u")  # which any encoding has
    if unit.scale(word) is None:
        text = number_anew("0", amount, up=up)
        return float(text) if "." in text else int(text)
    return text_anew(f"0 {word}", unit, amount, up=up)
