"""Are the gates as good as they were? Every study for a bounded time, each rate beside its bound.

`python benchmarks/rates.py [STUDY ...] [--minutes 10] [--results rates.jsonl]` appends a line of JSON for each study,
and exits with 1 where a rate leaves its bound or a study ends without its figures. A rate leaves its bound when its
whole interval of 99 % lies beyond: of shares the exact one of a binomial (Clopper-Pearson), of ratios that of the
median by order statistics. So a bad night is none by chance more often than once in two hundred, and a rate that is
worse than its bound by little needs several nights: docs/rates.md says how to read them.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import math
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from figures import Figure, Rate, read

HERE = Path(__file__).resolve().parent
ERROR = 0.01  # of the intervals
GRACE = 3.0  # times the minutes that a study was given, then it hangs
PACKAGES = ("torch", "pytest", "numpy", "syrupy", "torchvision", "pytest-modelcheck")


@dataclass(frozen=True)
class Bound:
    """Where a rate is to stay; with fewer trials (or rounds) than `trials` nothing is known."""

    most: float = float("inf")
    least: float = 0.0
    trials: int = 10

    def problem(self, figure: Figure) -> str:
        """Why it is not within; empty if it is."""
        low, high = figure.interval(ERROR)
        told = f"{figure.name}: {low:.4g} to {high:.4g}"
        if figure.of < self.trials:
            return f"{figure.name}: {figure.of} trials tell nothing, at least {self.trials} do"
        if low > self.most:
            return f"{told}, at most {self.most:g}"
        return f"{told}, at least {self.least:g}" if high < self.least else ""


@dataclass(frozen=True)
class Study:
    """A command that takes `--json FILE`, and the bounds of its figures. `timed`: it takes `--minutes`."""

    command: Sequence[str]
    bounds: Mapping[str, Bound]
    timed: bool = False
    minutes: float = 15.0  # that it may take where it is not timed
    figures: Callable[[Path], list[Figure]] = field(default=read)  # from what it wrote
    option: str = "--json="


def tests_in(path: Path) -> list[Figure]:
    """The failed tests among those that ran, of a JUnit file."""
    suites = list(ElementTree.parse(path).getroot().iter("testsuite"))
    count = {
        key: sum(int(suite.get(key, 0)) for suite in suites)
        for key in ("tests", "failures", "errors", "skipped")
    }
    return [Rate("failed tests", count["failures"] + count["errors"], count["tests"] - count["skipped"])]


NONE = Bound(most=0.0)  # one is one too many: its interval begins above nothing
STUDIES: Mapping[str, Study] = {
    "latency": Study(
        ("latency_gate.py",),
        {
            "false alarms": Bound(most=0.01, trials=20),
            "missed, slower by the promise": Bound(most=0.02, trials=20),
            "undecided": Bound(most=0.15, trials=20),
        },
        timed=True,
    ),
    "base": Study(
        ("base_gate.py",),
        {
            "false alarms": Bound(most=0.01),
            "missed, slower by the promise": Bound(most=0.02),
            "undecided": Bound(most=0.25),
            "errors": NONE,
        },
        timed=True,
    ),
    "outputs": Study(
        ("output_snapshot.py",),
        {"harmless changes that alarm": NONE, "real changes that are caught": Bound(least=0.95)},
    ),
    "heatmaps": Study(("explanation.py",), {"Grad-CAM beside a forward": Bound(most=1.3)}),
    "drift": Study(("drift.py",), {"drift beside both forwards": Bound(most=1.6)}),
    "tests": Study(
        ("-m", "pytest", "-q", "-m", "slow or every_model or export_many"),
        {"failed tests": Bound(most=0.0, trials=10)},
        minutes=180.0,  # some 105 of one core, by what a part of them took
        figures=tests_in,
        option="--junitxml=",
    ),
}


def run(study: Study, minutes: float) -> tuple[list[Figure], str]:
    """Its figures, and what is wrong with it; empty if nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        told, most = Path(folder, "figures"), GRACE * minutes if study.timed else study.minutes
        try:
            place = HERE.parent if study.command[0] == "-m" else Path(folder)
            status = _status([sys.executable, *_arguments(study, minutes, told)], place, 60 * most)
            figures = study.figures(told)
        except subprocess.TimeoutExpired:
            return [], f"it did not end within {most:g} minutes"
        except Exception as error:
            return [], f"it ended without figures: {type(error).__name__}: {error}"
    return figures, problem(study, figures, status)


def _status(command: Sequence[str], folder: Path, timeout: float) -> int:
    """Its exit status; whatever it started ends with it where it takes too long, or this is interrupted."""
    with subprocess.Popen(command, cwd=folder, start_new_session=True) as process:
        try:
            return process.wait(timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def _arguments(study: Study, minutes: float, told: Path) -> list[str]:
    first, *more = study.command
    timed = [f"--minutes={minutes:g}"] if study.timed else []
    return [first if first == "-m" else str(HERE / first), *more, *timed, f"{study.option}{told}"]


def problem(study: Study, figures: Sequence[Figure], status: int) -> str:
    """What is wrong, in words; empty if nothing is. That it said nothing of a rate is."""
    known = {figure.name: figure for figure in figures}
    missing = [f"{name}: the study says nothing of it" for name in study.bounds if name not in known]
    beyond = [bound.problem(known[name]) for name, bound in study.bounds.items() if name in known]
    crashed = [f"it ended with status {status}"] if status else []
    return "; ".join(filter(None, [*crashed, *missing, *beyond]))


def line(name: str, figures: Sequence[Figure], wrong: str, seconds: float) -> dict[str, object]:
    """A line of the results."""
    bounds = STUDIES[name].bounds
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": _commit(),
        "study": name,
        "problem": wrong,
        "figures": [_told(figure, bounds.get(figure.name, Bound())) for figure in figures],
        "seconds": round(seconds),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "machine": {"system": platform.platform(), "processor": _processor(), "cores": os.cpu_count()},
    }


def _told(figure: Figure, bound: Bound) -> dict[str, object]:
    low, high = (_plain(value) for value in figure.interval(ERROR))
    count = (
        {"hits": figure.hits} if isinstance(figure, Rate) else {"median": statistics.median(figure.ratios)}
    )
    limits = {"most": _plain(bound.most), "least": bound.least}
    return {"name": figure.name, **count, "of": figure.of, "low": low, "high": high, **limits}


def _plain(value: float) -> float | None:
    """JSON knows no infinity."""
    return round(value, 6) if math.isfinite(value) else None


def _commit() -> str:
    asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return asked.stdout.strip()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine()
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {', '.join(STUDIES)}; all without")
    parser.add_argument(
        "--minutes", type=float, default=10, help="for each study that draws trials (default 10)"
    )
    parser.add_argument("--results", type=Path, default=Path("rates.jsonl"))
    told = parser.parse_args(arguments)
    if unknown := [name for name in told.studies if name not in STUDIES]:
        parser.error(f"no study is called {', '.join(unknown)}; there are {', '.join(STUDIES)}")
    failed = False
    for name in told.studies or STUDIES:
        start = time.monotonic()
        figures, wrong = run(STUDIES[name], told.minutes)
        with told.results.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line(name, figures, wrong, time.monotonic() - start)) + "\n")
        print(f"{name}: {wrong or 'within its bounds'}", flush=True)
        failed = failed or bool(wrong)
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
