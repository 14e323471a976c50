"""No change is made up: one model, traced again."""

import functools
import json
import os
import subprocess
import sys
import warnings

import pytest
import torch

from .neutral import Neutral, models, structure
from .same import made

MODELS = models()


@functools.cache
def fresh(each: Neutral):
    return structure(made(each.build), each.inputs)


def same(one, other):
    return one.fingerprint == other.fingerprint and one.diff(other) == [] and other.diff(one) == []


def test_there_are_enough():
    assert len(MODELS) >= 100
    assert len({each.name for each in MODELS}) == len(MODELS)


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_again(each):
    model = made(each.build)
    assert same(structure(model, each.inputs, "first"), fresh(each))
    assert same(structure(model, each.inputs, "second"), fresh(each))
    assert same(structure(model.train(), each.inputs, "in train mode"), fresh(each))


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_after_a_call(each):
    model = made(each.build)
    for train in (False, True):
        with torch.no_grad():
            model.train(train)(*each.inputs)
        before = structure(model, each.inputs, "called")
        assert same(structure(model, each.inputs, "again"), before)
        assert each.streams or same(before, fresh(each))


@pytest.mark.parametrize("each", MODELS, ids=repr)
def test_a_model_is_the_same_with_other_weights(each):
    assert same(structure(made(each.build, seed=1), each.inputs), fresh(each))


def test_models_are_the_same_in_another_process():
    command = [sys.executable, "-W", "ignore", "-m", "tests.structure.neutral"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}, check=True
    )
    assert json.loads(done.stdout) == {each.name: fresh(each).fingerprint for each in MODELS}


@pytest.fixture(autouse=True)
def quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
