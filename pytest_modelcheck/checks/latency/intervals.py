"""Confidence intervals without assumptions that timings break: of a quantile, by ranks; of a mean of chunks, by t."""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Sequence

import numpy as np

ERROR = 1e-3  # the chance that one look at an interval misleads
COARSE = 0.02  # the same of the last look, where the time there is does for a few calls alone
INFINITE = math.inf
TOO_FEW = "too few calls for an interval: use a smaller input"


def quantile_interval(values: Sequence[float], quantile: float, error: float = ERROR) -> tuple[float, float]:
    """The distribution-free interval of a quantile: order statistics whose ranks the exact binomial law gives.

    Each end is wrong with a chance of at most `error` / 2. With too few values for an end it is 0 or infinite:
    times are positive, and nothing more is known. Source: David and Nagaraja, Order Statistics, section 7.1.
    """
    low, high = ranks(len(values), quantile, error)
    ordered = sorted(values)
    return ordered[low - 1] if low else 0.0, ordered[high - 1] if high else INFINITE


@functools.lru_cache(maxsize=256)
def ranks(count: int, quantile: float, error: float) -> tuple[int, int]:
    """The ranks (from 1) of both ends among `count` ordered values; 0 for an end that so few values cannot give."""
    below = _binomial_cdf(count, quantile)  # below[k]: chance that at most k values lie below the quantile
    low = int(np.searchsorted(below, error / 2, side="right"))
    high = int(np.searchsorted(below, 1 - error / 2, side="left")) + 1
    return low, high if high <= count else 0


def _binomial_cdf(count: int, share: float) -> np.ndarray:
    """P(X <= k) for k = 0..count."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, count + 1)))])
    k = np.arange(count + 1)
    log_chance = log_factorial[count] - log_factorial - log_factorial[::-1]
    chance = np.exp(log_chance + k * math.log(share) + (count - k) * math.log1p(-share))
    summed: np.ndarray = np.minimum(np.cumsum(chance), 1.0)
    return summed


def mean_interval(values: Sequence[float], error: float = ERROR) -> tuple[float, float]:
    """Student's interval of the mean of independent values; each end is wrong with a chance of `error` / 2."""
    if len(values) < 2:
        return -INFINITE, INFINITE
    mean, spread = statistics.fmean(values), statistics.stdev(values)
    half = student_quantile(1 - error / 2, len(values) - 1) * spread / math.sqrt(len(values))
    return mean - half, mean + half


@functools.lru_cache(maxsize=1024)
def student_quantile(chance: float, freedom: int) -> float:
    """The value that Student's t with `freedom` degrees of freedom stays below with `chance` (at least 1/2)."""
    low, high = 0.0, 1.0
    while student_cdf(high, freedom) < chance:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_cdf(middle, freedom) < chance else (low, middle)
    return high


def student_cdf(t: float, freedom: int) -> float:
    """P(T <= t) for t >= 0: the finite series for whole degrees of freedom (Abramowitz and Stegun 26.7.3-4)."""
    angle = math.atan2(t, math.sqrt(freedom))
    cosine, odd = math.cos(angle), freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(2 + odd, freedom, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return 0.5 + inside / 2
