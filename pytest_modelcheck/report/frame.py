"""The templates of the frame, with what they ask of a catalogue: units, and what is worse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..drawing.html import environment
from ..records.outcome import shown_outcome
from ..records.plain import number
from ..records.section import Catalogue
from . import causes
from .standing import standing
from .text import (
    SYMBOLS,
    amount,
    change,
    differing,
    ended,
    excerpt,
    failure_line,
    short_name,
    sides,
    worsened,
)

if TYPE_CHECKING:
    import jinja2
    from markupsafe import Markup


def templates(catalogue: Catalogue) -> jinja2.Environment:
    """An environment of the frame's own filters."""
    made = environment().overlay()
    made.filters = {
        **made.filters,
        "standing": standing,
        "amount": lambda value, unit: amount(catalogue, unit, number(value)),
        "sides": lambda row: sides(catalogue, row),
        "change": change,
        "embedded": _embedded,
        "excerpt": excerpt,
        "short": short_name,
        "failure_line": failure_line,
        "ended": ended,
        "figures": lambda rows: differing(rows, catalogue),
        "worse": lambda row: worsened(row, catalogue),
        "outcome": shown_outcome,
        "symbol": lambda outcome: SYMBOLS.get(outcome, ""),
    }
    made.globals = {
        **made.globals,
        "subject_words": causes.subject_words,
        "origins": causes.origins,
        "heaviest": causes.heaviest,
        "effects": lambda cause: causes.effects(cause, catalogue),
        "besides": lambda cause: causes.besides(cause, catalogue),
    }
    return made


def _embedded(data: object) -> Markup:
    """JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = json.dumps(data, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
