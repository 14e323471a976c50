"""The published schema of report.json: what real reports are, by a validator that no one here wrote."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Annotated, Literal

import jsonschema
import pytest
from typing_extensions import NotRequired, TypedDict

from pytest_modelcheck.cli import main
from pytest_modelcheck.records.plain import plain
from pytest_modelcheck.records.schema import json_schema, problem

from ..catalogue import Base, check_record
from .conftest import make_record, stack

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"


@pytest.fixture(scope="module")
def schema():
    return json.loads(PUBLISHED.read_text("utf-8"))


def test_the_published_schema_is_the_one_of_the_types(schema, capsys):
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema, "pytest-modelcheck schema > docs/report.schema.json"
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_record_with_a_base_is_valid(base, schema):
    head = make_record(net=stack(), fresh=stack())
    Base(base).tell(head)
    jsonschema.validate(json.loads(json.dumps(plain(head))), schema)


class Inner(TypedDict):
    number: float
    kind: Literal["a", "b"]


class Outer(TypedDict):
    items: list[Inner]
    counts: dict[str, int]
    pair: tuple[str, list[int]]
    code: Annotated[str, ("[a-f]+", "hex")]
    maybe: NotRequired[str | None]
    anything: NotRequired[object]


GOOD = {
    "items": [{"number": 1, "kind": "a"}, {"number": 0.5, "kind": "b", "more": []}],
    "counts": {"x": 1},
    "pair": ["x", [1, 2]],
    "code": "cafe",
    "maybe": None,
    "anything": {"at": "all"},
}


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ((), GOOD, ""),
        (("items", 0, "number"), "1", "items[0].number is a str, not number"),
        (("items", 1, "number"), True, "items[1].number is a bool, not number"),
        (("items", 1, "kind"), "c", "items[1].kind is not one of a, b"),
        (("items",), {}, "items is a dict, not list"),
        (("counts", "x"), 1.5, "counts.x is a float, not int"),
        (("pair",), ["x"], "pair is not a list of 2"),
        (("pair", 1, 0), "1", "pair[1][0] is a str, not int"),
        (("code",), "xyz", "code is not hex"),
        (("code",), "cafe!", "code is not hex"),
        (("maybe",), 3, "maybe is a int, not str or NoneType"),
        (("anything",), None, ""),
    ],
)
def test_both_find_the_same_wrong(place, value, words):
    """The schema, read by a validator of others, and our own reading, which says it in words."""
    given = copy.deepcopy(GOOD)
    target = given
    for key in place[:-1]:
        target = target[key]
    if place:
        target[place[-1]] = value
    assert problem(given, Outer) == words
    errors = list(jsonschema.Draft202012Validator(json_schema(Outer)).iter_errors(given))
    assert bool(errors) == bool(words)


def test_what_is_missing_is_named():
    assert problem({**GOOD, "items": [{"number": 1}]}, Outer) == "items[0] has no 'kind'"
    assert problem([], Outer) == "the whole is a list, not dict"


def test_a_record_that_is_wrong_in_a_section_says_where(base):
    record = json.loads(json.dumps(plain(base)))
    record["subjects"][0]["heatmaps"] = [{"title": 1}]
    with pytest.raises(Exception, match=r"subjects\[0\].heatmaps\[0\].title is a int"):
        check_record(record, "report.json")


def test_two_types_of_one_name_are_refused():
    """The later one would be described by the earlier."""
    other = TypedDict("Inner", {"text": str})  # noqa: UP013
    with pytest.raises(TypeError, match=r"two types are called Inner, in .*test_schema and "):
        json_schema(tuple[Inner, other])
    json_schema(tuple[Inner, Outer])
