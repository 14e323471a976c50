"""What each module costs as text that reads well in a diff, and what differs between two of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...alike import alike
from ...records.prices import Price, dearness, price_words, total
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
        *(
            f"not counted, since it ran on another thread: {name or ROOT}"
            for name in complexity.on_other_threads
        ),
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
        for names, rows in alike(((one.words, one.numbers), (one.name,)) for one in rest)
    ]
    groups.sort(key=lambda group: dearness(total(one.price for one in group[1])))
    return [_line(one.name, [one]) for one in whole] + [_line(*group) for group in groups]


class Difference(NamedTuple):
    """What differs in a line: each number at the base and now, in base units, and what else of it is another."""

    name: str
    words: str = ""
    numbers: tuple[tuple[int, int], ...] = ()  # in the order of the columns
    is_row: bool = True

    @property
    def price(self) -> Price:
        """How much more of each, by noun."""
        return {noun: new - old for noun, (old, new) in zip(NOUNS, self.numbers, strict=False)}


def _difference(name: str, new: Row | None, old: Row | None, tolerance: float) -> Difference | None:
    if not new and not old:  # a line of the head
        return None if new == old else Difference(f"{'+' if old is None else '-'} {name}", is_row=False)
    numbers = tuple(zip(_numbers(old), _numbers(new), strict=True))
    if not new or not old:
        return Difference(name, "gone" if old else "new", numbers)
    if all(a == b or _close(a, b, tolerance) for a, b in zip(new, old, strict=True)):
        return None
    before, after = old[-1], new[-1]
    return Difference(name, f"output {before} -> {after}" if after != before else "", numbers)


def _numbers(row: Row | None) -> list[int]:
    return [*map(_number, row[: len(COLUMNS)])] if row else [0] * len(COLUMNS)


def _line(name: str, members: Sequence[Difference]) -> str:
    """`conv (Conv2d): +972 MACs (7,776 -> 8,748), output 1x8 -> 1x9`; of several what they cost in all."""
    price = total(one.price for one in members)
    nouns = NOUNS[:2] if any(price.get(noun) for noun in NOUNS[:2]) else NOUNS[2:]  # these follow from those
    told = [_cost(noun, price.get(noun, 0), members) for noun in nouns if price.get(noun)]
    told += [members[0].words, f"{len(members)} modules" if len(members) > 1 else ""]
    words = ", ".join(filter(None, told))
    return f"{name}: {words}" if words else name


def _cost(noun: str, value: float, members: Sequence[Difference]) -> str:
    words = price_words({noun: value}) + (" of memory access" if noun == BYTES.noun else "")
    old, new = members[0].numbers[NOUNS.index(noun)]
    return f"{words} ({old:,} -> {new:,})" if len(members) == 1 and old and new else words


MOST_DIGITS = 30  # of a count; Python reads some thousands
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
    digits = cell.replace(",", "")
    is_written_so = digits == "0" or not digits.startswith("0")
    return digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS and is_written_so


def _close(new: str, old: str, tolerance: float) -> bool:
    return (
        _is_number(new) and _is_number(old) and abs(_number(new) - _number(old)) <= tolerance * _number(old)
    )


def _number(cell: str) -> int:
    return int(cell.replace(",", ""))
