"""What a comparison with another revision costs: runs with `--modelcheck-base` and without.

`python benchmarks/base.py [ROUNDS]` (needs the extra `vision`, and git: a repository is made). Two subjects, a report,
all comparisons but latency. The first run against a base measures twice and starts one more interpreter; the bound is
3 times the run without a base, plus one start of an interpreter with torch. The second finds the base's figures in
pytest's cache; its bound is 1.1 times the run without a base. Printed are medians over the rounds, CPU time of all
processes and wall time.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.modelcheck(model="torchvision:resnet18", input_size=(1, 3, 224, 224))
@pytest.mark.flops_budget(max_regression="2%")
@pytest.mark.peak_memory_budget(max_regression="2%")
def test_resnet(): ...

@pytest.mark.modelcheck(model="torchvision:mobilenet_v3_small", input_size=(1, 3, 224, 224))
@pytest.mark.params_budget(max_regression="2%")
def test_mobilenet(): ...
"""
PYTEST = ("-m", "pytest", "-q", "--modelcheck-report")


def git(*arguments: str, cwd: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.example")
    subprocess.run(["git", *identity, *arguments], cwd=cwd, check=True, capture_output=True)


def seconds(*arguments: str, cwd: str) -> tuple[float, float]:
    """CPU time of a Python process and all it started, and wall time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_nets.py").write_text(TESTS)
        git("init", "-q", "-b", "main", cwd=folder)
        git("add", "-A", cwd=folder)
        git("commit", "-q", "-m", "base", cwd=folder)
        calls = {
            "start": ("-c", "import pytest, torch"),
            "alone": PYTEST,
            "first": (*PYTEST, "--modelcheck-base=main", "--cache-clear"),
            "second": (*PYTEST, "--modelcheck-base=main"),
        }
        for call in calls.values():
            seconds(*call, cwd=folder)
        taken = [{name: seconds(*call, cwd=folder) for name, call in calls.items()} for _ in range(rounds)]
    for kind, column in (("CPU", 0), ("wall", 1)):
        start, alone, first, second = ([r[name][column] for r in taken] for name in calls)
        print(
            f"{kind:<5} start {statistics.median(start):5.2f} s, head alone {statistics.median(alone):5.2f} s, "
            f"first run with base {statistics.median(first):5.2f} s, second {statistics.median(second):5.2f} s"
        )
        bound = statistics.median(b / (3 * a + s) for a, b, s in zip(alone, first, start, strict=True))
        print(
            f"      first {ratio(first, alone):.2f} x head alone, {bound:.0%} of 3 x head alone + one start"
        )
        print(f"      second {ratio(second, alone):.2f} x head alone (at most 1.10)")


def ratio(some: list[float], others: list[float]) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(some, others, strict=True))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
