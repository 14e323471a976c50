"""How a check stands to its limit, from the figures of its entry: a share for a bar, and words."""

from __future__ import annotations

from typing import NamedTuple

from ..records.plain import number
from ..records.types import CheckEntry
from ..verdict.units import RATIO
from .text import change, headroom_text

FAR = 11  # times a minimum beyond which a share says less than a factor


class Standing(NamedTuple):
    """`share`: how much of what is allowed is used, 1 at the limit; None where a bar would say nothing. `words`: how
    far the value is from what it is compared with.
    """

    share: float | None
    words: str


NOTHING = Standing(None, "")


def standing(check: CheckEntry) -> Standing:
    """Of a check with a value: against the base where the limit is relative, else against the bound that decided."""
    value, allowed = number(check["value"]), number(check.get("max_regression"))
    bound, least = number(check.get("limit")), number(check.get("min"))
    if value is None:
        return NOTHING
    if allowed is not None:
        return _to_base(check, value, allowed)
    if not bound:
        return NOTHING
    if bound == least and (value < least or least != check.get("max")):
        return _to_minimum(check["unit"], value, least)
    return Standing(value / bound, headroom_text(1 - value / bound) if value != bound else "at the limit")


def _to_base(check: CheckEntry, value: float, allowed: float) -> Standing:
    """`+61 % of base, limit +2 %`: a rise, and what is allowed of it."""
    base, line = number(check.get("base")), number(check.get("max"))
    if line is not None:  # the value is the rise itself; a lower line decides, so that none is missed
        told = f"limit {change(allowed)}" + (f" (line at {change(line)})" if value <= allowed else "")
        return Standing(value / allowed if allowed else None, f"{change(value)} of base, {told}")
    if not base:
        return NOTHING
    rise = value / base - 1
    share = rise / allowed if allowed else (1.0 if rise > 0 else 0.0)
    told = f"{change(rise)} of base" if rise else "as the base"
    return Standing(share, f"{told}, limit {change(allowed)}")


def _to_minimum(unit: str, value: float, least: float) -> Standing:
    """`37 points above the minimum`, `12 % above the minimum`; the share is the minimum's part of the value."""
    share = least / value if value > 0 else 1.0
    side = "above" if value >= least else "below"
    if unit == RATIO.noun:
        return Standing(share, f"{abs(value - least) * 100:.3g} points {side} the minimum")
    times = value / least
    if times >= FAR:
        return Standing(share, f"{times:,.0f} times the minimum")
    return Standing(share, f"{RATIO.format(abs(times - 1), 3)} {side} the minimum")
