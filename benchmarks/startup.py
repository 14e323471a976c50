"""What the plugin adds to pytest's start in a suite that uses none of it: pairs of runs with and without it.

`python benchmarks/startup.py [PAIRS]` prints the difference of CPU time at three ranks; noise only ever adds, so the
quickest runs tell most.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

TEST = "def test_it():\n    pass\n"


def cpu_seconds(*arguments: str, cwd: str) -> float:
    """User and system time of one pytest run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(pairs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "test_it.py").write_text(TEST)
        cpu_seconds(cwd=folder)  # byte code is written once
        runs = [
            (cpu_seconds(cwd=folder), cpu_seconds("-p", "no:modelcheck", cwd=folder)) for _ in range(pairs)
        ]
    with_it, without = (sorted(times) for times in zip(*runs, strict=True))
    print(f"pytest without the plugin: {1000 * without[0]:.0f} ms CPU, the quickest of {pairs}")
    for name, rank in (("quickest", 0), ("lower quartile", pairs // 4), ("median", pairs // 2)):
        print(f"the plugin adds {1000 * (with_it[rank] - without[rank]):5.1f} ms ({name})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
