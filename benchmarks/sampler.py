"""What does the sampler itself cost per call? `python benchmarks/sampler.py`

An empty call is sampled: all that is left is the sampler's. Two figures, in microseconds of this thread's CPU time,
each the median of ROUNDS rounds and their extremes:

- within: what the clock reads for an empty call, so what each timed figure is too long by;
- in all: the sampler's loop per call (clock, list, its looks at the interval), so what sampling adds to a test's time.

Beside them, as a share, what `within` adds to a call of a small network (SimpleConv3 at 48 px, one thread).
"""

from __future__ import annotations

import statistics
import time

import torch
from latency_gate import simpleconv3

from pytest_modelcheck.checks.latency.clock import ThreadClock
from pytest_modelcheck.checks.latency.intervals import quantile_interval
from pytest_modelcheck.checks.latency.region import timed_region
from pytest_modelcheck.checks.latency.sampling import Samples, sample

ROUNDS, CALLS = 15, 20_000


def empty() -> None:
    """The call."""


def one_round() -> tuple[float, float]:
    """Seconds within a timed figure, and in all, per call; the sampler looks at its interval as it does for a limit."""
    samples = Samples()

    def done(seen: Samples) -> bool:
        quantile_interval(seen.seconds, 0.5)
        return len(seen.seconds) >= CALLS

    start = time.thread_time()
    sample(lambda: empty, ThreadClock(), done, samples, warmup=0.0)
    return statistics.median(samples.seconds), (time.thread_time() - start) / samples.calls


def network_call() -> float:
    """Seconds of the small network, the quickest of 300 calls."""
    torch.manual_seed(0)
    model, x = simpleconv3().eval(), torch.randn(1, 3, 48, 48)
    clock = ThreadClock()
    with torch.inference_mode():
        return min(clock.measure(lambda: model(x))[0] for _ in range(300))


def text(values: list[float]) -> str:
    micro = sorted(1e6 * v for v in values)
    return f"{statistics.median(micro):.2f} us ({micro[0]:.2f} to {micro[-1]:.2f})"


def main() -> None:
    threads = torch.get_num_threads()
    with timed_region(1):
        within, in_all = (
            list(figures) for figures in zip(*(one_round() for _ in range(ROUNDS)), strict=True)
        )
        call = network_call()
    torch.set_num_threads(threads)
    print(f"within a timed figure  {text(within)}")
    print(f"in all, per call       {text(in_all)}")
    share = statistics.median(within) / call
    print(f"a call of SimpleConv3 takes {1e6 * call:.0f} us: timed {100 * share:.3f} % too long")


if __name__ == "__main__":
    main()
