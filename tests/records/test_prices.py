"""What modules cost more than at the base, for those that tell of them."""

import pytest

from pytest_modelcheck.records.prices import ModulePrice, Prices, dearness, price_words

PRICES = [
    {"MACs": 5, "parameters": 0},
    {"MACs": 2, "parameters": 9},
    {"MACs": 2, "parameters": 1},
    {"MACs": 0, "parameters": 7},
    {"MACs": -9, "parameters": 0},
    {"MACs": -1, "parameters": 9},
    {"MACs": 0, "parameters": 0},
    {},
]


def test_what_costs_more_comes_first_then_what_costs_less():
    upside_down = PRICES[::-1]
    assert sorted(upside_down, key=dearness) == [*PRICES[:6], {}, PRICES[6]]


@pytest.mark.parametrize(
    ("price", "words"),
    [
        ({"MACs": 1.2e9, "parameters": 64500}, "+1.2 GMACs, +64.5 k parameters"),
        ({"MACs": -20, "parameters": 0}, "-20 MACs"),
        ({"spikes": 3.0}, "+3 spikes"),
        ({"MACs": 0}, ""),
        ({}, ""),
    ],
)
def test_prices_in_words(price, words):
    assert price_words(price) == words


def test_what_came_and_went_is_paid_by_the_closest_module_told_of():
    prices = Prices(
        [
            ModulePrice("a", {"MACs": 1}),
            ModulePrice("a.new.0", {"MACs": 2}, fresh=True),
            ModulePrice("a.new.1", {"MACs": 4}, fresh=True),
            ModulePrice("a.old.0", {"MACs": -8}, gone=True),
            ModulePrice("a.gone", {"MACs": -16}, gone=True),
            ModulePrice("b", {"MACs": 32}),  # of which nobody tells
        ]
    )
    told = {("a", False), ("a.new", False), ("a.old", True), ("a.new.x", False)}
    assert prices.of(told) == {
        ("a", False): {"MACs": 1 - 16},
        ("a.new", False): {"MACs": 6},
        ("a.old", True): {"MACs": -8},
    }
