"""One measurement loop: warm up, then sample until decided, at the latest until the cap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .clock import Clock, Spent, spent, unseen
from .workload import Prepare

WARMUP, WARMUP_CALLS = 0.5, 3  # seconds and calls: both are reached
CAP = 30.0  # seconds
LEAST = 12  # calls: fewer give no interval of the median; not even the cap ends before
LEAST_SECONDS = 0.25  # of samples before the first look, so that one burst of noise is not all there is
MOST = 200_000  # samples
GROWTH = 1.25  # from look to look: few looks, so that the errors of all of them together stay small


@dataclass
class Samples:
    """Seconds of each call, on the clock that counts and on the wall."""

    seconds: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    calls: int = 0  # made so far, the warm-up's too
    begun: Spent | None = None  # before the first of them, and after the last
    ended: Spent | None = None

    def unseen(self, share: float) -> str:
        """What thread CPU time does not see of them; `share` of the calls may wait without being told."""
        if self.begun is None or self.ended is None:
            return ""
        return unseen(self.begun, self.ended, len(self.seconds), share)


def sample(
    prepare: Prepare,
    clock: Clock,
    done: Callable[[Samples], bool],
    samples: Samples,
    *,
    warmup: float = WARMUP,
    cap: float = CAP,
) -> None:
    """Fill `samples` until `done(samples)`, which is asked ever more rarely, or until the cap (then asked no more)."""
    start = clock.now()
    while samples.calls < WARMUP_CALLS or clock.now() - start < warmup:
        _one(prepare, clock, samples)
    start, look, samples.begun = clock.now(), LEAST, spent()
    add, add_wall = samples.seconds.append, samples.wall.append
    while True:
        seconds, wall = _one(prepare, clock, samples)
        add(seconds)
        add_wall(wall)
        count = len(samples.seconds)
        if count < look:
            if count >= LEAST and clock.now() - start >= cap:
                samples.ended = spent()
                return
            continue
        elapsed = clock.now() - start
        if elapsed >= LEAST_SECONDS or elapsed >= cap:
            samples.ended = spent()
            if done(samples) or elapsed >= cap or count >= MOST:
                return
            look = int(count * GROWTH) + 1


def _one(prepare: Prepare, clock: Clock, samples: Samples) -> tuple[float, float]:
    samples.calls += 1
    return clock.measure(prepare())
