"""No planted change is missed."""

import collections

import pytest
from torch import nn

from pytest_modelcheck import ModelCheck

from ..features import needs_watched_flows, rows
from .planted import KINDS, Planted, written
from .planted_flow import flows
from .planted_modules import HELD_TENSORS, VECTORS, Held, modules
from .same import compute_the_same, made

pytestmark = pytest.mark.usefixtures("one_thread")
WRITTEN_OUT = [*flows(), *modules()]
PLANTED = [*written(), *WRITTEN_OUT]
NAMES = list(map(repr, PLANTED))
FLEX = dict.fromkeys(("flow: what feeds flex_attention", "flow: inside: score_mod"), needs_watched_flows)


def structures(pair):
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


@pytest.mark.parametrize("pair", rows({repr(pair): (pair,) for pair in PLANTED}, FLEX))
def test_a_change_is_seen(pair: Planted):
    base, head = structures(pair)
    assert base.fingerprint != head.fingerprint
    for told in (head.diff(base), base.diff(head)):
        assert told
        assert all(map(str, told))


@pytest.mark.parametrize("pair", rows({repr(pair): (pair,) for pair in WRITTEN_OUT}, FLEX))
def test_a_base_does_not_differ_from_itself(pair: Planted):
    """Or its change would be seen for no reason."""
    one, other = (ModelCheck(made(pair.base), pair.inputs, name="m").structure() for _ in range(2))
    assert one.fingerprint == other.fingerprint
    assert other.diff(one) == []


@pytest.mark.parametrize("held", HELD_TENSORS, ids=repr)
def test_values_of_a_held_tensor_are_told_as_weights(held: Held):
    """They are no structure: a fingerprint without weights is the same for both."""
    models = [made(lambda t=table: held.build(t)) for table in (held.base, held.head)]
    assert not compute_the_same(*models, (VECTORS,))
    base, head = (ModelCheck(model, VECTORS, name="m").structure(weights=True) for model in models)
    assert base.fingerprint == head.fingerprint
    assert base.weights_fingerprint != head.weights_fingerprint
    assert held.word in " ".join(map(str, head.diff(base)))
    assert held.word in " ".join(map(str, base.diff(head)))
    plain = [ModelCheck(model, VECTORS, name="m").structure() for model in models]
    assert [one.fingerprint for one in plain] == [base.fingerprint] * 2
    assert bool(plain[1].diff(plain[0])) == bool(plain[0].graph.held)  # weights are read when asked for


class Scaled(nn.Module):
    def forward(self, x):
        return (x.mean().item() + 2 * x.max().item()) * x


def test_what_python_computes_of_numbers_is_told_as_not_seen():
    structure = ModelCheck(Scaled(), (VECTORS,), name="m").structure()
    assert "1 step not seen inside" in " ".join(structure.notes)
