"""How often does `max_regression` cry wolf over two revisions of a real repository, and what does it miss?

`python benchmarks/base_gate.py` (quick: ten minutes) or `--full` (hours: until each cell has 100 trials); `--out FILE`
appends each trial as a line of JSON, and the table is made of all trials in it: a study can be stopped, and go on.

A repository with two commits is made: `main`, and a change whose sources are others but do the same (A/A), or take
3, 5 or 10 % longer (the forward keeps its thread busy for that share of its own time). Each trial is one comparison of
one model in processes of its own, forked as `--modelcheck-base` forks them: loading, protocol, verdict included.
P2 is what the same comparison falls back to when both revisions register an operator with torch.

Rates stand with their exact (Clopper-Pearson) 95 % bounds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from figures import Rate, add_option, rate, write
from latency_gate import figures, other_load

from pytest_modelcheck.base.git import files, worktree
from pytest_modelcheck.base.pairs import CAP
from pytest_modelcheck.checks.latency.against import judge_pair
from pytest_modelcheck.verdict.judge import Outcome
from pytest_modelcheck.verdict.limit import Limit
from pytest_modelcheck.verdict.metric import Metric
from pytest_modelcheck.verdict.units import SECONDS
from pytest_modelcheck.worker.timing.paired import Comparisons, import_shared, settle
from pytest_modelcheck.worker.timing.revision import Job

MODEL = '''
import time
import torch
from torch import nn
from torchvision.models import mobilenet_v3_small, resnet18

SHARE = {share}


class Slowed(nn.Module):
    """Takes SHARE longer."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        start = time.thread_time_ns()
        y = self.inner(x)
        taken = time.thread_time_ns() - start
        end = start + (1 + SHARE) * taken
        while time.thread_time_ns() < end:
            pass
        return y


def simpleconv3():
    convolutions = [
        layer
        for channels in ((3, 12), (12, 24), (24, 48))
        for layer in (nn.Conv2d(*channels, 3, 2), nn.BatchNorm2d(channels[1]), nn.ReLU())
    ]
    head = [nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, 128), nn.ReLU(), nn.Linear(128, 4)]
    return Slowed(nn.Sequential(*convolutions, nn.Flatten(), *head))


def mobilenet():
    return Slowed(mobilenet_v3_small())


def resnet():
    return Slowed(resnet18())
'''
TESTS = """
import pytest
from nets import model

@pytest.mark.latency_budget(max_regression="{promise}%", model=model.simpleconv3, input_size=(1, 3, 48, 48))
def test_simpleconv3(): ...

@pytest.mark.latency_budget(max_regression="{promise}%", model=model.mobilenet, input_size=(1, 3, 96, 96))
def test_mobilenet(): ...

@pytest.mark.latency_budget(max_regression="{promise}%", model=model.resnet, input_size=(1, 3, 112, 112))
def test_resnet(): ...
"""
KEYS = {
    "simpleconv3 48": ("simpleconv3", 5),
    "mobilenet_v3_small 96": ("mobilenet", 8),
    "resnet18 112": ("resnet", 11),
}
OPERATOR = """
import torch

@torch.library.custom_op("nets::same", mutates_args=())
def same(x: torch.Tensor) -> torch.Tensor:
    return x.clone()
"""
CELLS = (  # protocol, slowdown, promise, share of the trials
    ("P1", 0, 3, 2),
    ("P1", 3, 3, 2),
    ("P2", 0, 5, 2),
    ("P2", 5, 5, 2),
    ("P1", 10, 3, 0.5),
    ("P2", 10, 5, 0.5),
)
ENOUGH = 100


class Repository:
    """Two commits in a folder of its own."""

    def __init__(self, folder: Path, protocol: str, slowdown: int, promise: int) -> None:
        self.root = folder / f"{protocol}-{slowdown}-{promise}"
        self.root.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("pytest.ini", "[pytest]\npythonpath = src\n")
        self.write("tests/test_nets.py", TESTS.format(promise=promise))
        self.write("src/nets/__init__.py", OPERATOR if protocol == "P2" else "")
        self.write("src/nets/model.py", MODEL.format(share=0.0))
        self.commit()
        self.base = self.git("rev-parse", "HEAD").strip()
        self.write("src/nets/model.py", "# another revision\n" + MODEL.format(share=slowdown / 100))
        self.commit()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "a commit")

    def prepare(self, folder: Path) -> Job:
        """The job of one comparison (`keys` are to come); `folder` has the base's tree."""
        given = [
            "-q",
            "-s",
            "-p",
            "no:cacheprovider",
            f"--rootdir={self.root}",
            "-c",
            f"{self.root}/pytest.ini",
        ]
        root, tree, arguments = str(self.root), str(folder / "tree"), [*given, "--modelcheck-github=off"]
        path, results = [entry or os.getcwd() for entry in sys.path], str(folder / "pairs.jsonl")
        job = Job(root, root, tree, files(self.root), ["test_*.py"], path, arguments, [], results, 120.0, CAP)
        everything = [key_of(model) for model in KEYS]
        import_shared(replace(job, keys=everything))
        return job


def key_of(model: str) -> tuple[str, str]:
    test, line = KEYS[model]
    return f"tests/test_nets.py::test_{test}", f"tests/test_nets.py:{line}"


def compare(job: Job, model: str, promise: int) -> dict[str, object]:
    """One comparison, in children of this process that it starts anew."""
    start = time.perf_counter()
    ((_, entry),) = Comparisons(replace(job, keys=[key_of(model)]))
    said = judged(entry, promise)
    return {**said, "seconds": time.perf_counter() - start - said.get("waited", 0)}


def judged(entry: dict, promise: int) -> dict[str, object]:
    """The verdict, as a test run gives it."""
    if "comparison" not in entry:
        return {"outcome": "error", "message": entry.get("error") or entry.get("reason")}
    limit = Limit(Metric("latency", SECONDS), max_regression=promise / 100)
    verdict, seen = judge_pair("net", limit, entry["comparison"])
    return {
        "outcome": verdict.outcome.value,
        "protocol_used": seen.protocol[:2],
        "regression": seen.regression,
        "interval": list(seen.interval),
        "chunks": len(seen.chunks),
        "shared": seen.shared,
        "elapsed": seen.elapsed,
        "waited": seen.waited,
        "call": seen.seconds[0],
    }


def run(end: float, out: Path, seed: int, only: str | None) -> None:
    """Trials in random order until the time is over, or each cell has enough."""
    rng = random.Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="base-gate-"))
    made: dict[tuple[str, int, int], Job] = {}
    settle()
    try:
        with contextlib.ExitStack() as stack:
            load = stack.enter_context(other_load())
            file = stack.enter_context(out.open("a", encoding="utf-8"))
            stack.enter_context(silence())
            for protocol, slowdown, promise, name, loaded in plan(out, rng, only):
                if time.time() > end:
                    return
                cell = (protocol, slowdown, promise)
                if cell not in made:
                    repository = Repository(folder, *cell)
                    made[cell] = repository.prepare(
                        stack.enter_context(worktree(repository.root, repository.base))
                    )
                load(loaded)
                trial = {"run": seed, "protocol": protocol, "slowdown": slowdown, "promise": promise}
                trial |= {"model": name, "loaded": loaded, **compare(made[cell], name, promise)}
                file.write(json.dumps(trial | {"at": time.time(), "load": os.getloadavg()[0]}) + "\n")
                file.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """What the children's test runs print."""
    sys.stdout.flush()
    kept = os.dup(1)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def plan(out: Path, rng: random.Random, only: str | None) -> Iterator[tuple[str, int, int, str, bool]]:
    """What is missing most, first; models and load at random."""
    while True:
        done = [(t["protocol"], t["slowdown"], t["promise"]) for t in trials_of(out)]
        cells = [cell for cell in CELLS if only in (None, cell[0])]
        protocol, slowdown, promise, share = min(
            cells, key=lambda c: (done.count(c[:3]) / c[3], rng.random())
        )
        if done.count((protocol, slowdown, promise)) >= ENOUGH / 2 * share:
            return
        yield protocol, slowdown, promise, rng.choice(list(KEYS)), rng.random() < 0.5


def trials_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.exists() else []


def table(trials: list[dict]) -> Iterator[str]:
    """Markdown: what each protocol says at each slowdown."""
    yield "| protocol | slowdown | load | alarm | passed | undecided | errors | median time | sd of the figure |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for protocol, slowdown, promise, _ in CELLS:
        for loaded, word in ((None, "any"), (False, "no"), (True, "a busy core")):
            chosen = [
                t
                for t in trials
                if (t["protocol"], t["slowdown"], t["promise"]) == (protocol, slowdown, promise)
                and loaded in (None, t["loaded"])
            ]
            if not chosen:
                continue
            of = len(chosen)
            counts = {o: sum(t["outcome"] == o.value for t in chosen) for o in Outcome}
            figures = [t["regression"] for t in chosen if "regression" in t]
            spread = f"{100 * statistics.stdev(figures):.2f} %" if len(figures) > 1 else "–"
            yield (
                f"| {protocol}, promise {promise} % | {slowdown} % | {word} | {rate(counts[Outcome.FAIL], of)} "
                f"| {rate(counts[Outcome.PASS], of)} | {counts[Outcome.INCONCLUSIVE]} | {counts[Outcome.ERROR]} "
                f"| {statistics.median(t['seconds'] for t in chosen):.1f} s | {spread} |"
            )
    other = sum(t.get("protocol_used", t["protocol"]) != t["protocol"] for t in trials)
    yield f"\n{len(trials)} trials; {other} of them went by the other protocol"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help=f"until each cell has {ENOUGH} trials")
    parser.add_argument("--minutes", type=float, help="end after so long (default: 10, with --full never)")
    parser.add_argument("--out", type=Path, default=Path("base_gate.jsonl"))
    parser.add_argument("--only", choices=("P1", "P2"), help="one protocol")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**31)
    parser.add_argument("--only-table", action="store_true", help="of the trials in --out")
    add_option(parser)
    arguments = parser.parse_args()
    minutes = arguments.minutes or (1e6 if arguments.full else 10)
    if not arguments.only_table:
        with contextlib.suppress(KeyboardInterrupt):
            run(time.time() + 60 * minutes, arguments.out, arguments.seed, arguments.only)
    trials = trials_of(arguments.out)
    print("\n".join(table(trials)))
    errors = sum(t["outcome"] == Outcome.ERROR.value for t in trials)
    write(arguments.json, [*figures(trials), Rate("errors", errors, len(trials))])


if __name__ == "__main__":
    main()
