"""How often does a latency gate cry wolf, and what does it miss?

`python benchmarks/latency_gate.py` (three minutes) or `--minutes 60`; `--out FILE` appends each trial as a line of
JSON, and the table is made of all trials in it: a long study can run in steps. Three models, half of the trials with
a load on another core, slowdowns of 0, 3, 5, 10 and 20 % (the forward keeps
its thread busy for that share of its own time). Rules compared:

- ours: paired, sequential (`max_regression` 5 %, or 3 % where it says so);
- the rules that look at a stored figure: median + 10 %, minimum + 5 % (as pytest-benchmark's --benchmark-compare-fail
  is used), mean + 10 %, each from half a second of plain calls on the wall clock, stored at least a minute earlier.

Rates stand with their exact (Clopper-Pearson) 95 % bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from figures import Rate, add_option, rate, write
from torch import Tensor, nn
from torchvision.models import mobilenet_v3_small, resnet18

from pytest_modelcheck.checks.latency.clock import WallClock
from pytest_modelcheck.checks.latency.compare import compare_latency, read_comparison, slowdown_limit
from pytest_modelcheck.verdict.judge import Outcome, judge

LOAD = "import numpy\na = numpy.ones((512, 512))\nwhile True: a @ a"
PLAIN_SECONDS, OLD = 0.5, 60.0  # of plain calls; how old a stored figure is at least
CELLS = (
    (0, 5, 3),
    (0, 3, 2),
    (3, 3, 2),
    (5, 5, 2),
    (10, 5, 1),
    (20, 5, 1),
)  # slowdown, promise, trials per cycle
RULES: dict[str, Callable[[dict, dict], bool]] = {
    "stored median + 10 %": lambda new, old: new["median"] > 1.10 * old["median"],
    "stored minimum + 5 %": lambda new, old: new["min"] > 1.05 * old["min"],
    "stored mean + 10 %": lambda new, old: new["mean"] > 1.10 * old["mean"],
}


class Slowed(nn.Module):
    """A model that takes `share` longer: it keeps its thread busy for that part of the time it just took."""

    def __init__(self, inner: nn.Module, share: float = 0.0) -> None:
        super().__init__()
        self.inner, self.share = inner, share

    def forward(self, x: Tensor) -> Tensor:
        start = time.thread_time_ns()
        y = self.inner(x)
        taken = time.thread_time_ns() - start
        end = start + (1 + self.share) * taken
        while time.thread_time_ns() < end:
            pass
        return y


def simpleconv3() -> nn.Module:
    convolutions = [
        layer
        for channels in ((3, 12), (12, 24), (24, 48))
        for layer in (nn.Conv2d(*channels, 3, 2), nn.BatchNorm2d(channels[1]), nn.ReLU())
    ]
    head = [nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 128), nn.ReLU(), nn.Linear(128, 4)]
    return nn.Sequential(*convolutions, nn.Flatten(), *head)


MODELS = {
    "simpleconv3 48": (simpleconv3, 48),
    "mobilenet_v3_small 96": (mobilenet_v3_small, 96),
    "resnet18 112": (resnet18, 112),
}


class Study:
    """The models and their inputs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        torch.manual_seed(seed % 2**31)
        torch.set_num_threads(1)
        self.models = {name: make().eval() for name, (make, _) in MODELS.items()}
        self.inputs = {name: torch.randn(1, 3, size, size) for name, (_, size) in MODELS.items()}

    def trial(self, name: str, slowdown: int, promise: int) -> dict[str, object]:
        inner, x = self.models[name], self.inputs[name]
        a, b = Slowed(inner), Slowed(inner, slowdown / 100)
        start = time.perf_counter()
        seen = compare_latency(a, b, x, max_regression=f"{promise}%")
        outcome = judge(name, slowdown_limit(f"{promise}%"), read_comparison(seen)).outcome
        return {
            "model": name,
            "slowdown": slowdown,
            "promise": promise,
            "outcome": outcome.value,
            "seconds": time.perf_counter() - start,
            "regression": seen.regression,
            "interval": list(seen.interval),
            "call": seen.seconds[0],
            "at": time.time(),
            "average_load": os.getloadavg()[0],
            "plain": plain(b, x),
        }


def plain(module: nn.Module, x: Tensor) -> dict[str, float]:
    """Half a second of calls on the wall clock, as most benchmarks take them."""
    clock, times = WallClock(), []
    end = clock.now() + PLAIN_SECONDS
    with torch.inference_mode():
        module(x)
        while clock.now() < end:
            times.append(clock.measure(lambda: module(x))[1])
    return {"median": statistics.median(times), "min": min(times), "mean": statistics.fmean(times)}


@contextlib.contextmanager
def other_load() -> Iterator[Callable[[bool], None]]:
    """A busy process that can be let run or held; it ends with this one, also when that is told to."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    process = subprocess.Popen([sys.executable, "-c", LOAD], env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    try:
        yield lambda on: process.send_signal(signal.SIGCONT if on else signal.SIGSTOP)
    finally:
        process.kill()
        process.wait()


def run(minutes: float, out: Path, seed: int, cells: list[tuple[int, int, int]]) -> None:
    """Trials of the `cells` in random order until the time is over."""
    end = time.time() + 60 * minutes
    study = Study(seed)
    with other_load() as load, out.open("a", encoding="utf-8") as file:
        while time.time() < end:
            cycle = [(m, s, p, on) for m in MODELS for s, p, n in cells for on in (0, 1) for _ in range(n)]
            study.random.shuffle(cycle)
            for name, slowdown, promise, loaded in cycle:
                if time.time() > end:
                    break
                load(bool(loaded))
                trial = {"run": seed, "loaded": loaded, **study.trial(name, slowdown, promise)}
                file.write(json.dumps(trial) + "\n")
                file.flush()


def figures(trials: list[dict]) -> list[Rate]:
    """Of our rule: alarms where nothing is slower, misses where it is by the promise or more, and what it left open."""

    def count(chosen: list[dict], outcome: Outcome) -> int:
        return sum(t["outcome"] == outcome.value for t in chosen)

    equal = [t for t in trials if t["slowdown"] == 0]
    slower = [t for t in trials if t["slowdown"] >= t["promise"]]
    return [
        Rate("false alarms", count(equal, Outcome.FAIL), len(equal)),
        Rate("missed, slower by the promise", count(slower, Outcome.PASS), len(slower)),
        Rate("undecided", count(trials, Outcome.INCONCLUSIVE), len(trials)),
    ]


def table(trials: list[dict]) -> Iterator[str]:
    """Markdown: what each rule says at each slowdown."""
    yield "| slowdown | rule | alarm | passed | undecided | median time |"
    yield "|---|---|---|---|---|---|"
    for slowdown, promise, _ in CELLS:
        for loaded in (None, 0, 1):
            chosen = [
                t
                for t in trials
                if t["slowdown"] == slowdown and t["promise"] == promise and loaded in (None, t["loaded"])
            ]
            if not chosen:
                continue
            counts = {o: sum(t["outcome"] == o.value for t in chosen) for o in Outcome}
            time_ = statistics.median(t["seconds"] for t in chosen)
            where = {None: "", 0: ", no load", 1: ", load"}[loaded]
            alarms = rate(counts[Outcome.FAIL], len(chosen))
            yield (
                f"| {slowdown} % | ours, {promise} %{where} | {alarms} | {counts[Outcome.PASS]} | "
                f"{counts[Outcome.INCONCLUSIVE]} | {time_:.1f} s |"
            )
    for slowdown in dict.fromkeys(s for s, _, _ in CELLS):
        for rule, alarm in RULES.items():
            said = [
                alarm(t["plain"], old)
                for t in trials
                if t["slowdown"] == slowdown and (old := stored(t, trials))
            ]
            yield f"| {slowdown} % | {rule} | {rate(sum(said), len(said))} | {len(said) - sum(said)} | 0 | 0.5 s |"


def stored(trial: dict, trials: list[dict]) -> dict | None:
    """The figures that would have been stored: of the last unslowed trial that is old enough."""
    old = [
        t
        for t in trials
        if t["model"] == trial["model"] and t["slowdown"] == 0 and t["at"] < trial["at"] - OLD
    ]
    return max(old, key=lambda t: t["at"])["plain"] if old else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--minutes", type=float, default=3, help="how long (default 3; a full study takes 60)"
    )
    parser.add_argument("--out", type=Path, default=Path("latency_gate.jsonl"))
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    parser.add_argument(
        "--slowdown", type=int, choices=sorted({c[0] for c in CELLS}), help="only this one, in %%"
    )
    parser.add_argument("--only-table", action="store_true", help="of the trials in --out")
    add_option(parser)
    arguments = parser.parse_args()
    if not arguments.only_table:
        cells = [c for c in CELLS if arguments.slowdown in (None, c[0])]
        run(arguments.minutes, arguments.out, arguments.seed, cells)
    trials = [json.loads(line) for line in arguments.out.read_text("utf-8").splitlines()]
    print("\n".join(table(trials)))
    write(arguments.json, figures(trials))
    for name in MODELS:
        calls = [t for t in trials if t["model"] == name]
        if calls:
            seconds = statistics.median(t["call"] for t in calls)
            undecided = statistics.median(t["seconds"] for t in calls)
            print(f"{name}: {1000 * seconds:.2f} ms per call, median time to a verdict {undecided:.1f} s")


if __name__ == "__main__":
    main()
