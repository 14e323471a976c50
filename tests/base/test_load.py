"""Reading a report.json that someone else wrote."""

import copy
import json
import zipfile

import pytest

from pytest_modelcheck.records.load import RecordError

from ..catalogue import compare, read_record


def written(tmp_path, record):
    path = tmp_path / "report.json"
    path.write_text(record if isinstance(record, str) else json.dumps(record), "utf-8")
    return path


def test_a_file_a_folder_and_a_zip_file_read_alike(tmp_path, base):
    path = written(tmp_path, base)
    with zipfile.ZipFile(tmp_path / "artifact.zip", "w") as archive:
        archive.write(path, "report.json")
    assert read_record(path) == read_record(tmp_path) == read_record(tmp_path / "artifact.zip") == base


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ("no json", "is not JSON"),
        ('{"schema_version": NaN}', "is no JSON number"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "no schema_version"),
        ('{"schema_version": true}', "no schema_version"),
        ('{"schema_version": 99}', "schema_version 99; this pytest-modelcheck reads 1"),
        ('{"schema_version": 1}', "the whole has no 'created'"),
    ],
)
def test_what_is_no_record_is_refused_in_words(tmp_path, record, words):
    with pytest.raises(RecordError, match=words):
        read_record(written(tmp_path, record))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("subjects",), {}, "subjects is a dict, not list"),
        (("subjects", 0, "name"), 3, r"subjects\[0\].name is a int, not str"),
        (("subjects", 0, "complexity", "modules", 0), "x", r"modules\[0\] is a str, not dict"),
        (("checks", 0, "outcome"), "<script>", r"checks\[0\].outcome is not one of pass, fail"),
        (("checks", 0, "headroom"), "1", r"checks\[0\].headroom is a str"),
        (("run", "tests", "passed"), "1", r"run.tests.passed is a str"),
        (("changes",), {"base": 1}, r"changes.base is a int, not dict"),
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(tmp_path, base, place, value, words):
    record = copy.deepcopy(base)
    target = record
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    with pytest.raises(RecordError, match=words):
        read_record(written(tmp_path, record))


def test_too_large_is_refused_before_it_is_parsed(tmp_path, base):
    path = written(tmp_path, base)
    with pytest.raises(RecordError, match="larger than 100 bytes"):
        read_record(path, max_bytes=100)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.json", b" " * 10_000_000)
    with pytest.raises(RecordError, match="larger than 1,000,000 bytes"):
        read_record(tmp_path / "bomb.zip", max_bytes=1_000_000)


@pytest.mark.parametrize("name", ["missing.json", "empty.zip", "other.zip"])
def test_missing_and_broken_files_are_named(tmp_path, name):
    path = tmp_path / name
    if name == "empty.zip":
        path.write_bytes(b"PK\x05\x06" + b"\0" * 10)
    elif name == "other.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other.json", "{}")
    with pytest.raises(RecordError, match=name):
        read_record(path)


def test_a_record_with_its_changes_is_one(tmp_path, base):
    record = {**base, "changes": compare(base, base)}
    assert read_record(written(tmp_path, record)) == record
