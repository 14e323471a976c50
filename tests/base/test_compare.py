"""What changed between two records. Oracles: counts by hand."""

import json
from types import SimpleNamespace

import pytest
from torch import nn

from pytest_modelcheck.checks.latency.changes import slowdown_words
from pytest_modelcheck.demand.plan import Demand
from pytest_modelcheck.errors import MeasurementError
from pytest_modelcheck.records.compare import regressions, ungated
from pytest_modelcheck.records.entries import place_entry
from pytest_modelcheck.records.match import Ambiguous
from pytest_modelcheck.records.plain import plain
from pytest_modelcheck.verdict.limit import Limit, Place

from ..catalogue import (
    Base,
    changes_lines,
    check_record,
    compare,
    differing,
    metric,
    record_markdown,
    write_report,
)
from .conftest import make_record, stack

FIRST = 8 * 3 * 9 * 64  # MACs of the first convolution at 8x8
BLOCK = 8 * 8 * 9 * 64  # and of an added one, 8 to 8 channels


def of(changes, name="net"):
    return next(s for s in changes["subjects"] if s["name"] == name)


def test_nothing_changed(base):
    changes = compare(base, make_record(net=stack(nn.ReLU()), gone=stack()))
    assert [(s["name"], s["status"]) for s in changes["subjects"]] == [
        ("gone", "unchanged"),
        ("net", "unchanged"),
    ]
    assert not {"modules", "structure", "operators", "weights"} & of(changes).keys()


def test_an_added_block_is_named_with_its_cost(base):
    changes = compare(base, make_record(net=stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)), gone=stack()))
    net = of(changes)
    (macs,) = [row for row in net["metrics"] if row["metric"] == "macs"]
    assert (macs["base"], macs["head"], macs["title"]) == (FIRST, FIRST + BLOCK, "MACs")
    assert macs["share"] == pytest.approx(BLOCK / FIRST)
    assert net["modules"] == [
        {"module": "2", "type": "Conv2d", "status": "new", "macs": [0, BLOCK], "params": [0, 8 * 8 * 9 + 8]}
    ]
    assert [row["text"] for row in net["structure"]] == [
        "2: module added: Conv2d(8, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))"
    ]
    assert net["graph"] == {"base": 5, "head": 6, "added": 1, "removed": 0, "changed": 0}
    assert net["operators"] == [{"operator": "aten::conv2d", "base": 1, "head": 2}]


def test_a_stride_shows_in_cost_and_attributes(base):
    strided = stack(nn.ReLU())
    strided[0] = nn.Conv2d(3, 8, 3, padding=1, stride=2)
    net = of(compare(base, make_record(net=strided)))
    assert net["modules"][0]["macs"] == [FIRST, FIRST / 4]
    assert [row["text"] for row in net["structure"]] == ["0: stride changed: 1 -> 2"]  # shapes follow
    assert (net["graph"]["added"], net["graph"]["changed"]) == (0, 1)


@pytest.mark.parametrize("nested", [False, True])
def test_a_renamed_module_is_renamed_and_costs_the_same(nested):
    def named(name):
        block = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()) if nested else nn.Conv2d(3, 8, 3)
        model = nn.Sequential()
        model.add_module(name, block)
        return model

    net = of(compare(make_record(net=named("old")), make_record(net=named("new"))))
    kind = "Sequential" if nested else "Conv2d"
    assert [row["text"] for row in net["structure"]] == [f"new: module {kind} moved: old -> new"]
    assert "modules" not in net


def test_new_and_removed_subjects(base):
    changes = compare(base, make_record(net=stack(nn.ReLU()), fresh=stack()))
    assert {s["name"]: s["status"] for s in changes["subjects"]} == {
        "fresh": "new",
        "net": "unchanged",
        "gone": "removed",
    }
    rows = ungated(changes, {"macs": 0.0})
    assert [(row["subject"], row["base"], row["head"]) for row in rows] == [
        ("fresh", None, FIRST),
        ("gone", FIRST, None),
    ]
    assert regressions(changes, {"macs": 0.0}) == []


def test_other_weights_are_counted_and_the_most_moved_comes_first(base):
    head = make_record(net=stack(nn.ReLU()))
    for tensor in head["subjects"][0]["weights"]["tensors"]:
        if tensor["name"] == "0.bias":
            tensor["l2"] *= 2
    weights = of(compare(base, head))["weights"]
    assert (weights["changed"], weights["of"]) == (1, 2)
    assert [row["tensor"] for row in weights["tensors"]] == ["0.bias"]


@pytest.mark.parametrize(("limit", "risen"), [(BLOCK / FIRST * 0.99, True), (BLOCK / FIRST * 1.01, False)])
@pytest.mark.parametrize("key", ["flops", "FLOPs"])
def test_regressions_by_metric_and_title(base, limit, risen, key):
    changes = compare(base, make_record(net=stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)), gone=stack()))
    assert [row["subject"] for row in regressions(changes, {key: limit})] == (["net"] if risen else [])


def test_environments_that_differ_are_named(base):
    head = {**base, "environment": {**base["environment"], "torch": "9.9", "commit": "x"}}
    (row,) = compare(base, head)["environment"]
    assert (row["name"], row["head"]) == ("torch", "9.9")


def test_a_renamed_subject_is_known_by_its_test(base):
    head = make_record(net=stack(nn.ReLU(), nn.ReLU()), gone=stack())
    for subject in head["subjects"]:
        if subject["name"] == "net":
            subject["name"] = "other"
    changes = compare(base, head)
    other = of(changes, "other")
    assert (other["status"], other["from"]) == ("changed", "net")
    assert [s["name"] for s in changes["subjects"]] == ["gone", "other"]


def timed(record, metric, title, value, interval):
    (check,) = [c for c in record["checks"] if c["subject"] == "net"]
    facts = {
        "metric": metric,
        "title": title,
        "value": value,
        "interval": interval,
        "unit": "seconds",
        "protocol": "P1",
    }
    return {**record, "checks": [*record["checks"], {**check, **facts}]}


@pytest.mark.parametrize(
    ("value", "interval", "status", "words"),
    [
        (0.11, [0.09, 0.13], "changed", "11 % slower (interval 9 % to 13 %)"),
        (-0.11, [-0.13, -0.09], "changed", "11 % faster (interval -13 % to -9 %)"),
        (0.011, [-0.002, 0.02], "unchanged", "1.1 % slower (interval -0.2 % to 2 %)"),
        (0.011, [-1.0, "inf"], "unchanged", "1.1 % slower (interval open)"),
    ],
)
def test_a_slowdown_is_told_with_its_interval_and_counts_as_a_change_where_that_is_certain(
    base, tmp_path, value, interval, status, words
):
    head = timed(base, "latency_regression", "slowdown", value, interval)
    net = of(compare(base, head))
    (row,) = net["slowdowns"]
    assert (net["status"], slowdown_words(row)) == (status, words)
    assert "slowdown" not in [row["title"] for row in net["metrics"]]
    Base(base).tell(head)
    record = check_record(json.loads(json.dumps(plain(head))), "head")
    shown = [record_markdown(record), write_report(record, tmp_path).read_text(), *changes_lines(record)]
    assert any(words in text for text in shown) == (status == "changed")


@pytest.mark.parametrize(
    "row",
    [{"title": "slowdown", "value": 0.5, "interval": []}, {"title": "slowdown (threads=2)", "value": 0.5}],
)
def test_a_slowdown_of_another_report_is_told_as_far_as_it_goes(row):
    assert slowdown_words({"interval": [0.4, 0.6], **row}).startswith("50 % slower (")


def test_a_time_that_the_base_lacks_is_no_change_and_two_times_are_only_shown(base):
    head = timed(base, "latency", "latency", 2e-3, [1e-3, 3e-3])
    new = compare(base, head)
    assert of(new)["status"] == "unchanged"
    assert "latency" not in [row["metric"] for row in differing(of(new)["metrics"])]
    assert [row["subject"] for row in ungated(new, {"latency": 0.1})] == ["net"]
    net = of(compare(timed(base, "latency", "latency", 1e-3, None), head))
    assert net["status"] == "unchanged"
    assert [row["share"] for row in net["metrics"] if row["metric"] == "latency"] == [1.0]


HERE, CLASS = (
    Place("tests/test_it.py::test_net", "macs_budget"),
    Place("tests/test_it.py::TestNet", "macs_budget"),
)


def demand(source):
    """A relative limit on MACs, of a subject of which its test says `source`."""
    found = Limit(metric("macs"), max_regression=0.02, options={"phase": "forward"}, place=HERE)
    return Demand(SimpleNamespace(paired=False), found, SimpleNamespace(written=source, label=source))


def rows(base, *told):
    """The record with checks of one test: what it says of the subject, its signature, its value, the marker's place."""
    (check,) = [c for c in base["checks"] if c["subject"] == "net"]
    entries = [
        {**check, "source": source, "signature": signature, "value": value, "place": place_entry(place)}
        for source, signature, value, place in told
    ]
    return {**base, "checks": entries}


@pytest.mark.parametrize(
    ("told", "others", "value"),
    [
        ([("model=a", "1", 1, HERE), ("model=b", "2", 2, HERE)], [], 2),  # by what the test says
        ([("model=a", "1", 1, CLASS), ("model=a", "2", 2, HERE)], [], 2),  # by the marker's place
        ([("model=a", "1", 1, HERE)], [], 1),  # a renamed model stays gated
        ([("model=a", "1", 1, HERE)], ["model=a"], None),  # unless it is another of the same test
        ([("", "1", 1, Place())], [], 1),  # a record of the first release says neither
    ],
)
def test_the_bases_figure_is_that_of_the_same_check(base, told, others, value):
    nodeid = base["checks"][1]["nodeid"]
    asked = demand("model=b")
    record = {**rows(base, *told), "subjects": []}
    found = Base(record).value(nodeid, asked, [asked, *map(demand, others)])
    assert found.value == value


def test_one_of_several_that_may_be_meant_is_no_base(base):
    record = {**rows(base, ("model=a", "1", 1, HERE), ("model=c", "2", 2, HERE)), "subjects": []}
    with pytest.raises(Ambiguous, match="name="):
        Base(record).value(base["checks"][1]["nodeid"], demand("model=b"))


def loss(nodeid, **facts):
    return {"nodeid": nodeid, "phase": "collect", "source": "", "reason": "broke", "absent": "", **facts}


def test_what_could_not_be_measured_at_the_base_is_told(base):
    head = {**base}
    lost = [
        loss("tests/test_x.py", reason="ImportError: no module"),
        loss("tests/test_y.py", absent="nets.new"),
    ]
    Base({**base, "lost": lost}).tell(head)
    told = "\n".join(changes_lines(head))
    assert "could not be measured at the base: tests/test_x.py: ImportError: no module" in told
    assert "test_y" not in told  # it is new


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        ([loss("tests"), loss("tests/test_it.py", reason="the file")], "the file"),
        ([loss("tests/test_other.py", reason="another"), loss("", reason="pytest")], "pytest"),
        (
            [
                loss("tests/test_it.py::test_net", source="model=b", reason="its own"),
                loss("tests/test_it.py"),
            ],
            "its own",
        ),
        (
            [loss("tests/test_it.py::test_net", source="model=z", reason="said otherwise then")],
            "said otherwise",
        ),
    ],
)
def test_the_reason_is_that_of_the_test(base, lost, words):
    record = {**base, "checks": [], "subjects": [], "lost": lost}
    with pytest.raises(MeasurementError, match=f"could not be measured at the base: {words}"):
        Base(record).value("tests/test_it.py::test_net", demand("model=b"))


def test_new_is_what_the_base_has_not(base):
    lost = [loss("tests/test_it.py::test_net", absent="nets.other")]
    record = {**base, "checks": [], "subjects": [], "lost": lost}
    assert (
        Base(record).value("tests/test_it.py::test_net", demand("model=b")).reason
        == "new: the base has no nets.other"
    )


@pytest.mark.parametrize(
    "metric", ["structure_snapshot", "complexity_snapshot", "heatmap", "latency_regression"]
)
def test_checks_of_a_tests_body_which_does_not_run_at_the_base_make_no_change(base, metric):
    head = timed(base, metric, metric, 0.5, [0.4, 0.6])
    head["checks"][-1]["protocol"] = ""
    net = of(compare(base, head))
    assert net["status"] == "unchanged"
    assert "slowdowns" not in net
