"""No change is made up: one model, traced again."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import warnings

import pytest
import torch

from ..features import needs_watched_flows, rows
from .neutral import Neutral, models, structure
from .neutral_pairs import pairs
from .same import compute_the_same, made

pytestmark = pytest.mark.usefixtures("one_thread")
MODELS, PAIRS = models(), pairs()


@functools.cache
def model_of(each: Neutral):
    return made(each.build)


@functools.cache
def fresh(each: Neutral):
    return structure(model_of(each), each.inputs)


def same(one, other):
    return one.fingerprint == other.fingerprint and one.diff(other) == [] and other.diff(one) == []


def test_there_are_enough():
    assert len(MODELS) >= 100
    assert len({each.name for each in MODELS}) == len(MODELS)
    assert len(PAIRS) >= 60


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_again(each):
    """The same object, and in train mode; another one after the others ran."""
    first, model = fresh(each), model_of(each)
    assert same(structure(model.train(), each.inputs, "in train mode"), first)
    assert same(structure(made(each.build), each.inputs), first)


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_after_a_call(each):
    model = made(each.build)
    for train in (False, True):
        with torch.no_grad():
            model.train(train)(*each.inputs)
        called = structure(model, each.inputs, "called")
        assert same(called, structure(model, each.inputs, "again") if each.streams else fresh(each))


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_with_other_weights(each):
    assert same(structure(made(each.build, seed=1), each.inputs), fresh(each))


def test_models_are_the_same_in_another_process():
    command = [sys.executable, "-W", "ignore", "-m", "tests.structure.neutral"]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    folder = pathlib.Path(__file__).parents[2]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, check=True)
    there, here = json.loads(done.stdout), {each.name: fresh(each).fingerprint for each in MODELS}
    assert [name for name in here if here[name] != there[name]] == []
    assert len(there) == len(here)


@pytest.mark.parametrize(
    "pair",
    rows(
        {repr(pair): (pair,) for pair in PAIRS},
        {"forward: a function by another name": needs_watched_flows},  # of flex_attention
    ),
)
def test_another_spelling_is_the_same(pair):
    models = [made(side) for side in (pair.base, pair.head)]
    assert compute_the_same(*models, pair.inputs)
    base, head = (structure(model, pair.inputs) for model in models)
    assert base.graph_fingerprint == head.graph_fingerprint
    assert base.tree_fingerprint != head.tree_fingerprint or same(base, head)


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
