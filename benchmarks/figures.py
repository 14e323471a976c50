"""What a study found, for people and for programs: `--json FILE` of each study is written here."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rate:
    """How often: `hits` of so many trials."""

    name: str
    hits: int
    of: int

    def interval(self, error: float = 0.05) -> tuple[float, float]:
        """Clopper-Pearson's: exact, the whole of it for no trial at all."""
        return bounds(self.hits, self.of, error)


@dataclass(frozen=True)
class Ratios:
    """How many times something else: one figure for each round."""

    name: str
    ratios: Sequence[float]

    @property
    def of(self) -> int:
        """Rounds."""
        return len(self.ratios)

    def interval(self, error: float = 0.05) -> tuple[float, float]:
        """Of the median: the order statistics that a binomial of as many even chances puts around it."""
        ranked = sorted(self.ratios)
        below, rank = 0.0, 0
        while rank < len(ranked) // 2:
            below += math.comb(len(ranked), rank) * 0.5 ** len(ranked)
            if below > error / 2:
                break
            rank += 1
        return (ranked[rank - 1], ranked[-rank]) if rank else (0.0, math.inf)


Figure = Rate | Ratios


def bounds(hits: int, of: int, error: float = 0.05) -> tuple[float, float]:
    """Clopper-Pearson."""

    def chance(i: int, p: float) -> float:
        """Of exactly `i` hits, in logarithms: the factors are larger than floats."""
        ways = math.lgamma(of + 1) - math.lgamma(i + 1) - math.lgamma(of - i + 1)
        return math.exp(ways + i * math.log(p) + (of - i) * math.log1p(-p))

    def solve(k: int, wanted: float) -> float:
        """The share at which at most `k` hits have that chance."""
        low, high = 0.0, 1.0
        for _ in range(50):
            p = (low + high) / 2
            low, high = (p, high) if sum(chance(i, p) for i in range(k + 1)) > wanted else (low, p)
        return low

    return (solve(hits - 1, 1 - error / 2) if hits else 0.0), (solve(hits, error / 2) if hits < of else 1.0)


def rate(hits: int, of: int) -> str:
    """In words, with the bounds of 95 %."""
    if not of:
        return "–"
    low, high = bounds(hits, of)
    return f"{hits} of {of} ({100 * low:.1f} to {100 * high:.1f} %)"


def add_option(parser: argparse.ArgumentParser) -> None:
    """`--json`, which every study takes."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")


def write(path: Path | None, figures: Sequence[Figure]) -> None:
    """The end of a study."""
    if path is not None:
        path.write_text(json.dumps([asdict(figure) for figure in figures]), "utf-8")


def read(path: Path) -> list[Figure]:
    """What a study wrote. Raises OSError, ValueError, TypeError, KeyError for anything else."""
    return [
        Rate(**found) if "hits" in found else Ratios(**found) for found in json.loads(path.read_text("utf-8"))
    ]
