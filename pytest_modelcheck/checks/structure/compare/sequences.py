"""Two sequences laid side by side: which of their items are the same ones, in close to linear time.

What both begin and end with is equal. Of what is left a little goes to difflib, whose choices read best. In more,
items that both have once are anchors, where a good part of them is in the same order; between anchors a window of
Myers' greedy algorithm moves along, which finds the fewest edits as long as they are not too many in one place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import pairwise

FEW = 1_000  # pairs of equal items up to which difflib is quick enough
SHARE = 4  # anchors count where they are more than one in so many of the shorter sequence
EDITS, LEAST, WORK = 512, 16, 1_000_000  # edits that a window looks ahead for: at most, at least, by length

Opcode = tuple[str, int, int, int, int]
Span = tuple[int, int, int]  # where it begins in both, and how many items it has


def opcodes(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[Opcode]:
    """`(tag, i1, i2, j1, j2)` in order, as difflib's: equal, or replace, of which one side may be empty."""
    numbers: dict[Hashable, int] = {}
    left, right = ([numbers.setdefault(item, len(numbers)) for item in side] for side in (old, new))
    i, j = 0, 0
    for one, other, size in _joined([*_spans(left, right), (len(left), len(right), 0)]):
        if (i, j) != (one, other):
            yield "replace", i, one, j, other
        if size:
            yield "equal", one, one + size, other, other + size
        i, j = one + size, other + size


def _joined(spans: Sequence[Span]) -> Iterator[Span]:
    """Spans that follow each other as one."""
    last: Span = (0, 0, 0)
    for span in spans:
        if (last[0] + last[2], last[1] + last[2]) == span[:2]:
            last = (*last[:2], last[2] + span[2])
        else:
            yield last
            last = span
    yield last


def _spans(old: list[int], new: list[int]) -> Iterator[Span]:
    """What is equal, in order."""
    start, stop = _ends(old, new)
    i, j = len(old) - stop, len(new) - stop
    yield 0, 0, start
    for one, other, size in _within(old[start:i], new[start:j]):
        yield start + one, start + other, size
    yield i, j, stop


def _ends(old: Sequence[int], new: Sequence[int]) -> tuple[int, int]:
    """How many items are equal at the beginning, and at the end of the rest."""
    start, stop, shorter = 0, 0, min(len(old), len(new))
    while start < shorter and old[start] == new[start]:
        start += 1
    while stop < shorter - start and old[-1 - stop] == new[-1 - stop]:
        stop += 1
    return start, stop


def _within(old: list[int], new: list[int]) -> Iterator[Span]:
    """The same of two that begin and end with different items."""
    counts = Counter(old), Counter(new)
    pairs = sum(many * counts[1][item] for item, many in counts[0].items())
    if pairs <= FEW:
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        yield from ((i, j, size) for i, j, size in matcher.get_matching_blocks() if size)
        return
    anchors = _anchors(old, new, *counts)
    if len(anchors) * SHARE <= min(len(old), len(new)):
        yield from _windows(old, new, *counts)
        return
    for (i, j), (one, other) in pairwise([(-1, -1), *anchors, (len(old), len(new))]):
        if i >= 0:
            yield i, j, 1
        for here, there, size in _spans(old[i + 1 : one], new[j + 1 : other]):
            yield i + 1 + here, j + 1 + there, size


def _anchors(
    old: list[int], new: list[int], left: Counter[int], right: Counter[int]
) -> list[tuple[int, int]]:
    """Items that both have once, as many as are in the same order in both (patience sorting)."""
    places = {item: j for j, item in enumerate(new) if right[item] == 1}
    unique = [(i, places[item]) for i, item in enumerate(old) if left[item] == 1 and item in places]
    tops: list[int] = []  # of each pile, the place in `new`
    piles: list[int] = []  # and the number in `unique`
    before: list[int] = []  # for each of `unique`, the one on top of the pile before when it was laid down
    for number, (_, j) in enumerate(unique):
        pile = bisect_left(tops, j)
        before.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1], piles[pile : pile + 1] = [j], [number]
    found, number = [], piles[-1] if piles else -1
    while number >= 0:
        found.append(unique[number])
        number = before[number]
    return found[::-1]


def _windows(old: list[int], new: list[int], left: Counter[int], right: Counter[int]) -> Iterator[Span]:
    """Fewest edits, window by window. What one side alone has is no match for anything, and left out first."""
    kept = (
        [i for i, item in enumerate(old) if item in right],
        [j for j, item in enumerate(new) if item in left],
    )
    one, other = [old[i] for i in kept[0]], [new[j] for j in kept[1]]
    most = min(EDITS, max(LEAST, WORK // (len(one) + len(other) + 1)))
    i, j = 0, 0
    while i < len(one) and j < len(other):
        runs, i, j = _window(one, other, i, j, most)
        for here, there, size in runs:
            yield from ((kept[0][here + n], kept[1][there + n], 1) for n in range(size))


def _window(old: list[int], new: list[int], i: int, j: int, most: int) -> tuple[list[Span], int, int]:
    """From `i` and `j` on as far as `most` edits lead: what is equal, and where it ends (Myers, 1986).

    `reached`: how far in `old` each diagonal (place in `old` minus place in `new`) leads with so many edits.
    """
    ends = len(old), len(new)
    first = i - j
    reached: dict[int, int] = {}
    history = []
    for edits in range(most + 1):
        history.append(reached.copy())
        furthest = (-1, 0)
        for diagonal in range(first - edits, first + edits + 1, 2):
            x = max(_steps(reached, diagonal, ends)) if edits else i
            if x < 0:
                continue
            y = x - diagonal
            while x < ends[0] and y < ends[1] and old[x] == new[y]:
                x += 1
                y += 1
            reached[diagonal] = x
            furthest = max(furthest, (x + y, diagonal))
            if (x, y) == ends:
                return _runs(history, diagonal, x, i, ends), x, y
    diagonal = furthest[1]
    x = reached[diagonal]
    return _runs(history, diagonal, x, i, ends), x, x - diagonal


def _steps(reached: Mapping[int, int], diagonal: int, ends: tuple[int, int]) -> tuple[int, int]:
    """Where one more edit leads to on a diagonal: what `new` has more, and what `old` has more; -1 for nowhere."""
    down, right = reached.get(diagonal + 1, -1), reached.get(diagonal - 1, -2) + 1
    return down if down - diagonal <= ends[1] else -1, right if right <= ends[0] else -1


def _runs(
    history: Sequence[Mapping[int, int]], diagonal: int, x: int, begin: int, ends: tuple[int, int]
) -> list[Span]:
    """The way back from a place that the last step reached: what is equal on it, in order."""
    found = []
    for reached in reversed(history):
        down, right = _steps(reached, diagonal, ends) if reached else (begin, -1)
        start = max(down, right)
        found.append((start, start - diagonal, x - start))
        diagonal, x = (diagonal + 1, down) if down >= right else (diagonal - 1, right - 1)
    return [run for run in reversed(found) if run[2]]
