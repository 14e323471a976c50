"""What a test reports, and the record made of it. Expectations by hand."""

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_modelcheck.errors import ExplanationError, MeasurementError, ModelCheckError
from pytest_modelcheck.records import environment as surroundings
from pytest_modelcheck.records.entries import check_entry
from pytest_modelcheck.records.plain import number, plain, share, to_json
from pytest_modelcheck.records.recorder import Recorder, describe, panel_content
from pytest_modelcheck.records.run import Phase, RunRecord
from pytest_modelcheck.records.section import Section, Total
from pytest_modelcheck.settings import Settings
from pytest_modelcheck.verdict.judge import BaseValue, Outcome, Verdict, judge
from pytest_modelcheck.verdict.limit import Limit, Place
from pytest_modelcheck.verdict.measurement import Contributor, Measurement
from pytest_modelcheck.verdict.message import Told, tell
from pytest_modelcheck.verdict.metric import Definition, Metric
from pytest_modelcheck.verdict.units import PARAMS

from ..catalogue import metric
from .conftest import check

NODE = "t.py::test"


class Net:
    training = False


def model(signature="s", inputs="1×3, 2×4"):
    return SimpleNamespace(name="net", architecture=Net(), inputs=inputs, signature=signature)


class Result(SimpleNamespace):
    def to_dict(self):
        return {"value": self.value}


# Verdicts as entries


def test_a_verdict_as_an_entry():
    parts = (Contributor("small", 1), Contributor("large", 6), Contributor("none", 0))
    measured = Measurement(8, (7, 9), contributors=parts, caveat="one left out", protocol="in turns")
    limit = Limit(
        metric("flops"), max=10, min=2, level="warn", options={"phase": "backward"}, where="t.py:3",
        place=Place(NODE, "flops_budget", 1), reason="it must fit",
    )  # fmt: skip
    entry = check_entry(NODE, Told(judge("net", limit, measured), "the text"))
    assert entry == {
        "nodeid": NODE,
        "place": {"node": NODE, "marker": "flops_budget", "index": 1},
        "metric": "flops",
        "options": {"phase": "backward"},
        "demand": "",
        "source": "",
        "definition": 1,
        "subject": "net",
        "signature": "",
        "title": "FLOPs (backward)",
        "value": 8,
        "unit": "FLOPs",
        "limit": 10,
        "max": 10,
        "min": 2,
        "max_regression": None,
        "base": None,
        "level": "warn",
        "limit_reason": "it must fit",
        "interval": [7, 9],
        "instead": "",
        "outcome": "pass",
        "message": "the text",
        "error": "",
        "reason": "",
        "caveat": "one left out",
        "varies": False,
        "protocol": "in turns",
        "replaces": [],
        "contributors": [
            {"module": "large", "value": 6, "share": 0.75},
            {"module": "small", "value": 1, "share": 0.125},
        ],
        "modules": None,
        "changes": [],
        "where": "t.py:3",
        "value_text": "8 FLOPs (7 FLOPs to 9 FLOPs)",
        "limit_text": "min 2 FLOPs, max 10 FLOPs",
        "limit_short": ">= 2 FLOPs, <= 10 FLOPs",
        "headroom": pytest.approx(0.2),
    }


def entry_of(verdict):
    return check_entry(NODE, tell(verdict))


@pytest.mark.parametrize(
    ("bounds", "limit"), [({"max": 5, "min": 3}, 5), ({"min": 3}, 3), ({"max_regression": 0.1}, None)]
)
def test_what_was_not_measured(bounds, limit):
    entry = entry_of(Verdict("net", Limit(metric("flops"), **bounds), Outcome.ERROR, error="boom"))
    assert (entry["value"], entry["interval"], entry["modules"], entry["contributors"]) == (
        None,
        None,
        None,
        [],
    )
    assert (entry["caveat"], entry["protocol"], entry["headroom"]) == ("", "", None)
    assert (entry["limit"], entry["level"], entry["value_text"]) == (limit, "fail", "not measured")


@pytest.mark.parametrize("n", [10, 11])
def test_ten_modules_are_shown_and_all_are_kept(n):
    parts = tuple(Contributor(f"m{i}", i + 1) for i in range(n))
    base = BaseValue(5, tuple(Contributor(f"m{i}", 0) for i in range(n)))
    entry = entry_of(
        judge("net", Limit(metric("flops"), max_regression=0.5), Measurement(66, contributors=parts), base)
    )
    assert [c["module"] for c in entry["contributors"]] == [f"m{i}" for i in range(n - 1, n - 11, -1)]
    assert len(entry["changes"]) == 10
    assert entry["changes"][0] == {"module": f"m{n - 1}", "base": 0, "value": n}
    assert entry["base"] == 5
    assert entry["limit"] == 7.5
    assert entry["modules"] == (None if n == 10 else [{"module": f"m{i}", "value": i + 1} for i in range(n)])


def test_a_value_of_zero_has_shares_too():
    entry = entry_of(
        judge("net", Limit(metric("flops"), max=1), Measurement(0, contributors=(Contributor("a", 3),)))
    )
    assert entry["contributors"] == [{"module": "a", "value": 3, "share": 3}]


# What one test reports


def test_files_have_the_same_path_in_each_run_and_are_apart():
    def paths(nodeid):
        recorder = Recorder(nodeid, settings=Settings(report=True, output=Path("out")))
        return [recorder.file("onnx", "my net", ".onnx") for _ in range(3)]

    found = paths(NODE)
    assert found == paths(NODE)
    assert len({relative for _, relative in (*found, *paths("t.py::other"))}) == 6
    for path, relative in found:
        assert re.fullmatch(r"onnx/my-net-[0-9a-f]{8}\.onnx", relative)
        assert path == Path("out") / relative
    assert paths("t.py::test[\ud800]")  # names of tests may hold anything


@pytest.mark.parametrize("settings", [None, Settings(output=Path("out"))])
def test_without_a_report_there_are_no_files(settings):
    recorder = Recorder(NODE, settings=settings)
    assert recorder.folder is None
    assert recorder.file("onnx", "net", ".onnx") is None


def test_a_subject_is_described_once_per_process():
    made = []

    def of(subject):
        made.append(subject.signature)
        return {"size": 3}

    metric_of = Metric("size", PARAMS, definition=Definition(3))
    total = Total(metric_of, lambda content: content["size"])
    sections = {
        "mine": Section("mine", of, totals=[total], definition=Definition(2)),
        "kept": Section("kept"),
    }
    done = set()
    first, second = Recorder(NODE, sections, done), Recorder("t.py::2", sections, done)
    first.subject(model(), "model=net")
    second.subject(model())
    second.subject(model("other", inputs=None))
    (one,), (two, other) = first.drain()["subjects"], second.drain()["subjects"]
    assert one == {
        "name": "net",
        "type": "Net",
        "inputs": ["1×3", "2×4"],
        "training": False,
        "signature": "s",
        "nodeids": [NODE],
        "demands": [{"nodeid": NODE, "source": "model=net"}],
        "definitions": {"mine": 2, "mine.size": 3},
        "mine": {"size": 3},
    }
    assert "mine" not in two
    assert two["definitions"] == {}
    assert (other["mine"], other["inputs"]) == ({"size": 3}, [])
    assert made == ["s", "other"]


def test_results_are_kept_where_a_report_is_wanted():
    recorder = Recorder(NODE, {"times": Section("times")}, {"s"})
    result = Result(value=5, waited=2.0)
    recorder.result(model(), "times", result)
    recorder.amend(result, {"note": "late"})
    recorder.amend(Result(value=0), {"note": "of nobody"})
    part = recorder.drain()
    (entry,) = part["subjects"]
    assert entry["times"] == [{"value": 5, "nodeid": NODE, "note": "late"}]
    assert (entry["definitions"], entry["demands"], part["waited"]) == ({"times": 1}, [], [2.0])
    recorder.amend(result, {"note": "too late"})
    assert recorder.drain() is None
    assert entry["times"][0]["note"] == "late"


def test_without_a_report_a_result_is_a_subject_alone():
    recorder = Recorder(NODE)
    recorder.result(model(), "times", Result(value=5))
    part = recorder.drain()
    assert "times" not in part["subjects"][0]
    assert "waited" not in part


def test_what_is_drained_is_gone():
    recorder = Recorder(NODE)
    assert recorder.drain() is None
    recorder.verdict(tell(judge("net", Limit(metric("flops"), max=1), Measurement(1))))
    recorder.panel(model(), "mine", "text", "words")
    recorder.panel(None, "more", "text", "words")
    part = recorder.drain()
    assert [entry["metric"] for entry in part["checks"]] == ["flops"]
    common = {"nodeid": NODE, "kind": "text", "content": "words"}
    assert part["panels"] == [
        {**common, "subject": "net", "signature": "s", "title": "mine"},
        {**common, "subject": "", "title": "more"},
    ]
    assert part["environment"] == surroundings.torch_environment()
    assert recorder.drain() is None


def test_whose_a_result_is():
    recorder, subject, result = Recorder(NODE), model(), object()
    assert recorder.owner(result) is None
    recorder.own(subject, result)
    assert recorder.owner(result) is subject
    assert recorder.owner(object()) is None


def test_a_section_that_cannot_be_made_says_why():
    def refuse(subject):
        raise MeasurementError("no inputs")

    def break_down(subject):
        raise KeyError("left")

    def decline(subject):
        raise ExplanationError("no image")

    made = {"a": refuse, "b": break_down, "c": lambda s: [1], "e": decline}
    sections = {name: Section(name, function) for name, function in made.items()}
    assert describe(model(), {**sections, "d": Section("d")}) == {
        "a": {"error": "no inputs", "failed": True},
        "b": {"error": "unexpected KeyError: 'left'", "failed": True},
        "c": [1],
        "e": {"error": "no image"},
    }


@pytest.mark.parametrize(
    ("content", "kind", "held"),
    [
        ("", "text", ""),
        ("words", "text", "words"),
        ([{"a": 1}, {"b": 2, "a": 3}], "table", {"columns": ["a", "b"], "rows": [[1, ""], [3, 2]]}),
        (({"a": 1},), "table", {"columns": ["a"], "rows": [[1]]}),
        ([["a", "b"], (1, 2), [3, 4]], "table", {"columns": ["a", "b"], "rows": [[1, 2], [3, 4]]}),
        ([("a",)], "table", {"columns": ["a"], "rows": []}),
    ],
)
def test_panels_of_words_and_tables(content, kind, held):
    assert panel_content(content) == (kind, held)


@pytest.mark.parametrize("array", [np.zeros((2, 3)), np.zeros((2, 3, 3), np.uint8)])
def test_a_panel_of_an_image(array):
    kind, content = panel_content(array)
    assert kind == "image"
    png = base64.b64decode(content)
    assert png.startswith(b"\x89PNG")
    assert [int.from_bytes(png[at : at + 4], "big") for at in (16, 20)] == [3, 2]


@pytest.mark.parametrize("content", [[], {}, 5, [{"a": 1}, "b"], ["ab", "cd"], None])
def test_a_panel_of_something_else_is_refused(content):
    with pytest.raises(ModelCheckError):
        panel_content(content)


# A run


def test_only_the_last_attempt_of_a_test_counts():
    run = RunRecord()
    begun = json.dumps({"checks": [check("macs")], "environment": {"torch threads": "2"}})
    for outcome in ("failed", "passed"):
        part = json.dumps({"checks": [check("flops", message=outcome)], "waited": [0.5, 0.25]})
        run.log(Phase(NODE, "setup", "", part=begun))
        run.log(Phase(NODE, "call", outcome, part=part))
        run.log(Phase(NODE, "teardown", ""))
    record = run.build(0, Path("."))
    assert record["run"]["tests"] == {"passed": 1}
    assert [c["message"] for c in record["checks"]] == ["", "passed"]
    assert record["run"]["waited"] == 0.75
    assert run.environment == {"torch threads": "2"}


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        (["", "passed", ""], "passed"),
        (["", "failed", ""], "failed"),
        (["", "failed", "error"], "failed"),
        (["error", "", "passed"], "error"),
        (["", "passed", "error"], "error"),
        (["skipped", "", ""], "skipped"),
    ],
)
def test_the_worst_phase_of_a_test_is_its_outcome(statuses, outcome):
    run = RunRecord()
    for when, status in zip(("setup", "call", "teardown"), statuses, strict=True):
        run.log(Phase(NODE, when, status))
    record = run.build(0, Path("."))
    assert record["run"]["tests"] == {outcome: 1}
    assert record["run"]["no_result"] == []


def test_the_record_of_a_run(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_SHA", "abc")
    run = RunRecord()
    parts = {
        "t.py::b": ("passed", {"subjects": [entry("net", "1", "b")], "checks": [told("1")]}),
        "t.py::a": ("failed", {"subjects": [entry("net", "2", "a")], "checks": [told("2")]}),
        "t.py::c": ("failed", {"panels": [{"subject": "net", "signature": "1"}], "waited": [1.23456]}),
    }
    for nodeid, (status, part) in parts.items():
        run.log(Phase(nodeid, "call", status, part=json.dumps(part)))
    run.log(Phase("t.py::d", "???", "error"))
    run.environment["python"] = "of the worker"
    record = run.build(1, tmp_path, interrupted=True)
    assert [s["name"] for s in record["subjects"]] == ["net (a)", "net (b)"]  # by the tests' names
    assert [c["subject"] for c in record["checks"]] == ["net (a)", "net (b)"]
    assert record["panels"] == [{"subject": "net (b)", "signature": "1"}]
    again = run.build(1, tmp_path)  # what was reported stays as it was
    assert [c["subject"] for c in again["checks"]] == ["net (a)", "net (b)"]
    assert 0 <= record["run"].pop("seconds") < 60
    assert record["run"] == {
        "exit_status": 1,
        "options": [],
        "interrupted": True,
        "tests": {"passed": 1, "failed": 2, "error": 1},
        "no_result": ["t.py::d"],
        "waited": 1.235,
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["created"])
    assert (record["schema_version"], record["environment"]["commit"]) == (2, "abc")
    assert record["environment"]["python"] == "of the worker"
    assert RunRecord().build(0, tmp_path)["run"]["interrupted"] is False


def entry(name, signature, test):
    return {"name": name, "type": "Net", "inputs": [], "signature": signature, "nodeids": [f"t.py::{test}"],
            "demands": [], "definitions": {}}  # fmt: skip


def told(signature):
    return check(subject="net", signature=signature)


# Its surroundings


def git(folder, *words):
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_repository(tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_SHA", raising=False)
    git(tmp_path, "init", "-q")
    assert "commit" not in surroundings.environment(tmp_path)
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    found = surroundings.environment(tmp_path)
    assert found["commit"] == git(tmp_path, "rev-parse", "HEAD")
    assert {"python", "platform", "CPUs", "torch", "pytest", "numpy"} <= found.keys()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize("error", [OSError("no git"), subprocess.TimeoutExpired("git", 10)])
def test_without_git_there_is_no_commit(tmp_path, monkeypatch, error):
    def run(*args, **options):
        raise error

    monkeypatch.delenv("GITHUB_SHA", raising=False)
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(surroundings, "PACKAGES", ("pytest", "no-such-package"))
    assert surroundings.environment(tmp_path).keys() == {"python", "platform", "CPUs", "pytest"}


def test_torch_is_asked_only_where_it_is_loaded(monkeypatch):
    cuda = SimpleNamespace(is_initialized=lambda: True, get_device_name=lambda: "H100")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(get_num_threads=lambda: 3, cuda=cuda))
    assert surroundings.torch_environment() == {"torch threads": "3", "CUDA device": "H100"}
    cuda.is_initialized = lambda: False
    assert surroundings.torch_environment() == {"torch threads": "3"}
    monkeypatch.delitem(sys.modules, "torch")
    assert surroundings.torch_environment() == {}


# Values


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.float64("nan"), "nan"),
        (float("inf"), "inf"),
        (float("-inf"), "-inf"),
        ((1, 2), [1, 2]),
        ({3: {"a": (None,)}}, {"3": {"a": [None]}}),
        ({"x"}, ["x"]),
        (frozenset([1]), [1]),
        (True, True),
        (Path("a/b"), "a/b"),
        (b"ab", "b'ab'"),
        (None, None),
    ],
)
def test_values_as_json_holds_them(value, held):
    found = plain(value)
    assert found == held
    assert type(found) is type(held)
    assert json.loads(to_json(value)) == held


def test_json_is_ascii():
    assert to_json({"µ": "×"}) == '{"\\u00b5": "\\u00d7"}'


@pytest.mark.parametrize(
    ("value", "held"),
    [
        (3, 3),
        (2.5, 2.5),
        (0, 0),
        (True, None),
        ("3", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_numbers_of_a_record(value, held):
    assert number(value) == held


@pytest.mark.parametrize(
    ("base", "head", "above"),
    [(2, 3, 0.5), (4, 0, -1), (2, 2, 0), (0, 3, None), (None, 3, None), (2, None, None)],
)
def test_how_far_the_head_lies_above_the_base(base, head, above):
    assert share(base, head) == above
