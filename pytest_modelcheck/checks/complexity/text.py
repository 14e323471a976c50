"""What each module costs as text that reads well in a diff, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...alike import alike
from ...records.prices import dearness, price_words, total
from ...text import printable, size_words
from ...verdict.measurement import ROOT
from ...verdict.units import BYTES, ELEMENTS, MACS, PARAMS
from .result import Complexity, Cost

COLUMNS = ("MACs", "params", "activations", "memory access")
FACTS = (*COLUMNS, "output")
NOUNS = tuple(unit.noun for unit in (MACS, PARAMS, ELEMENTS, BYTES))  # of the columns
WIDTH = 18  # fixed: a longer number elsewhere must not move a line that did not change
TOTAL = "(total)"


def to_text(complexity: Complexity) -> str:
    """Own costs per module, so that a change stands in one line and not in all its parents' too.

    Numbers come first and names last; modules without parameters that never touched a byte are left out.
    """
    head = [
        f"{complexity.phase}, counted on {complexity.counted_on} tensors",
        *(f"not counted: {name} ({calls} calls)" for name, calls in complexity.unknown_operators.items()),
        *(f"counted per turn: while_loop of {name or ROOT}" for name in complexity.loops),
        *(f"not told apart from {whole or ROOT}: {name}" for name, whole in complexity.merged.items()),
        *(f"never called: {name or ROOT}" for name in complexity.uncalled_modules),
    ]
    rows = [_row(complexity.total(), complexity.params, "", TOTAL)]
    for name, cost in complexity.by_module().items():
        if cost.own.memory_access or cost.own.macs or cost.facts.own_params:
            shape = size_words(cost.facts.output_shape or ())
            label = f"{name or ROOT} ({cost.facts.type})"
            rows.append(_row(cost.own, cost.facts.own_params, shape, label))
    columns = "".join(f"{column:>{WIDTH}}" for column in COLUMNS) + "  output  module"
    return "".join(printable(line).rstrip() + "\n" for line in (*head, "", columns, *rows))


def _row(cost: Cost, params: int, shape: str, label: str) -> str:
    values = (cost.macs, params, cost.activations, cost.memory_access)
    return "".join(f"{value:>{WIDTH},}" for value in values) + f"  {shape or '-'}  {label}"


def compare(actual: str, expected: str, tolerance: float) -> list[str]:
    """What differs, the whole first, then module by module, those that cost most more first; what differs alike in one
    line. Numbers may differ by `tolerance`, a share of the stored one. [] if nothing does.
    """
    ours, theirs = _parsed(actual), _parsed(expected)
    found = [
        difference
        for name in dict.fromkeys([*theirs, *ours])
        if (difference := _difference(name, ours.get(name), theirs.get(name), tolerance)) is not None
    ]
    whole = [one for one in found if one.name == TOTAL or not one.is_row]
    rest = [one for one in found if one not in whole]
    groups = [
        (names[0], [rest[row] for row in rows])
        for names, rows in alike(((one.words, *one.price), (one.name,)) for one in rest)
    ]
    groups.sort(key=lambda group: dearness(total(dict(one.price) for one in group[1])))
    return [_line(one.name, [one]) for one in whole] + [_line(*group) for group in groups]


class Difference(NamedTuple):
    """What differs in a line: what a module costs more, in base units by noun, and what else of it is another."""

    name: str
    words: str = ""
    price: tuple[tuple[str, float], ...] = ()
    is_row: bool = True


def _difference(name: str, new: Row | None, old: Row | None, tolerance: float) -> Difference | None:
    if not new and not old:  # a line of the head
        return None if new == old else Difference(f"{'+' if old is None else '-'} {name}", is_row=False)
    if not new or not old:
        return Difference(name, "gone" if old else "new", _price(new, old))
    sides = list(zip(new, old, strict=True))
    if all(a == b or _close(a, b, tolerance) for a, b in sides):
        return None
    after, before = sides[0 if name == TOTAL else -1]
    words = f"{'MACs' if name == TOTAL else 'output'} {before} -> {after}" if after != before else ""
    return Difference(name, words, _price(new, old))


def _price(new: Row | None, old: Row | None) -> tuple[tuple[str, float], ...]:
    sides = [[*map(_number, row[: len(COLUMNS)])] if row else [0] * len(COLUMNS) for row in (new, old)]
    return tuple((noun, a - b) for noun, a, b in zip(NOUNS, *sides, strict=True))


def _line(name: str, members: Sequence[Difference]) -> str:
    """`conv (Conv2d): +972 MACs, +28 parameters, output 1x8 -> 1x9`; of several what they cost in all."""
    price = total(dict(one.price) for one in members)
    words = price_words({noun: price.get(noun, 0) for noun in NOUNS[:2]})
    if not words:  # the others follow from these
        words = price_words({noun: price.get(noun, 0) for noun in NOUNS[2:]})
        words += " of memory access" * bool(price.get(BYTES.noun))
    many = f"{len(members)} modules" if len(members) > 1 else ""
    told = ", ".join(filter(None, (words, members[0].words, many)))
    return f"{name}: {told}" if told else name


Row = tuple[str, ...]  # numbers and output shape of a module; () for a line of the head


def _parsed(text: str) -> dict[str, Row]:
    """The cells of each module's row by module, other lines as they are."""
    return dict(_split(line) for line in text.splitlines() if line.strip())


def _split(line: str) -> tuple[str, Row]:
    cells = line.split(None, len(FACTS))
    if len(cells) <= len(FACTS) or not all(_is_number(cell) for cell in cells[: len(COLUMNS)]):
        return line.strip(), ()
    return cells[-1], tuple(cells[:-1])


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").isdigit()


def _close(new: str, old: str, tolerance: float) -> bool:
    return (
        _is_number(new) and _is_number(old) and abs(_number(new) - _number(old)) <= tolerance * _number(old)
    )


def _number(cell: str) -> int:
    return int(cell.replace(",", ""))
