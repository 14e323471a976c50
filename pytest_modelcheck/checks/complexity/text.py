"""What each module costs as text that reads well in a diff, and what differs between two of them."""

from __future__ import annotations

from ...text import printable, size_words
from ...verdict.measurement import ROOT
from .result import Complexity, Cost

COLUMNS = ("MACs", "params", "activations", "memory access")
FACTS = (*COLUMNS, "output")
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
    """What differs, module by module; numbers may differ by `tolerance`, a share of the stored one. [] if nothing."""
    ours, theirs = _parsed(actual), _parsed(expected)
    lines = []
    for name in dict.fromkeys([*theirs, *ours]):
        new, old = ours.get(name), theirs.get(name)
        if new is None or old is None:
            lines.append(f"{'+' if old is None else '-'} {name}{_figures(new or old)}")
        elif new and old and (changes := _changes(new, old, tolerance)):
            lines.append(f"~ {name}: {', '.join(changes)}")
    return lines


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


def _figures(row: Row | None) -> str:
    return ": " + ", ".join(f"{fact} {cell}" for fact, cell in zip(FACTS, row, strict=True)) if row else ""


def _changes(new: Row, old: Row, tolerance: float) -> list[str]:
    return [
        f"{fact} {b} -> {a}{_percent(a, b)}"
        for fact, a, b in zip(FACTS, new, old, strict=True)
        if a != b and not _close(a, b, tolerance)
    ]


def _close(new: str, old: str, tolerance: float) -> bool:
    return (
        _is_number(new) and _is_number(old) and abs(_number(new) - _number(old)) <= tolerance * _number(old)
    )


def _number(cell: str) -> int:
    return int(cell.replace(",", ""))


def _percent(new: str, old: str) -> str:
    if not (_is_number(new) and _is_number(old) and _number(old)):
        return ""
    return f" ({(_number(new) - _number(old)) / _number(old):+.1%})"
