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


@contextmanager
def seeds_end_here() -> Iterator[None]:
    """A seed that is chosen in this block, a test, is no choice for the tests after it.

    Where a run is compared with a base: there the tests' bodies, and so their seeds, do not run.
    """
    before = _generator_state()
    try:
        yield
    finally:
        after = _generator_state()
        if after is not None and before is not None and before[0] != after[0]:
            sys.modules["torch"].random.set_rng_state(before[1])
        elif after is not None and before is None and after[0] < CHOSEN:
            sys.modules["torch"].random.default_generator.seed()


def _generator_state() -> tuple[int, object] | None:
    """Seed and state of torch's generator; None before torch is imported."""
    torch = sys.modules.get("torch")
    return None if torch is None else (torch.initial_seed(), torch.random.get_rng_state())
