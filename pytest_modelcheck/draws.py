"""Random weights and inputs that are the same in every run, where no one chose a seed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

SEED = 0x6D6F64656C636865  # larger than any that people choose, so that it counts as none
CHOSEN = 2**33  # torch seeds itself with 53 random bits; what lies below this was chosen by someone


@contextmanager
def same_draws() -> Iterator[None]:
    """Draw torch's random numbers in this block from a fixed seed, unless the user chose one, before or inside.

    Without it two runs of a model that nobody seeded have nothing to compare: its weights, its heatmaps. Afterwards
    the generator is as it was. Does nothing before torch is imported.
    """
    torch = sys.modules.get("torch")
    if torch is None or torch.initial_seed() < CHOSEN:
        yield
        return
    state = torch.random.get_rng_state()
    torch.random.default_generator.manual_seed(SEED)
    try:
        yield
    finally:
        if torch.initial_seed() == SEED:
            torch.random.set_rng_state(state)
