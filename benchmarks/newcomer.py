"""A newcomer's path, in seconds: install, a test file for ResNet-18, run, report; no edit in between.

`python benchmarks/newcomer.py [--online]`: in a new virtual environment that sees the packages of this one, torch among
them. Without `--online` the plugin is installed from this tree and nothing is fetched. It exits with 1 where a step
fails, and says whether all together took less than a minute: the clock of a busy machine decides nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

TREE = Path(__file__).resolve().parents[1]
MINUTE = 60.0  # seconds
FILE = "test_resnet18.py"


def environment(folder: Path) -> Path:
    """A new virtual environment that sees what is installed here; its python."""
    venv.create(folder, system_site_packages=True, with_pip=True)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    own = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    # a virtual environment within another one does not see that one's packages
    Path(own, "here.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return scripts / "python"


def steps(python: Path, *, online: bool) -> dict[str, list[str]]:
    """What is typed, by what it is for."""
    fetch = [] if online else ["--no-deps", "--no-build-isolation", "--no-index"]
    command = str(python.parent / "pytest-modelcheck")
    return {
        "install": [str(python), "-m", "pip", "install", "--quiet", *fetch, str(TREE)],
        "init": [command, "init", "torchvision:resnet18"],
        "run and report": [
            str(python),
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            FILE,
            "--modelcheck-report",
        ],
    }


def timed(command: list[str], folder: Path) -> tuple[float, float, subprocess.CompletedProcess[str]]:
    """Seconds on the clock and of the processors, and what came of it."""
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    begun, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True)
    took, after = time.perf_counter() - begun, os.times()
    worked = after.children_user + after.children_system - before.children_user - before.children_system
    return took, worked, done


def main(*, online: bool) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "project")
        folder.mkdir()
        python = environment(Path(name, "venv"))
        total = busy = 0.0
        for what, command in steps(python, online=online).items():
            seconds, worked, done = timed(command, folder)
            total, busy = total + seconds, busy + worked
            print(f"{what:<16}{seconds:6.1f} s, {worked:5.1f} s of CPU", flush=True)
            if done.returncode:
                print(f"{' '.join(command)}\nended with status {done.returncode}\n{done.stdout}{done.stderr}")
                return 1
            if what == "init":
                (folder / FILE).write_text(done.stdout)
        report = folder / "modelcheck-report" / "index.html"
        print(
            f"{'together':<16}{total:6.1f} s, {busy:5.1f} s of CPU; report of {report.stat().st_size / 2**20:.1f} MiB"
        )
        print(done.stdout.strip().rpartition("\n")[2])
        print(f"{'less' if total < MINUTE else 'more'} than a minute")
        return 0


if __name__ == "__main__":
    raise SystemExit(main(online="--online" in sys.argv))
