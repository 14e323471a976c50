"""Operators that draw random numbers: which draw of a call it is belongs to what it computes."""

from __future__ import annotations

from collections.abc import Mapping

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


class Draws:
    """The draws of one call, counted; `seed`: where the generator of the process began."""

    def __init__(self) -> None:
        self._seed, self._count = torch.initial_seed(), 0

    def facts(self, generator: object) -> dict[str, object]:
        """The how manieth draw it is; and the seed, where the call has set one."""
        self._count += 1
        found: dict[str, object] = {"draw": self._count}
        if isinstance(generator, torch.Generator):
            found["seed"] = generator.initial_seed()
        elif torch.initial_seed() != self._seed:
            found["seed"] = torch.initial_seed()
        return found
