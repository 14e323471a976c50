"""A structure that went through a record is the same one, for every difference that there is."""

import json

import pytest

from pytest_modelcheck.checks.structure.compare.diff import Comparison
from pytest_modelcheck.checks.structure.compare.merge import merged
from pytest_modelcheck.checks.structure.read import read_structure
from pytest_modelcheck.errors import ModelCheckError
from pytest_modelcheck.records.plain import plain

from .nets import Net
from .test_diff import CHANGES, structure


def through_a_record(made):
    return read_structure(made.name, json.loads(json.dumps(plain(made.to_dict()))))


@pytest.fixture(scope="module")
def before():
    return structure(Net())


@pytest.mark.parametrize("make", [make for make, _ in CHANGES.values()], ids=CHANGES)
def test_the_differences_are_the_same(before, make):
    after = structure(make())
    read = [through_a_record(made) for made in (before, after)]
    assert [r.fingerprint for r in read] == [before.fingerprint, after.fingerprint]
    assert merged(Comparison(*read)) == merged(Comparison(before, after))


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("graph", "scopes", 1, "parent"), 1),  # in itself: a walk upwards would never end
        (("graph", "scopes", 0, "parent"), 0),
        (("graph", "nodes", 1, "scope"), 10_000),
        (("graph", "nodes", 1, "inputs"), [[1, 0]]),
        (("graph", "nodes", 1, "inputs"), [[-1, 0]]),
        (("graph", "nodes", 1, "inputs"), [[0, 7]]),
        (("modules", 0, "name"), "x"),
        (("modules", 2, "name"), ""),
        (("modules", 1, "shapes"), 3),
    ],
)
def test_damaged_ones_are_refused(before, place, value):
    whole = json.loads(json.dumps(plain(before.to_dict())))
    part = whole
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(ModelCheckError, match="damaged"):
        read_structure("net", whole)


def test_what_holds_no_structure_gives_none():
    assert read_structure("net", {"error": "there is none"}) is None
