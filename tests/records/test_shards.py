"""One record from several, all written by hand."""

import pytest

from ..catalogue import merge
from .conftest import check, panel, place, record, run, subject


@pytest.mark.parametrize(
    ("statuses", "whole"),
    [
        ([0, 0], 0),
        ([0, 1], 1),
        ([2, 1, 0], 2),
        ([0, 5], 0),  # a shard without tests is no failure
        ([5, 1], 1),
        ([5, 5], 5),
        ([6, 5], 6),
        ([], 0),
    ],
)
def test_the_worst_exit_status(statuses, whole):
    shards = {str(i): record(run=run(status)) for i, status in enumerate(statuses)}
    assert merge(shards)["run"]["exit_status"] == whole


def test_a_run_is_the_sum_of_its_shards():
    one = record(run=run(tests={"passed": 3, "failed": 1}, no_result=["t.py::a"]), created="2024-02-02")
    two = record(
        run=run(tests={"passed": 2, "error": 1}, interrupted=True, no_result=["t.py::b"], seconds=2.0004)
    )
    merged = merge({"one": one, "two": two})
    assert merged["run"] == {
        "exit_status": 0,
        "options": [],
        "interrupted": True,
        "seconds": 3.5,
        "waited": 0.5,
        "tests": {"passed": 5, "failed": 1, "error": 1},
        "no_result": ["t.py::a", "t.py::b"],
    }
    assert (merged["created"], merged["schema_version"], merge({})["created"]) == ("2024-02-02", 2, "")
    assert merge({"one": one})["run"]["interrupted"] is False


def test_the_environment_is_told_by_shard_where_it_differs():
    one = record(environment={"torch": "2.9", "python": "3.11", "CUDA device": "H100"})
    two = record(environment={"torch": "2.9", "python": "3.12"})
    assert merge({"linux": one, "macos": two})["environment"] == {
        "torch": "2.9",
        "python": "linux: 3.11; macos: 3.12",
        "CUDA device": "linux: H100; macos: –",
    }


def checks_of(one, two):
    shards = {"linux": record(subject(), checks=[one]), "macos": record(subject(), checks=[two])}
    return [(entry["nodeid"], entry["value"]) for entry in merge(shards)["checks"]]


def test_a_check_told_alike_is_kept_once():
    assert checks_of(check(), check()) == [("t.py::test", 1)]


def test_a_check_told_alike_under_another_name_of_the_subject_is_kept_once():
    assert checks_of(check(), check(subject="net (2)")) == [("t.py::test", 1)]


@pytest.mark.parametrize(
    "facts",
    [{"value": 2}, {"message": "x"}, {"place": place(index=1), "value": 2}, {"options": {"phase": None}}],
)
def test_a_check_told_otherwise_is_kept_under_its_shard(facts):
    (first, second) = checks_of(check(), check(**facts))
    assert first == ("t.py::test", 1)
    assert second == ("t.py::test (macos)", facts.get("value", 1))


@pytest.mark.parametrize(
    "facts",
    [
        {"nodeid": "t.py::other"},
        {"metric": "flops"},
        {"options": {"phase": "backward"}},
        {"source": "b"},
        {"signature": "other"},
        {"limit_text": "max 6"},
        {"place": place("t.py")},
        {"place": place(marker="other")},
    ],
)
def test_another_check_keeps_its_id(facts):
    assert checks_of(check(), check(**facts)) == [("t.py::test", 1), (facts.get("nodeid", "t.py::test"), 1)]


def test_checks_of_one_shard_are_all_kept():
    shards = {"one": record(subject(), checks=[check(), check()])}
    assert [entry["nodeid"] for entry in merge(shards)["checks"]] == ["t.py::test", "t.py::test"]


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (panel(), ["t.py::test"]),
        (panel(content="else"), ["t.py::test", "t.py::test (two)"]),
        (panel("yours"), ["t.py::test", "t.py::test"]),
        (panel(kind="table"), ["t.py::test", "t.py::test"]),
        (panel(nodeid="t.py::2"), ["t.py::test", "t.py::2"]),
    ],
)
def test_panels_of_two_shards(other, found):
    shards = {"one": record(subject(), panels=[panel()]), "two": record(subject(), panels=[other])}
    assert [entry["nodeid"] for entry in merge(shards)["panels"]] == found


def test_models_that_only_share_a_name_are_told_apart_by_their_shard():
    one = record(subject(signature="1"), checks=[check(signature="1")])
    two = record(subject(signature="2"), checks=[check(signature="2", value=7)])
    merged = merge({"linux": one, "macos": two})
    assert [entry["name"] for entry in merged["subjects"]] == ["net (linux)", "net (macos)"]
    assert [(entry["subject"], entry["value"]) for entry in merged["checks"]] == [
        ("net (linux)", 1),
        ("net (macos)", 7),
    ]
    assert one["checks"][0]["subject"] == "net"  # the records stay as they were


def row(metric, head=2):
    return {"metric": metric, "title": metric, "unit": "MACs", "base": 1, "head": head, "share": head - 1}


def told(*subjects, **facts):
    made = {"base": {"commit": "b", "created": ""}, "head": {"commit": "h", "created": ""}, "environment": []}
    return {**made, "subjects": list(subjects), **facts}


def changed(name="net", status="changed", **facts):
    return {"name": name, "status": status, "metrics": [], **facts}


def merged_changes(**shards):
    return merge({shard: record(subject(), changes=changes) for shard, changes in shards.items()})["changes"]


def test_what_all_shards_tell_is_told_once():
    machine = {"name": "torch", "base": "2.8", "head": "2.9"}
    one = told(environment=[machine], notes=["a"], gone=["x"])
    two = told(environment=[machine, {**machine, "name": "python"}], notes=["a", "b"], gone=["y", "x"])
    changes = merged_changes(one=one, two=two)
    assert changes["environment"] == [machine, {**machine, "name": "python"}]
    assert (changes["notes"], changes["gone"]) == (["a", "b"], ["x", "y"])
    assert "error" not in changes


def test_bases_that_failed():
    failed = told(error="it died", base={"commit": "", "created": ""}, notes=["of a failure"])
    changes = merged_changes(one=failed, two=told(notes=["a"]), three={**failed, "error": "no git"})
    assert changes["base"]["commit"] == "b"
    assert changes["notes"] == [
        "a",
        "one: the base could not be measured: it died",
        "three: the base could not be measured: no git",
    ]
    none = merged_changes(one=failed, two={**failed, "error": "no git"})
    assert (none["error"], none["notes"]) == ("one: it died\ntwo: no git", ["of a failure"])


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        ("unchanged", "changed", "changed"),
        ("changed", "unchanged", "changed"),
        ("unchanged", "unchanged", "unchanged"),
        ("new", "changed", "new"),
        ("removed", "changed", "changed"),
        ("unchanged", "removed", "unchanged"),
        ("removed", "removed", "removed"),
    ],
)
def test_the_status_of_what_two_shards_saw(one, two, both):
    changes = merged_changes(one=told(changed(status=one)), two=told(changed(status=two)))
    assert [subject["status"] for subject in changes["subjects"]] == [both]


def test_parts_of_two_shards_join():
    slow, fast = ({"title": "slowdown", "value": v, "interval": [v, v], "moved": True} for v in (0.1, -0.1))
    one = changed(metrics=[row("macs")], slowdowns=[slow], weights={"changed": 1}, mine="first")
    two = changed(metrics=[row("macs", 9), row("params")], slowdowns=[slow, fast], weights={"changed": 2})
    (joined,) = merged_changes(one=told(one), two=told({**two, "mine": "second", "more": 1}))["subjects"]
    assert joined["metrics"] == [row("macs"), row("params")]
    assert joined["slowdowns"] == [slow, fast]
    assert (joined["weights"], joined["mine"], joined["more"]) == ({"changed": 1}, "first", 1)
    assert "modules" not in joined


def test_slowdowns_that_only_the_second_shard_has_are_kept():
    slow = {"title": "slowdown", "value": 0.1, "interval": [0.05, 0.15], "moved": True}
    (joined,) = merged_changes(one=told(changed()), two=told(changed(slowdowns=[slow])))["subjects"]
    assert joined["slowdowns"] == [slow]


def test_changes_are_told_under_the_names_of_the_whole():
    shards = {
        "linux": record(subject(signature="1"), changes=told(changed(), changed("gone", "removed"))),
        "macos": record(subject(signature="2"), changes=told(changed(status="new"))),
        "plain": record(subject(signature="1")),
    }
    found = [(s["name"], s["status"]) for s in merge(shards)["changes"]["subjects"]]
    assert found == [("net (linux)", "changed"), ("gone", "removed"), ("net (macos)", "new")]
