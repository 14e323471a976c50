"""Operators that draw random numbers: which draw of a call it is belongs to what it computes."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
import torch

DRAWS = frozenset(
    [
        "bernoulli",
        "bernoulli_",
        "multinomial",
        "normal",
        "normal_",
        "uniform_",
        "poisson",
        "exponential_",
        "geometric_",
        "cauchy_",
        "log_normal_",
        "gumbel_softmax",
        "trunc_normal_",
    ]
)


def may_draw(operator: str) -> bool:
    """Whether calls of it can draw."""
    known = operator in DRAWS or operator.startswith(("rand", "binomial", "stochastic_depth"))
    return known or operator == "rrelu" or "dropout" in operator or "attention" in operator


def is_draw(operator: str, told: Mapping[str, object]) -> bool:
    """Whether a call draws. What drops out does so while it is left on."""
    if operator in DRAWS or operator.startswith(("rand", "binomial", "stochastic_depth")):
        return True
    is_on = told.get("training") is True or told.get("train") is True
    return bool(told.get("dropout_p")) or (is_on and ("dropout" in operator or operator == "rrelu"))


BEGIN = 0x5EED_0F_ACA11  # no one chooses it


def begin() -> None:
    """Have each traced call draw the same numbers, of Python's and numpy's too: they may become attributes, or decide
    which way Python goes.
    """
    torch.manual_seed(BEGIN)
    random.seed(BEGIN)
    np.random.seed(BEGIN % 2**32)


class Draws:
    """The draws of one call, counted for each generator since it was seeded."""

    def __init__(self) -> None:
        self._counts: dict[tuple[int, int], int] = {}

    def facts(self, generator: object) -> dict[str, object]:
        """Before a draw: the how manieth it is; and the seed, where the call has set one."""
        own = generator if isinstance(generator, torch.Generator) else torch.default_generator
        key = id(own), own.initial_seed()
        if key[1] != BEGIN and _is_fresh(own):
            self._counts[key] = 0
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return {"draw": count} if key[1] == BEGIN else {"draw": count, "seed": key[1]}


def _is_fresh(generator: torch.Generator) -> bool:
    """Whether nothing was drawn since it was seeded."""
    new = torch.Generator(generator.device).manual_seed(generator.initial_seed())
    return torch.equal(generator.get_state(), new.get_state())
