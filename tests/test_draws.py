"""Weights that nobody seeded are the same in every run, and nobody's seed is touched."""

import pytest
import torch

from pytest_modelcheck.model.draws import same_draws


@pytest.fixture(autouse=True)
def _generator():
    state = torch.random.get_rng_state()
    yield
    torch.random.set_rng_state(state)


def drawn():
    with same_draws():
        return torch.rand(3)


def test_draws_without_a_seed_are_the_same_each_time_and_leave_no_trace():
    torch.seed()
    state = torch.random.get_rng_state()
    assert torch.equal(drawn(), drawn())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_seed_that_was_chosen_before_counts():
    torch.manual_seed(3)
    expected = torch.rand(6)
    torch.manual_seed(3)
    assert torch.equal(torch.cat([drawn(), drawn()]), expected)


def test_a_seed_that_is_chosen_inside_stays():
    torch.seed()
    with same_draws():
        torch.manual_seed(5)
    assert torch.initial_seed() == 5
