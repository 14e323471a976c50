"""No planted change is missed."""

import collections
import functools

import pytest

from pytest_modelcheck import ModelCheck

from .planted import KINDS, Planted, written
from .planted_flow import flows
from .same import compute_the_same, made

PLANTED = [*written(), *flows()]
NAMES = [repr(pair) for pair in PLANTED]


@functools.cache
def structures(number):
    pair = PLANTED[number]
    return [ModelCheck(made(side), pair.inputs, name="m").structure() for side in (pair.base, pair.head)]


def test_there_are_enough_of_every_kind():
    counts = collections.Counter(pair.kind for pair in PLANTED)
    assert len(PLANTED) >= 150
    assert sorted(counts) == sorted(KINDS)
    assert min(counts.values()) >= 10
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("pair", PLANTED, ids=NAMES)
def test_a_pair_computes_something_else(pair: Planted):
    """Or the expectation below would be wrong."""
    assert compute_the_same(made(pair.base), made(pair.head), pair.inputs) == pair.alike


@pytest.mark.parametrize("number", range(len(PLANTED)), ids=NAMES)
def test_a_change_is_seen(number):
    base, head = structures(number)
    assert base.fingerprint != head.fingerprint
    assert all(map(str, head.diff(base))) and head.diff(base)
    assert all(map(str, base.diff(head))) and base.diff(head)
