"""Protocol P2: each revision in a process of its own, a fresh pair of them for each chunk, on inherited tensors."""

from __future__ import annotations

import gc
import math
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...checks.latency.clock import (
    Blocks,
    Clock,
    ThreadClock,
    UntoldClock,
    WaitingClock,
    WallClock,
    clock_for,
    measured,
    spent,
)
from ...checks.latency.compare import LatencyComparison, chunk_by_chunk, slowdown_decided, subject_side
from ...checks.latency.paired import (
    CALLS,
    MAY_WAIT,
    ORDERS,
    SLOW,
    Chunk,
    Turns,
    chunk_of,
    garbage,
    like,
    partners,
    plan,
    take_turns,
)
from ...errors import MeasurementError
from ..redirect import Redirect
from .fork import Child
from .revision import Incomparable, Job, Key, Timed, collect, foreign, refuse_other_inputs, with_inputs

PROTOCOL = "P2: pairs of processes"
PROMISE = 0.05  # the slowdown that pairs of processes tell from none in reasonable time
COARSE = "pairs of processes are made for limits from 5 % on: a smaller one may stay undecided"
WARMUP, WARMUP_CALLS = 0.03, 3
TURN = 0.01  # seconds in a turn: the other process leaves cold caches
LONG, MOST = (
    0.5,
    12,
)  # seconds of quartets worth the start of two processes, but so many pairs of quartets at most
NAMES = ("the base", "this tree")


@dataclass(frozen=True)
class Held:
    """What the children inherit: this tree's tensors, first those of its inputs."""

    tensors: Sequence[Tensor]
    inputs: int
    shapes: str
    threads: int
    max_regression: float


def compare_apart(job: Job, key: Key, why: str) -> LatencyComparison:
    """How much slower this tree's subject is; `why` not in one process. Raises ChildError, MeasurementError,
    Incomparable.
    """
    held = _held(job, key)
    sampler = ForkSampler(job, key, held)
    decided = slowdown_decided(held.max_regression)
    seen = chunk_by_chunk(sampler, decided, threads=held.threads, cap=job.cap)
    return replace(
        seen, protocol=f"{PROTOCOL} ({why})", notes=() if held.max_regression >= PROMISE else (COARSE,)
    )


def _held(job: Job, key: Key) -> Held:
    """This tree's tensors; none where they cannot travel."""
    file = Path(job.results).with_name("tensors.pt")
    with Child(f"a process with {NAMES[1]}", lambda: Apart(job, key, head=True)) as child:
        said = child.ask(job.timeout, export=str(file))
    tensors = torch.load(file, weights_only=True) if said["exported"] else []
    file.unlink(missing_ok=True)
    return Held(tensors, said["inputs"], said["shapes"], said["threads"], said["max_regression"])


class ForkSampler:
    """Chunks, each from a fresh pair of children that take turns."""

    def __init__(self, job: Job, key: Key, held: Held) -> None:
        self.job, self.key, self.held = job, key, held
        self.clock = WallClock()
        self.random = random.Random()
        self.shared = self.tensors = 0

    def chunk(self) -> Chunk:
        """One pair: load, one quartet to warm up, then those that count."""
        core = self.random.choice(cores()) if self.held.threads == 1 else None
        with ExitStack() as stack:
            children = {
                side: stack.enter_context(self._child(side, core)) for side in self.random.sample((0, 1), 2)
            }
            for child in children.values():
                child.tell(load=True)
            said = {side: child.hear(self.job.timeout) for side, child in children.items()}
            for answer in said.values():
                if "reason" in answer:
                    raise Incomparable(str(answer["reason"]))
            self.shared, self.tensors = int(said[1]["shared"]), int(said[1]["tensors"])
            if self.clock.name != WaitingClock.name:
                self.clock.name = str(said[1]["clock"])
                quartets, is_untold = self._quartets(children), self.clock.name == UntoldClock.name
                asked = (child.ask(self.job.timeout, waits=True)["unseen"] for child in children.values())
                if is_untold or not any(asked):
                    return chunk_of(quartets, waits=is_untold)
                self.clock.name = WaitingClock.name
            for child in children.values():
                child.ask(self.job.timeout, wall=True)
            return chunk_of(self._quartets(children), waits=True)

    def _child(self, side: int, core: int | None) -> Child:
        seed = self.random.random()
        start = partial(Apart, self.job, self.key, head=bool(side), held=self.held, seed=seed, core=core)
        return Child(f"a process with {NAMES[side]}", start)

    def _quartets(self, children: dict[int, Child]) -> list[Turns]:
        slowest = max(self._quartet(children, (0, 1), 1).best)
        if slowest <= SLOW:
            slowest = max(self._quartet(children, ORDERS[0], CALLS).best)
        turn, orders = plan(slowest, self.random)
        turn = max(turn, math.ceil(TURN / slowest))
        fitting = min(MOST, int(LONG / (slowest * 8 * turn)))
        if 2 * fitting > len(orders):
            orders = list(ORDERS) * fitting
            self.random.shuffle(orders)
        return [self._quartet(children, order, turn) for order in orders]

    def _quartet(self, children: dict[int, Child], order: Sequence[int], calls: int) -> Turns:
        def turn(side: int) -> tuple[Sequence[float], Sequence[float]]:
            said = children[side].ask(self.job.timeout, turn=calls)
            return said["seconds"], said["wall"]

        return take_turns(order, turn, self.clock.name)


def cores() -> list[int | None]:
    """The processor's cores that this process may run on; `[None]` where the system does not let one choose."""
    return [*sorted(os.sched_getaffinity(0))] if hasattr(os, "sched_getaffinity") else [None]


class Apart:
    """Answers a `Child`'s questions about one revision: `export` its tensors, `load`, or time a `turn` of calls (from
    `wall` on, on the wall), or whether the model `waits`.

    Both of a pair run on one `core`. They take turns, so that none waits for it; on two, whose speeds and caches differ
    from moment to moment, equal revisions looked up to 12 % apart.
    """

    def __init__(
        self,
        job: Job,
        key: Key,
        *,
        head: bool,
        held: Held | None = None,
        seed: float = 0.0,
        core: int | None = None,
    ) -> None:
        self.held, self.scattered = held, garbage(random.Random(seed))
        self.job, self.key, self.head, self.core = job, key, head, core
        self.blocks = Blocks()

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        if "turn" in question:
            return self._turn(question["turn"])
        if "waits" in question:
            return {"unseen": isinstance(self.clock, ThreadClock) and bool(self.blocks.unseen(MAY_WAIT))}
        if "wall" in question:
            self.clock: Clock = WaitingClock()
            return {}
        try:
            self.timed = self._collect()
            return self._export(question["export"]) if "export" in question else self._load()
        except Incomparable as reason:
            return {"reason": str(reason)}

    def _collect(self) -> Timed:
        """The subject. Raises MeasurementError where there is none."""
        job, head = self.job, self.head
        redirect = Redirect(Path(job.root), Path(job.tree), job.files, job.patterns, job.moves)
        if not head:
            sys.meta_path.insert(0, redirect)
        found, missing = collect(job, [self.key])
        if self.key in missing:
            raise MeasurementError(f"{NAMES[head]} has no such subject: {missing[self.key]}")
        timed, tree = found[self.key], Path(job.tree)
        leak = foreign(timed.subject, (lambda f: f.is_relative_to(tree)) if head else redirect.is_source)
        if leak:
            raise MeasurementError(f"a class of the other revision is in the model of {NAMES[head]}: {leak}")
        return timed

    def _export(self, file: str) -> dict[str, Any]:
        inputs = self.timed.subject.require_inputs()
        side = subject_side(self.timed.subject)
        own = {id(t) for t in inputs.tensors}
        tensors = [*inputs.tensors, *(t for t in side.tensors if id(t) not in own)]
        able = all(type(t.data) is Tensor and t.device.type == "cpu" for t in tensors)
        if able:
            torch.save([t if isinstance(t, nn.Parameter) else t.detach() for t in tensors], file)
        facts = {"threads": self.timed.threads, "max_regression": self.timed.max_regression}
        return {"exported": able, "inputs": len(inputs.tensors), "shapes": str(inputs), **facts}

    def _load(self) -> dict[str, Any]:
        """Build the call over inherited tensors where they are equal, and warm it up."""
        assert self.held is not None
        subject = self.timed.subject
        refuse_other_inputs(subject.require_inputs(), self.held.shapes)
        self._stay()
        if self.held.tensors:
            subject = with_inputs(subject, self.held.tensors[: self.held.inputs])
        side = subject_side(subject)
        found = partners(self.held.tensors, side.tensors)
        copies = [
            t if p is None else like(t, self.held.tensors[p])
            for t, p in zip(side.tensors, found, strict=True)
        ]
        threads = self.held.threads
        torch.set_num_threads(threads)
        self.clock = clock_for(subject.device, threads)
        self.call = side.build(copies)
        gc.collect()
        gc.freeze()
        gc.disable()
        end = time.perf_counter() + WARMUP
        self._turn(1)
        while self.blocks.calls < WARMUP_CALLS or time.perf_counter() < end:
            self._turn(1)
            if time.perf_counter() > end + LONG:
                break
        shared = sum(p is not None for p in found)
        return {"clock": self.clock.name, "shared": shared, "tensors": len(found)}

    def _turn(self, calls: int) -> dict[str, Any]:
        before = spent()
        seconds, wall = zip(*[self._measure() for _ in range(calls)], strict=True)
        self.blocks.add(before, spent(), calls)
        return {"seconds": seconds, "wall": wall}

    def _stay(self) -> None:
        """Stay on the pair's core from now on."""
        if self.core is not None:
            with suppress(OSError):  # a container may forbid it
                os.sched_setaffinity(0, {self.core})

    def _measure(self) -> tuple[float, float]:
        with torch.no_grad():
            return measured(self.clock, self.call)
