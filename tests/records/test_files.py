"""Reading a record: which files, in which words they are refused, and what older ones become."""

import json
import zipfile
from typing import Annotated, Any, Literal

import pytest
from typing_extensions import NotRequired, TypedDict

from pytest_modelcheck.records.load import MAX_BYTES, RecordError
from pytest_modelcheck.records.schema import json_schema, problem
from pytest_modelcheck.records.upgrade import upgraded

from ..catalogue import check_record, read_record
from .conftest import check, panel, record, run, subject


def refused(path, **options):
    with pytest.raises(RecordError) as caught:
        read_record(path, **options)
    return str(caught.value)


def written(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_that_is_not_there(tmp_path):
    path = tmp_path / "none.json"
    assert refused(path) == f"cannot read {path}: No such file or directory"
    assert refused(tmp_path) == f"cannot read {tmp_path / 'report.json'}: No such file or directory"


def zipped(tmp_path, name="report.json", content="{}"):
    path = tmp_path / "artifact.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return path


def test_an_artifact_without_a_report(tmp_path):
    path = zipped(tmp_path, "other.json")
    assert refused(path) == f"{path} holds no report.json"


def test_an_artifact_behind_a_password(tmp_path):
    path = zipped(tmp_path)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert refused(path).startswith(f"cannot read {path}: File 'report.json' is encrypted")


def test_a_damaged_artifact(tmp_path):
    path = zipped(tmp_path, content=json.dumps(record()))
    data = bytearray(path.read_bytes())
    at = data.index(b"report.json") + len(b"report.json")
    data[at : at + 20] = b"\xff" * 20
    path.write_bytes(data)
    words = refused(path)
    assert words.startswith(f"cannot read {path}: ")
    assert "None" not in words


def test_how_large_a_file_may_be(tmp_path):
    path = written(tmp_path, record())
    size = path.stat().st_size
    assert read_record(path, max_bytes=size) == record()
    assert (
        refused(path, max_bytes=size - 1)
        == f"{path} is larger than {size - 1} bytes; --max-bytes allows more"
    )
    assert MAX_BYTES == 67_108_864
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    assert refused(path) == f"{path} is larger than 67,108,864 bytes; --max-bytes allows more"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": NaN}', "is not JSON: NaN is no JSON number"),
        ('{"a": -Infinity}', "is not JSON: -Infinity is no JSON number"),
        ('{"a": 1e999}', "is not JSON: 1e999 is no number we can hold"),
        (f'{{"a": 1{"0" * 30}}}', "is not JSON: a number of 31 digits"),
        ("[" * 100_000, "is not JSON: nested too deep"),
        ("[]", "is not a report of pytest-modelcheck: it has no schema_version"),
        ('{"schema_version": "2"}', "is not a report of pytest-modelcheck: it has no schema_version"),
        (
            '{"schema_version": 0}',
            "has schema_version 0; this pytest-modelcheck reads 1 to 2.\n"
            "Install the version of pytest-modelcheck that wrote it, or a newer one.",
        ),
        (
            '{"schema_version": 3}',
            "has schema_version 3; this pytest-modelcheck reads 1 to 2.\n"
            "Install the version of pytest-modelcheck that wrote it, or a newer one.",
        ),
        (
            '{"schema_version": 2}',
            "is not a whole report of pytest-modelcheck: the whole has no 'created'",
        ),
    ],
)
def test_why_it_is_no_record(tmp_path, text, words):
    path = written(tmp_path, text)
    assert refused(path) == f"{path} {words}"


def test_long_numbers_up_to_thirty_digits_are_read(tmp_path):
    number = int("1" + "0" * 29)
    assert read_record(written(tmp_path, record(weather=number)))["weather"] == number


def test_a_section_that_says_why_it_is_not_there_is_whole():
    told = record(subject(structure={"error": "no inputs"}, weights={"error": "x"}, of_others=[1]))
    assert check_record(told, "r") == told
    with pytest.raises(
        RecordError, match=r"whole report of pytest-modelcheck: subjects\[0\].memory is a dict"
    ):
        check_record(record(subject(memory={"error": 5})), "r")


def test_a_structure_that_is_no_tree_says_whose(base):
    structure = json.loads(json.dumps(base["subjects"][0]["structure"]))
    assert check_record(record(subject(structure=structure)), "r")
    structure["graph"]["nodes"][0]["scope"] = 10_000
    with pytest.raises(RecordError) as caught:
        check_record(record(subject("mine", structure=structure)), "r")
    start = "r is not a whole report of pytest-modelcheck: in the structure of 'mine' "
    assert str(caught.value).startswith(start)
    assert "node 0 is in scope 10000" in str(caught.value)


def test_changes_have_a_shape_too():
    row = {"name": "net", "status": "changed", "metrics": []}
    side = {"commit": "", "created": ""}
    changes = {"base": side, "head": side, "environment": [], "subjects": [row, {**row, "slowdowns": [5]}]}
    with pytest.raises(RecordError, match=r"changes.subjects\[1\].slowdowns\[0\] is a int, not dict"):
        check_record(record(changes=changes), "r")
    changes["subjects"] = [row, {**row, "of_others": 5}]
    assert check_record(record(changes=changes), "r")


# The first release


def first(**facts):
    old = {"schema_version": 1, "created": "", "environment": {}, "run": run(), "subjects": [], "checks": []}
    del old["run"]["waited"]
    return {**old, "panels": [], **facts}


def old_check(**facts):
    kept = {
        k: v for k, v in check().items() if k not in ("place", "source", "signature", "caveat", "definition")
    }
    return {**kept, **facts}


def test_what_the_first_release_did_not_know():
    old = {k: v for k, v in subject(signature="1", nodeids=["t.py::a", "t.py::b"]).items() if k != "demands"}
    panels = [{"subject": "net"}, {"subject": "gone"}, {"subject": 5}]
    new = upgraded(
        first(subjects=[old], checks=[old_check(reason="so"), old_check(subject=[])], panels=panels), 1
    )
    assert new["schema_version"] == 2
    assert new["run"]["waited"] == 0
    (entry,) = new["subjects"]
    assert entry["demands"] == [{"nodeid": "t.py::a", "source": ""}, {"nodeid": "t.py::b", "source": ""}]
    assert entry["definitions"] == {}
    one, other = new["checks"]
    assert (one["place"], one["source"]) == ({"node": "", "marker": "", "index": 0}, "")
    assert (one["signature"], other["signature"]) == ("1", "")
    assert (one["reason"], one["caveat"], one["definition"], one["changes"]) == ("so", "", 1, [])
    assert [entry["signature"] for entry in new["panels"]] == ["1", "", ""]
    panels = [panel(subject="net")]
    assert (
        check_record(first(subjects=[old], checks=[old_check()], panels=panels), "r")["schema_version"] == 2
    )


def test_today_s_record_stays_as_it_is():
    today = record(subject(), run={"exit_status": 1})
    assert upgraded(today, 2) is today


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"subjects": {}}, "subjects is a dict, not list"),
        ({"subjects": [5]}, "subjects[0] is a int, not dict"),
        ({"checks": [old_check(), "x"]}, "has no 'place'"),
        ({"panels": None}, "panels is a NoneType, not list"),
        ({"run": []}, "run is a list, not dict"),
        ({"subjects": [{"nodeids": 3}]}, "subjects[0] has no 'name'"),
    ],
)
def test_an_old_record_that_is_damaged_is_refused_in_words(facts, words):
    with pytest.raises(RecordError) as caught:
        check_record(first(**facts), "r")
    assert words in str(caught.value)


# Shapes


class Part(TypedDict):
    """A part,
    told in two lines."""

    name: str
    more: NotRequired["list[Part]"]


class _Whole(TypedDict):
    """The whole."""

    part: Part | None
    either: list[int] | dict[str, float]
    code: Annotated[str, ("[a-f]+", "hex")]
    kind: Literal["a", "b"]
    pair: tuple[str, int]
    flag: bool
    free: Any
    plain: int | str | None


WHOLE = {
    "part": {"name": "x", "more": [{"name": "y"}]},
    "either": [1],
    "code": "ab",
    "kind": "a",
    "pair": ["x", 1],
}
WHOLE |= {"flag": True, "free": object(), "plain": None}


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, ""),
        ({"part": None, "either": {"x": 1.5}, "plain": "x"}, ""),
        ({"part": {"name": "x", "more": [{"name": 5}]}}, "part.more[0].name is a int, not str"),
        ({"part": 3}, "part is a int, not dict"),
        ({"part": {}}, "part has no 'name'"),
        ({"either": [1, "x"]}, "either[1] is a str, not int"),
        ({"either": {"x": "y"}}, "either.x is a str, not number"),
        ({"code": "xyz"}, "code is not hex"),
        ({"code": 5}, "code is not hex"),
        ({"kind": "c"}, "kind is not one of a, b"),
        ({"kind": 5}, "kind is not one of a, b"),
        ({"kind": []}, "kind is not one of a, b"),
        ({"pair": ["x"]}, "pair is not a list of 2"),
        ({"pair": ["x", 1, 2]}, "pair is not a list of 2"),
        ({"pair": "xy"}, "pair is not a list of 2"),
        ({"pair": ["x", True]}, "pair[1] is a bool, not int"),
        ({"flag": 1}, "flag is a int, not bool"),
        ({"plain": 1.5}, "plain is a float, not int or str or NoneType"),
        ({"plain": True}, "plain is a bool, not int or str or NoneType"),
    ],
)
def test_what_is_wrong_with_a_value(facts, words):
    assert problem({**WHOLE, **facts}, _Whole) == words


def test_a_shape_that_json_does_not_know():
    with pytest.raises(TypeError, match=r"set\[int\] is no shape of JSON"):
        problem([1], set[int])


def test_the_first_thing_that_is_wrong_is_told():
    assert problem([1, "a", "b"], list[int], "xs") == "xs[1] is a str, not int"
    assert problem("a", list[int]) == "the whole is a str, not list"
    assert problem({"a": 1, "b": 2}, dict[str, str], "d") == "d.a is a int, not str"


def test_a_shape_as_a_schema():
    assert json_schema(_Whole) == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$ref": "#/$defs/Whole",
        "$defs": {
            "Whole": {
                "type": "object",
                "description": "The whole.",
                "properties": {
                    "part": {"anyOf": [{"$ref": "#/$defs/Part"}, {"type": "null"}]},
                    "either": {
                        "anyOf": [
                            {"type": "array", "items": {"type": "integer"}},
                            {"type": "object", "additionalProperties": {"type": "number"}},
                        ]
                    },
                    "code": {"type": "string", "pattern": "^(?:[a-f]+)$"},
                    "kind": {"enum": ["a", "b"]},
                    "pair": {
                        "type": "array",
                        "prefixItems": [{"type": "string"}, {"type": "integer"}],
                        "minItems": 2,
                        "maxItems": 2,
                    },
                    "flag": {"type": "boolean"},
                    "free": {},
                    "plain": {"type": ["integer", "string", "null"]},
                },
                "required": ["part", "either", "code", "kind", "pair", "flag", "free", "plain"],
            },
            "Part": {
                "type": "object",
                "description": "A part, told in two lines.",
                "properties": {
                    "name": {"type": "string"},
                    "more": {"type": "array", "items": {"$ref": "#/$defs/Part"}},
                },
                "required": ["name"],
            },
        },
    }
