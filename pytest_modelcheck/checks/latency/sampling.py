"""One measurement loop: warm up, then sample until decided, at the latest until the cap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from .clock import Clock, Spent, spent, unseen
from .workload import Prepare

WARMUP, WARMUP_CALLS = 0.5, 3  # seconds and calls: both are reached, unless calls are slow
SLOW = 0.1  # share of the cap after which slow calls are warm
CAP = 30.0  # seconds
LEAST = 12  # calls: fewer give no good interval of the median
LEAST_SECONDS = 0.25  # of samples before the first look, so that one burst of noise is not all there is
MOST = 200_000  # samples
GROWTH = 1.25  # from look to look: few looks, so that the errors of all of them together stay small


@dataclass
class Samples:
    """Seconds of each call, on the clock that counts and on the wall."""

    seconds: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    calls: int = 0  # made so far, the warm-up's too
    used: list[tuple[int, Spent]] = field(default_factory=list)  # at each look, after so many samples

    def look(self) -> None:
        """Note what was used so far."""
        self.used.append((len(self.seconds), spent()))

    def unseen(self, share: float) -> str:
        """What thread CPU time does not see of them, or of their later half: a model may begin to wait.

        `share` of the calls may wait without being told.
        """
        if len(self.used) < 2:
            return ""
        (first, begun), (last, ended) = self.used[0], self.used[-1]
        count, half = next(look for look in self.used if 2 * look[0] >= last or look[0] == last)
        said = unseen(begun, ended, last - first, share)
        return said or (unseen(half, ended, last - count, share) if count < last else "")


def sample(
    prepare: Prepare,
    clock: Clock,
    done: Callable[[Samples], bool],
    samples: Samples,
    *,
    warmup: float = WARMUP,
    cap: float = CAP,
    patience: float | None = None,
    begun: float | None = None,
) -> None:
    """Fill `samples` until `done(samples)`, which is asked ever more rarely, or until the cap (then asked no more).

    `cap`: seconds after `begun` (on the clock; None: now), the warm-up's among them. With `patience` it ends after so
    many seconds already, if there are enough calls by then.
    """
    begun = clock.now() if begun is None else begun
    _warm_up(prepare, clock, samples, warmup, begun + max(SLOW * cap, min(warmup, cap / 2)))
    start, look = clock.now(), LEAST
    samples.look()
    add, add_wall = samples.seconds.append, samples.wall.append
    while True:
        seconds, wall = _one(prepare, clock, samples)
        add(seconds)
        add_wall(wall)
        count, now = len(samples.seconds), clock.now()
        over = now - begun >= cap or (patience is not None and count >= LEAST and now - begun >= patience)
        if over or (count >= look and now - start >= LEAST_SECONDS):
            samples.look()
            if over or done(samples) or count >= MOST:
                return
            look = int(count * GROWTH) + 1


def _warm_up(prepare: Prepare, clock: Clock, samples: Samples, warmup: float, latest: float) -> None:
    """Calls that do not count: no further one begins after the moment `latest`."""
    start = clock.now()
    while samples.calls < WARMUP_CALLS or clock.now() - start < warmup:
        _one(prepare, clock, samples)
        if clock.now() >= latest:
            return


def _one(prepare: Prepare, clock: Clock, samples: Samples) -> tuple[float, float]:
    samples.calls += 1
    return clock.measure(prepare())
