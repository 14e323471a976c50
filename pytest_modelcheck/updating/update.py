"""The limits of a run written into the files that they stand in: all that is wanted of a file at once, or nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, cast

from ..settings import Settings
from .budgets import Budget
from .edit import (
    Edit,
    Expression,
    UnwritableError,
    anew,
    code_of,
    edited,
    limit_in,
    quote_of,
    setting,
    value_of_source,
)
from .source import Source, Span
from .write import CHANGED, refusal, replace


class Written(NamedTuple):
    """A limit that was written: where, of which marker and argument, its source before ("" for none) and after."""

    where: str
    title: str
    before: str
    after: str


class Left(NamedTuple):
    """A limit that was left alone: where, of which marker and argument, what it would be ("" where nobody knows), and
    why.
    """

    where: str
    title: str
    figure: str
    reason: str


@dataclass
class Updates:
    """What was written, and what was not."""

    written: list[Written] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)

    def leave(self, budgets: Iterable[Budget], reason: str, margin: float) -> None:
        """Note limits that stay as they are."""
        for budget in budgets:
            self.left.append(Left(budget.first["where"], budget.title, _figure(budget, margin), reason))


def update(budgets: Iterable[Budget], settings: Settings) -> Updates:
    """Write the limits that can be written."""
    updates = Updates()
    files: dict[str, list[Budget]] = {}
    for budget in budgets:
        if trouble := budget.trouble:
            updates.leave([budget], trouble, settings.margin)
        elif budget.site is not None:
            files.setdefault(budget.site["file"], []).append(budget)
    reason = ""
    for name, known in files.items():
        try:
            if not reason:
                _update_file(settings.root / name, known, settings, updates)
                continue
        except KeyboardInterrupt:  # what was written by then is told
            reason = "writing was interrupted"
        except (OSError, ValueError) as error:  # also of what the file's encoding does not have
            updates.leave(known, _said(error), settings.margin)
            continue
        updates.leave(known, reason, settings.margin)
    for told in (updates.written, updates.left):
        told.sort(key=_order)
    return updates


def _order(row: Written | Left) -> tuple[str, int]:
    file, _, line = row.where.rpartition(":")
    return file, int(line) if line.isdecimal() else 0


def _said(error: Exception) -> str:
    known = error.args[0] if len(error.args) == 1 else error
    return str(getattr(error, "strerror", None) or known)


def _update_file(path: Path, budgets: Sequence[Budget], settings: Settings, updates: Updates) -> None:
    if reason := refusal(settings.root, path):
        updates.leave(budgets, reason, settings.margin)
        return
    source = Source(path)
    if any(budget.site is None or budget.site["digest"] != source.digest for budget in budgets):
        updates.leave(budgets, CHANGED, settings.margin)
        return
    edits: dict[Expression, list[Edit]] = {}
    written = []
    for budget in budgets:
        try:
            done = _edit(source, budget, settings)
        except UnwritableError as error:
            updates.leave([budget], str(error), settings.margin)
            continue
        if done is not None:
            edits.setdefault(done[0], []).append(done[1])
            written.append(done[2])
    if edits:
        replace(path, source.data, edited(source, edits))
        updates.written += written


def _edit(source: Source, budget: Budget, settings: Settings) -> tuple[Expression, Edit, Written] | None:
    """The marker, how it is to be changed, and what is told of it; None where the same would stand there."""
    site, argument, amount = budget.site, budget.argument, budget.amount(settings.margin)
    assert site is not None
    assert amount is not None
    expression = source.expression(cast("Span", tuple(site["span"])))
    if expression is None:
        raise UnwritableError(CHANGED)
    before = limit_in(expression, argument, site["given"], is_blank=budget.is_blank)
    up = budget.up
    if argument.rest:
        up, amount = not up, max(1 - amount, 0 * amount)
    after = anew(before, argument, amount, up=up, quote=quote_of(source))
    was = code_of(before) if before is not None else ""
    if before is not None and argument.unit.parse(value_of_source(after)) == argument.unit.parse(
        value_of_source(was)
    ):
        return None
    if not budget.is_due(settings) and before is not None and not _is_tighter(was, after, budget, up):
        return None
    told = Written(budget.first["where"], budget.title, was, after)
    return expression, setting(argument, site["given"], after, source.tree.default_indent), told


def _is_tighter(was: str, after: str, budget: Budget, up: bool) -> bool:
    old, new = (budget.argument.unit.parse(value_of_source(text)) for text in (was, after))
    return new < old if up else new > old


def _figure(budget: Budget, margin: float) -> str:
    amount = budget.amount(margin)
    if amount is None:
        return ""
    unit, left = budget.argument.unit, 1 - amount if budget.argument.rest else amount
    return unit.format(float(left))
