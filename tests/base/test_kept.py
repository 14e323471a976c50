"""Records of bases as they are kept: which are, how many, and what a file must be."""

from __future__ import annotations

import json
import os
import time

import pytest

from pytest_modelcheck.base.kept import ENTRIES, Kept, is_steady

from ..catalogue import REGISTRY


def loss(phase, absent=""):
    return {"nodeid": "t.py", "phase": phase, "source": "", "reason": "why", "absent": absent}


def record(**more):
    check = {"metric": "flops", "outcome": "not gated"}
    return {"checks": [check], "subjects": [{"complexity": {}}], "broken": [], "panels": [], **more}


STEADY = {
    "counts": (record(), True),
    "of a time": (record(checks=[{"metric": "latency", "outcome": "pass"}]), False),
    "of an error of the output": (record(checks=[{"metric": "onnx_export", "outcome": "pass"}]), False),
    "of nobody's metric": (record(checks=[{"metric": "gone", "outcome": "pass"}]), False),
    "that failed": (record(checks=[{"metric": "flops", "outcome": "error"}]), False),
    "with a test that was skipped": (record(checks=[{"metric": "flops", "outcome": "skipped"}]), True),
    "with a file that could not be collected": (record(lost=[loss("collect")]), False),
    "with a name that the base has not": (record(lost=[loss("collect", "the name 'Net'")]), True),
    "with a test that was skipped there": (record(lost=[loss("skip")]), True),
    "with tests of its own that are not known": (record(unknown=[loss("process")]), False),
    "with a panel of the user's": (record(panels=[{}]), False),
    "with a tree that is not whole": (record(notes=["LFS"]), False),
    "with times": (record(subjects=[{"latency": []}]), False),
    "with a section of nobody's": (record(subjects=[{"gone": []}]), False),
    "with a section that failed": (record(subjects=[{"structure": {"error": "x", "failed": True}}]), False),
    "with a section that is not for it": (record(subjects=[{"heatmaps": {"error": "no image"}}]), True),
}


@pytest.mark.parametrize(("given", "steady"), STEADY.values(), ids=STEADY)
def test_which_records_are_kept(given, steady):
    assert is_steady(given, REGISTRY) is steady


@pytest.fixture
def reads(tmp_path):
    def write(files=(), folders=(), doubts=()):
        told = {"files": [*map(str, files)], "folders": [*map(str, folders)], "doubts": [*doubts]}
        (tmp_path / "reads.json").write_text(json.dumps(told))
        return [tmp_path / "reads.json"]

    return write


def keep(folder, reads, fact=""):
    folder.mkdir(exist_ok=True)
    kept = Kept(folder, {"fact": fact})
    kept.keep(record(), reads, REGISTRY)
    return sorted(folder.glob("*"))


def test_a_file_that_was_written_while_the_base_was_measured(tmp_path, reads):
    read = tmp_path / "read"
    read.write_text("x")
    os.utime(read, ns=(0, time.time_ns() + 10**10))
    assert keep(tmp_path / "cache", reads([read])) == []
    os.utime(read, ns=(0, 0))
    assert len(keep(tmp_path / "cache", reads([read]))) == 1


@pytest.mark.parametrize(
    "told", [b"", b"{}", b"[]", json.dumps({"files": [], "folders": [], "doubts": ["x"]}).encode()]
)
def test_in_doubt_nothing_is_kept(tmp_path, reads, told):
    (path,) = reads()
    path.write_bytes(told)
    assert keep(tmp_path / "cache", [path]) == []
    assert keep(tmp_path / "cache", [tmp_path / "missing"]) == []
    assert keep(tmp_path / "cache", []) == []


def test_the_newest_are_kept(tmp_path, reads):
    told = reads()
    for number in range(ENTRIES + 3):
        left = keep(tmp_path / "cache", told, str(number))
    assert len(left) == ENTRIES
    assert Kept(tmp_path / "cache", {"fact": str(number)}).path in left


def test_a_folder_that_cannot_be_written_costs_nothing(tmp_path, reads):
    kept = Kept(tmp_path / "missing", {})
    kept.keep(record(), reads(), REGISTRY)
    assert kept.find(REGISTRY) is None
    assert Kept(None, {}).find(REGISTRY) is None
