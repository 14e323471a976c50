"""One record from the shards of a matrix."""

import json

from torch import nn

from pytest_modelcheck.records.plain import plain

from ..catalogue import Base, check_record, compare, merge
from .conftest import make_record, stack


def shard(base, **models):
    """A shard's record, compared with `base`, as a reader has it."""
    record = make_record(**models)
    Base(base).tell(record)
    return check_record(json.loads(json.dumps(plain(record))), "shard")


def test_what_changed_in_each_shard_is_kept():
    base = make_record(net=stack(nn.ReLU()), other=stack())
    more = stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    one, two = shard(base, net=more), shard(base, other=stack(), fresh=stack())
    merged = merge({"one": one, "two": two})
    found = {s["name"]: s["status"] for s in merged["changes"]["subjects"]}
    assert {"net": "changed", "fresh": "new"}.items() <= found.items()
    assert merged["changes"]["subjects"][0] == one["changes"]["subjects"][0]
    assert check_record(plain(merged), "merged")


def test_figures_of_two_shards_join(base):
    changes = compare(base, base)
    one = {**base, "changes": changes}
    first, *rest = changes["subjects"]
    extra = {"metric": "x", "title": "x", "unit": "bytes", "base": 1, "head": 2, "share": 1.0}
    changed = {**first, "status": "changed", "metrics": [*first["metrics"], extra]}
    two = {**base, "changes": {**changes, "subjects": [changed, *rest]}}
    merged = merge({"one": one, "two": two})["changes"]["subjects"][0]
    assert merged["status"] == "changed"
    assert merged["metrics"] == changed["metrics"]


def test_a_base_that_one_shard_could_not_measure_is_a_note_and_an_error_if_none_could(base):
    def failing():
        record = {**base}
        Base({"error": "it died"}).tell(record)
        return record

    good = {**base, "changes": compare(base, base)}
    changes = merge({"linux": good, "macos": failing()})["changes"]
    assert changes["notes"] == ["macos: the base could not be measured: it died"]
    assert "error" not in changes
    assert merge({"linux": failing(), "macos": failing()})["changes"]["error"].count("it died") == 2


def test_shards_without_a_base_have_no_changes(base):
    assert "changes" not in merge({"one": base, "two": base})


def test_a_page_of_merged_changes_draws_even_those_of_a_subject_that_no_shard_has(base, tmp_path):
    from ..catalogue import write_report

    one = shard(base, net=stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1)))
    merged = merge({"one": one})
    next(s for s in merged["changes"]["subjects"] if s["status"] == "changed")["name"] = "of nobody"
    assert "of nobody" in write_report(merged, tmp_path).read_text()


def test_each_shard_has_times_of_its_own(base):
    def timed(value, moved):
        first, *rest = compare(base, base)["subjects"]
        row = {"title": "slowdown", "value": value, "interval": [value - 0.01, value + 0.01], "moved": moved}
        first = {**first, "slowdowns": [row], "status": "changed" if moved else "unchanged"}
        return {**base, "changes": {**compare(base, base), "subjects": [first, *rest]}}

    merged = merge({"linux": timed(0.001, False), "macos": timed(0.2, True)})["changes"]["subjects"][0]
    assert merged["status"] == "changed"
    assert [row["value"] for row in merged["slowdowns"]] == [0.001, 0.2]
