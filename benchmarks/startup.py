"""What the plugin adds to a suite that uses none of it: pairs of runs with and without it, in CPU time.

`python benchmarks/startup.py [PAIRS [TESTS]]`: with one test (the default) it is pytest's start, with many what each
test costs. The pairs run in turns, each first every second time; noise only ever adds, so the quickest runs tell most,
and the median of the pairs' differences tells whether they agree.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TEST = "def test_{0}():\n    pass\n"
PER_FILE = 100


def cpu_seconds(*arguments: str, cwd: str) -> float:
    """User and system time of one pytest run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_tests(folder: str, count: int) -> None:
    """So many tests, a hundred in a file."""
    for first in range(0, count, PER_FILE):
        numbers = range(first, min(first + PER_FILE, count))
        Path(folder, f"test_{first}.py").write_text("".join(map(TEST.format, numbers)))


def pair(folder: str, plugin_first: bool) -> tuple[float, float]:
    """CPU time with the plugin and without."""
    ways = [(), ("-p", "no:modelcheck")]
    order = ways if plugin_first else ways[::-1]
    took = {way: cpu_seconds(*way, cwd=folder) for way in order}
    return took[ways[0]], took[ways[1]]


def main(pairs: int, tests: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_tests(folder, tests)
        cpu_seconds(cwd=folder)  # byte code is written once
        runs = [pair(folder, bool(i % 2)) for i in range(pairs)]
    with_it, without = (sorted(times) for times in zip(*runs, strict=True))
    print(
        f"pytest without the plugin: {1000 * without[0]:.0f} ms CPU, the quickest of {pairs}, {tests} tests"
    )
    for name, rank in (("quickest", 0), ("lower quartile", pairs // 4), ("median", pairs // 2)):
        more = with_it[rank] - without[rank]
        print(f"the plugin adds {1000 * more:6.1f} ms, {more / without[rank]:6.2%} ({name})")
    paired = statistics.median(a - b for a, b in runs)
    print(f"the plugin adds {1000 * paired:6.1f} ms, {paired / without[0]:6.2%} (median of the pairs)")


if __name__ == "__main__":
    main(*(int(value) for value in (*sys.argv[1:], *("20", "1")[len(sys.argv) - 1 :])))
