"""Two calls timed against each other in one process, so that what disturbs one disturbs the other.

A stored time says little minutes later, and two copies of one model differ by up to several per cent for where their
tensors happen to lie. So both sides share their tensors wherever these are equal, and in each *chunk* all tensors
move to fresh memory, both module trees are built anew, and the sides take turns in quartets ABBA or BAAB. A chunk
gives one number, the median of its quartets' log ratios; chunks are independent, so their mean has an honest interval.

Nothing here knows what a side is: it has tensors, and builds a call over copies of them.
"""

from __future__ import annotations

import gc
import math
import random
import statistics
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ...errors import MeasurementError
from .clock import Blocks, Call, Clock, ThreadClock, WaitingClock, measured, spent

CHUNKS = 6  # before the first look
QUARTETS = 4  # in a chunk, half of them in each order
FAST, FAST_CALLS, CALLS = 1e-3, 10, 2  # calls in a turn: more of them below a millisecond
LONGEST_CHUNK = 2.0  # seconds; slower calls get fewer quartets
SLOW = 0.05  # seconds of a call from which on one of each side is enough to warm up
MAY_WAIT = 0.02  # share of the calls that may wait, untold; those of models that only compute never do
ORDERS: tuple[tuple[int, ...], ...] = ((0, 1, 1, 0), (1, 0, 0, 1))


@dataclass(frozen=True)
class Side:
    """One of the two: the tensors it reads, and how to build it anew over copies of them.

    `build(copies)` gets one tensor for each of `tensors`, in that order, and returns the call to time. `watched`: what
    a call may write to all the same, since its copy shares it: what the closures of hooks keep.
    """

    tensors: Sequence[Tensor]
    build: Callable[[Sequence[Tensor]], Call]
    watched: tuple[object, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """What one chunk measured: log(b / a), and the call of each side in seconds, on the clock and on the wall.

    It is the quickest call, which nothing disturbed. Of models that wait it is the mean: they may do it in a few calls.
    """

    log_ratio: float
    seconds: tuple[float, float]
    wall: tuple[float, float]


@dataclass(frozen=True)
class Turns:
    """Each side's calls, a in front of b: seconds on the clock, and on the wall."""

    seconds: tuple[list[float], list[float]]
    wall: tuple[list[float], list[float]]

    @property
    def best(self) -> tuple[float, float]:
        """The quickest call of each side."""
        return min(self.seconds[0]), min(self.seconds[1])


def take_turns(
    order: Sequence[int], turn: Callable[[int], tuple[Sequence[float], Sequence[float]]], clock: str
) -> Turns:
    """The sides' turns in this order; `turn(side)` gives its calls' seconds, on the clock and on the wall.

    Raises MeasurementError for times that there cannot be.
    """
    turns = Turns(([], []), ([], []))
    for side in order:
        seconds, wall = turn(side)
        turns.seconds[side].extend(seconds)
        turns.wall[side].extend(wall)
    if not all(0 < seconds < math.inf for seconds in turns.best):
        raise MeasurementError(f"a call cannot have taken {turns.best} seconds on this clock ({clock})")
    return turns


def chunk_of(quartets: Sequence[Turns], *, waits: bool) -> Chunk:
    """What they say together."""
    typical = statistics.fmean if waits else min

    def sides(turns: Sequence[tuple[list[float], list[float]]]) -> tuple[float, float]:
        a, b = ([seconds for one in turns for seconds in one[side]] for side in (0, 1))
        return typical(a), typical(b)

    seconds = sides([one.seconds for one in quartets])
    pairs = [seconds] if waits else [one.best for one in quartets]
    ratio = statistics.median(math.log(b / a) for a, b in pairs)
    return Chunk(ratio, seconds, sides([one.wall for one in quartets]))


class PairedSampler:
    """Times side `b` against side `a`, chunk by chunk; `mode` is on while they run, `seed` fixes orders and layouts.

    Where `clock` is thread CPU time and a side turns out to wait, it is the wall from then on.
    """

    def __init__(
        self,
        a: Side,
        b: Side,
        clock: Clock,
        mode: Callable[[], AbstractContextManager[object]] = torch.no_grad,
        seed: int | None = None,
    ) -> None:
        self.sides, self.clock, self.mode, self.random = (a, b), clock, mode, random.Random(seed)
        self.partners, self.blocks = partners(a.tensors, b.tensors), Blocks()

    @property
    def shared(self) -> int:
        """How many tensors of `b` are also tensors of `a`."""
        return sum(partner is not None for partner in self.partners)

    @property
    def tensors(self) -> int:
        """How many tensors `b` has."""
        return len(self.partners)

    def chunk(self) -> Chunk:
        """Fresh memory, fresh trees, one quartet to warm up, then those that count."""
        gc.collect()
        scattered = garbage(self.random)
        calls = self._build()
        with self.mode():
            before = spent()
            quartets, made = self._quartets(calls)
            self.blocks.add(before, spent(), made)
            if isinstance(self.clock, ThreadClock) and self.blocks.unseen(MAY_WAIT):
                self.clock = WaitingClock()
                quartets, _ = self._quartets(calls)
        del scattered
        return chunk_of(quartets, waits=isinstance(self.clock, WaitingClock))

    def _quartets(self, calls: tuple[Call, Call]) -> tuple[list[Turns], int]:
        """Those that count, and how many calls were made."""
        first = self._quartet(calls, (0, 1), 1)
        warm = [first] if max(first.best) > SLOW else [first, self._quartet(calls, ORDERS[0], CALLS)]
        turn, orders = plan(max(warm[-1].best), self.random)
        quartets = [self._quartet(calls, order, turn) for order in orders]
        return quartets, sum(len(side) for one in (*warm, *quartets) for side in one.seconds)

    def _build(self) -> tuple[Call, Call]:
        a, b = self.sides
        copies = [fresh(t) for t in a.tensors]
        pairs = zip(b.tensors, self.partners, strict=True)
        others = [fresh(t) if partner is None else copies[partner] for t, partner in pairs]
        if self.random.random() < 0.5:
            first = a.build(copies)
            return first, b.build(others)
        second = b.build(others)
        return a.build(copies), second

    def _quartet(self, calls: tuple[Call, Call], order: Sequence[int], calls_a_turn: int) -> Turns:
        def turn(side: int) -> tuple[Sequence[float], Sequence[float]]:
            call = calls[side]
            seconds, wall = zip(*[measured(self.clock, call) for _ in range(calls_a_turn)], strict=True)
            return seconds, wall

        return take_turns(order, turn, self.clock.name)


def plan(seconds: float, rng: random.Random) -> tuple[int, list[tuple[int, ...]]]:
    """Calls in a turn, and the orders of a chunk's turns, for calls that take `seconds`.

    Pairs of quartets; of slow calls one quartet, or one turn of each side.
    """
    turn = FAST_CALLS if seconds < FAST else CALLS
    if seconds * 4 * turn * QUARTETS > LONGEST_CHUNK:
        turn = 1
    fitting = int(LONGEST_CHUNK / max(seconds * 4 * turn, 1e-9))
    if not fitting:
        return turn, [rng.choice(((0, 1), (1, 0)))]
    if fitting == 1:
        return turn, [rng.choice(ORDERS)]
    orders = list(ORDERS) * (min(QUARTETS, fitting) // 2)
    rng.shuffle(orders)
    return turn, orders


def partners(a: Sequence[Tensor], b: Sequence[Tensor]) -> list[int | None]:
    """For each tensor of `b` the index of the tensor of `a` that equals it bit for bit; each of `a` is given once."""
    free: dict[tuple[object, ...], list[int]] = {}
    for index, tensor in enumerate(a):
        free.setdefault(_kind(tensor), []).append(index)
    found: list[int | None] = []
    for tensor in b:
        candidates = free.get(_kind(tensor), [])
        match = next((i for i in candidates if a[i] is tensor or _same_bits(a[i], tensor)), None)
        if match is not None:
            candidates.remove(match)
        found.append(match)
    return found


def _kind(tensor: Tensor) -> tuple[object, ...]:
    strides = tensor.stride() if tensor.layout is torch.strided else None
    return type(tensor), tensor.dtype, tensor.device, tensor.layout, tuple(tensor.shape), strides


def _same_bits(a: Tensor, b: Tensor) -> bool:
    return bool(torch.equal(a.detach(), b.detach()))


def fresh(tensor: Tensor) -> Tensor:
    """The same tensor in fresh memory."""
    return like(tensor, tensor.detach().clone())


def like(tensor: Tensor, data: Tensor) -> Tensor:
    """`data` as `tensor` is: a parameter or not, with a gradient or without."""
    if isinstance(tensor, nn.Parameter):
        return nn.Parameter(data, requires_grad=tensor.requires_grad)
    return data.requires_grad_(tensor.requires_grad)


def garbage(rng: random.Random) -> list[object]:
    """Random allocations, half of them freed again: what comes next finds another heap."""
    tensors = [torch.empty(rng.randrange(1, 200_000)) for _ in range(rng.randrange(40))]
    blocks = [bytearray(rng.randrange(1, 60_000)) for _ in range(rng.randrange(60))]
    return [*tensors[::2], *blocks[::2]]
