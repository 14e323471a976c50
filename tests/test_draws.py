"""Numbers that nobody seeded are the same in every run, and nobody's seed is touched."""

import random

import numpy as np
import pytest
import torch

from pytest_modelcheck.model import draws
from pytest_modelcheck.model.draws import as_at, moment, same_draws

DRAW = {
    "torch": lambda: torch.rand(3).tolist(),
    "numpy": lambda: np.random.rand(3).tolist(),
    "python": lambda: [random.random() for _ in range(3)],
}
SEED = {"torch": torch.manual_seed, "numpy": np.random.seed, "python": random.seed}
EACH = pytest.mark.parametrize("stream", DRAW)


@pytest.fixture(autouse=True)
def _unseeded():
    """As in a process where no one seeded."""
    before = {key: (one, one.state()) for key, one in draws._streams().items()}
    for one, _ in before.values():
        one.forget()
    yield
    for one, state in before.values():
        one.restore(state)


def drawn(stream, name="a"):
    with same_draws(name):
        return DRAW[stream]()


@EACH
def test_draws_without_a_seed_are_the_same_each_time_and_leave_no_trace(stream):
    place = moment()[stream].place
    assert drawn(stream) == drawn(stream) != drawn(stream, "b")
    assert moment()[stream].place == place


@EACH
def test_a_seed_that_was_chosen_before_counts(stream):
    SEED[stream](3)
    expected = DRAW[stream]() + DRAW[stream]()
    SEED[stream](3)
    assert drawn(stream) + drawn(stream) == expected


@EACH
def test_a_seed_of_one_stream_is_none_of_the_others(stream):
    others = [key for key in DRAW if key != stream]
    before = [drawn(key) for key in others]
    SEED[stream](3)
    assert [drawn(key) for key in others] == before


@EACH
def test_a_seed_that_is_chosen_inside_stays(stream):
    SEED[stream](5)
    expected = DRAW[stream]()
    draws._streams()[stream].forget()
    with same_draws("a"):
        SEED[stream](5)
    assert moment()[stream].is_chosen
    assert DRAW[stream]() == expected


@pytest.mark.parametrize("count", [1, 700, 200_000])
def test_numbers_that_were_drawn_are_no_seed(count):
    np.random.rand(count)
    random.getrandbits(32 * count)
    assert not any(state.is_chosen for state in moment().values())


def test_a_state_that_was_set_is_a_seed():
    np.random.set_state(np.random.RandomState(1).get_state())
    random.setstate(random.Random(1).getstate())
    assert [moment()[key].is_chosen for key in ("numpy", "python")] == [True, True]


@EACH
def test_a_block_begins_with_the_seeds_of_then_and_ends_with_those_of_now(stream):
    SEED[stream](1)
    begin, expected = moment(), drawn(stream)
    SEED[stream](2)
    with as_at(begin):
        assert DRAW[stream]() == expected
        SEED[stream](3)
    now = DRAW[stream]()
    SEED[stream](2)
    assert DRAW[stream]() == now


@EACH
def test_a_seed_that_came_since_is_no_choice_for_the_block(stream):
    begin, expected = moment(), drawn(stream)
    SEED[stream](2)
    with as_at(begin):
        assert drawn(stream) == expected
    assert moment()[stream].is_chosen


@EACH
def test_a_seed_chosen_in_the_block_may_stay(stream):
    begin = moment()
    with as_at(begin, keep=True):
        SEED[stream](7)
        DRAW[stream]()
    expected = DRAW[stream]()
    SEED[stream](7)
    DRAW[stream]()
    assert DRAW[stream]() == expected
