"""What many tests, models and shards cost: `python benchmarks/scale.py many | plain | wide | merge`, in CPU time.

many    300 tests of 30 models with a report: growth of the process from test 30 to 300, and of a test's time
plain   5,000 tests that check nothing, with the plugin and with `-p no:modelcheck`, in pairs: `plain [PAIRS]`
wide    100 models, 20 checks of each, under `-n 2`, with a report: CPU of all processes, sizes
merge   10, 25 and 50 shards of ten models, each with its own: CPU, memory, size
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import startup

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.scale.projects import WIDE, logged, many

PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
REPORT = Path("modelcheck-report")


def seconds(*arguments: str, cwd: Path) -> float:
    """CPU time of a Python process and all that it started."""
    before = os.times()
    subprocess.run([sys.executable, *arguments], cwd=cwd, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def sizes(folder: Path) -> str:
    return ", ".join(
        f"{name} {(folder / name).stat().st_size / 1e6:.2f} MB" for name in ("report.json", "index.html")
    )


def many_tests(folder: Path) -> None:
    many(folder, 30)
    seconds(*PYTEST, "--snapshot-update", cwd=folder)
    (folder / "log.txt").unlink()
    took = seconds(*PYTEST, "--modelcheck-report", cwd=folder)
    each, size = zip(*logged(folder), strict=True)
    third = len(each) // 3
    print(
        f"{len(each)} tests: {took:.0f} s, grows by {(size[-1] - size[29]) / 1e6:.0f} MB from test 30 to the last"
    )
    print(f"the last third of the tests takes {sum(each[-third:]) / sum(each[:third]):.2f} times the first")
    print(sizes(folder / REPORT))


def wide(folder: Path) -> None:
    many(folder, 100, "", WIDE, depth=8)
    seconds(*PYTEST, "-n", "2", "--snapshot-update", cwd=folder)
    print(
        f"100 models, 2,000 checks: {seconds(*PYTEST, '-n', '2', '--modelcheck-report', cwd=folder):.0f} s of CPU"
    )
    print(sizes(folder / REPORT))


def merge(folder: Path) -> None:
    many(folder, 10, "", WIDE, depth=8)
    seconds(*PYTEST, "--snapshot-update", "--modelcheck-report", cwd=folder)
    text = (folder / REPORT / "report.json").read_text("utf-8")
    for number in range(50):
        (folder / f"shard{number}").mkdir()
        (folder / f"shard{number}" / "report.json").write_text(_of_its_own(text, number), "utf-8")
    for count in (10, 25, 50):
        shards = [f"shard{number}" for number in range(count)]
        took = seconds("-m", "pytest_modelcheck", "merge", *shards, "--output", "whole", cwd=folder)
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3
        print(
            f"{count} shards: {took:.1f} s, at most {most:.0f} MB in a process so far, {sizes(folder / 'whole')}"
        )


def _of_its_own(text: str, number: int) -> str:
    """The record with tests and subjects that no other shard has."""
    record = json.loads(text.replace("test_0", f"test_{number}_"))
    for entry in (*record["subjects"], *record["checks"]):
        entry["signature"] = f"{number:02}{entry['signature'][2:]}"
    return json.dumps(record)


def main(what: str, *more: str) -> None:
    if what == "plain":
        startup.main(int(more[0]) if more else 20, 5000)
        return
    with tempfile.TemporaryDirectory() as folder:
        {"many": many_tests, "wide": wide, "merge": merge}[what](Path(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
