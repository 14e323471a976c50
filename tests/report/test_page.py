"""The page as it is written: whole, self-contained, and safe."""

import base64
import copy
import dataclasses
import hashlib
import json
import re

import pytest

from pytest_modelcheck.checks.registry import default_registry
from pytest_modelcheck.errors import ModelCheckError
from pytest_modelcheck.model.subject import build_subject
from pytest_modelcheck.records.plain import plain, to_json
from pytest_modelcheck.report import page as pages

from ..catalogue import REGISTRY, render, section_of, write_report
from .conftest import build


@pytest.fixture(scope="module")
def page(record):
    return render(record)


@pytest.fixture
def registry_with(record):
    """`registry_with(panel, costs)`: the sections with a third party's, which is a fact of all subjects."""

    def registry_with(panel, costs=None):
        registry = default_registry()
        registry.add_section("mine", panel=panel, costs=costs)
        return registry

    record["subjects"][0]["mine"] = {"a": 1}
    yield registry_with
    del record["subjects"][0]["mine"]


def test_sections_come_in_the_order_of_a_review(page):
    headings = re.findall(r"<h[23][^>]*>(.*?)</h[23]>", page, re.S)
    plain_text = [re.sub(r"<[^>]*>|[\s✗]+", " ", heading).strip() for heading in headings]
    plain_text = [" ".join(text.split()) for text in plain_text]
    order = [
        "What broke",
        "fail net",
        "Structure",
        "Complexity",
        "Heatmaps",
        "Peak memory",
        "Weights",
        "A panel",
    ]
    places = [next(i for i, text in enumerate(plain_text) if text.startswith(name)) for name in order]
    assert places == sorted(places)


def test_it_is_readable_without_a_script(page):
    without = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    for words in (
        "1 of 1 checks failed",
        "1.2 kMACs",
        "max 1 kMACs",
        "kernel_size=(3, 3)",
        "Grad-CAM",
        "<svg",
    ):
        assert words in without


def test_its_policy_allows_exactly_its_own_script(page):
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; script-src 'sha256-{digest}'; img-src data:; style-src 'unsafe-inline'" in page
    )


def test_it_asks_the_network_for_nothing(page):
    links = re.findall(r"""(src|href)=["'](?!data:|#)([^"']*)""", page)
    assert all(kind == "href" and "//" not in to and ":" not in to for kind, to in links)  # files beside it
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page


def test_resnet50_stays_below_a_megabyte():
    record = build(build_subject("torchvision:resnet50", input_size=(1, 3, 224, 224)))
    heatmaps = record["subjects"][0]["heatmaps"]
    record["subjects"][0]["heatmaps"] = heatmaps * 3
    assert len(render(record).encode()) < 1_000_000


def test_a_huge_record_is_thinned_and_says_so(record):
    huge = copy.deepcopy(record)
    heatmap = huge["subjects"][0]["heatmaps"][0]
    images = [f"{number}" * 1_000_000 for number in range(6)]
    huge["subjects"][0]["heatmaps"] = [{**heatmap, "image": image} for image in images]
    page = render(huge)
    assert "further pictures" in page
    assert [image in page for image in images] == [True, *[False] * 5]
    assert "5 more heatmaps are left out" in page
    assert 'class="viewer-data"' in page  # viewers go last


@pytest.mark.parametrize("section", ["complexity", "structure", "weights", "heatmaps"])
def test_a_section_that_could_not_be_made_says_why(record, section):
    changed = copy.deepcopy(record)
    changed["subjects"][0][section] = {"error": "the reason <why>"}
    assert "Not available: the reason &lt;why&gt;" in render(changed)


def test_unknown_sections_are_shown_generically(record):
    changed = copy.deepcopy(record)
    changed["subjects"][0] |= {
        "facts": {"key": "a fact"},
        "grid": {"columns": ["one"], "rows": [["a cell"]]},
        "words": "plain words",
    }
    page = render(changed)
    for words in ("a fact", "a cell", "plain words"):
        assert words in page


def test_an_empty_run_has_a_page_too():
    from pathlib import Path

    from pytest_modelcheck.records.run import RunRecord

    assert "No test ran" in render(RunRecord().build(5, Path(".")))


def test_both_files_are_written_whole_or_not_at_all(record, tmp_path, monkeypatch):
    path = write_report(record, tmp_path / "deep" / "report")
    assert sorted(p.name for p in path.parent.iterdir()) == [".gitignore", "index.html", "report.json"]
    monkeypatch.setattr(
        "os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(
        ModelCheckError, match=r"(?s)cannot write the report to .*No space left.*--modelcheck-output"
    ):
        write_report(record, path.parent)
    assert [p.name for p in path.parent.iterdir()] == [".gitignore"]  # no older one is left to be mistaken


def test_plain_values():
    import numpy as np

    value = {1: np.float32(0.5), "nan": float("nan"), "t": (1, {2}), "o": object}
    value |= {"up": float("inf"), "down": np.float64("-inf")}
    seen = {"1": 0.5, "nan": "nan", "t": [1, [2]], "o": str(object), "up": "inf", "down": "-inf"}
    assert plain(value) == seen
    assert json.loads(to_json(value), parse_constant=pytest.fail) == seen


@pytest.mark.parametrize(
    ("outcomes", "exit_status", "words"),
    [
        (["pass", "pass"], 0, "All 2 checks passed"),
        (["pass", "not gated"], 0, "1 of 2 checks passed, none failed"),
        (["pass", "pass"], 1, "No check failed, but the test run did: 1 failed (exit status 1)"),
        (["pass", "accepted", "expected", "skipped"], 0, "1 of 4 checks passed, none failed"),
        (["pass", "fail"], 1, "1 of 2 checks failed"),
        ([], 0, "No budgets in this run"),
    ],
)
def test_the_verdict_on_top_says_no_more_than_is_true(record, outcomes, exit_status, words):
    changed = copy.deepcopy(record)
    changed["checks"] = [{**record["checks"][0], "outcome": outcome} for outcome in outcomes]
    changed["run"]["exit_status"] = exit_status
    verdict = re.search(r'<h1 class="verdict">(.*?)</h1>', render(changed), re.S)
    assert words in re.sub(r"\s+", " ", verdict[1])


@pytest.mark.parametrize("fact", ["reason", "caveat", "protocol"])
def test_what_is_to_be_known_of_a_check_stands_beside_it(record, fact):
    told = {**record["checks"][0], "outcome": "not gated", fact: "<b>the base has no such figure"}
    assert "<small>&lt;b&gt;the base has no such figure</small>" in render({**record, "checks": [told]})


def test_a_check_of_an_older_report_is_drawn_without_them(record):
    told = {k: v for k, v in record["checks"][0].items() if k not in ("reason", "caveat", "protocol")}
    assert "1.2 kMACs" in render({**record, "checks": [told]})


def test_a_peak_that_was_counted_in_a_real_run_says_why(record):
    changed = copy.deepcopy(record)
    (peak,) = changed["subjects"][0]["memory"]
    changed["subjects"][0]["memory"] = [
        {**peak, "counted_on": "real", "reason": "its shapes depend on <data>"}
    ]
    page = render(changed)
    assert "Counted in a real run: its shapes depend on &lt;data&gt;" in page
    assert "Counted under fake tensors" not in page
    assert "Counted under fake tensors" in render(record)


def test_no_subject_has_an_id_of_the_pages_own_nor_of_another(record):
    entry, check = record["subjects"][0], record["checks"][0]
    names = ["main", "overview", "broke-title", "without a subject", "net", "net"]
    many = {
        **record,
        "subjects": [{**entry, "name": name, "signature": name + str(i)} for i, name in enumerate(names)],
        "checks": [{**check, "signature": ""}],
    }
    ids = re.findall(r' id="([^"]*)"', render(many))
    assert {"main", "overview", "without-a-subject", "without-a-subject-2", "net-2"} <= set(ids)
    assert len(ids) == len(set(ids))


def test_null_characters_are_shown_alike_with_scripts_and_without(record):
    told = {**record["checks"][0], "message": "a\0b"}
    page = render({**record, "checks": [told]})
    assert "\0" not in page
    assert "a\N{REPLACEMENT CHARACTER}b" in page


def test_a_panel_with_a_noscript_does_not_end_the_part_it_is_in(record, registry_with):
    from markupsafe import Markup

    panel = Markup("<NoScript class=x><p>without</p></noscript ><p>after</p>")
    page = pages.render(record, registry_with(lambda content, context: panel))
    assert len(re.findall("</noscript", page, re.I)) == 1
    assert "<div class=x><p>without</p></div ><p>after</p>" in page


def test_costs_that_cannot_be_told_cost_no_page(record, registry_with):
    def costs(content):
        raise KeyError("macs")

    assert "drawn &lt;all the same&gt;" in pages.render(
        record, registry_with(lambda *_: "drawn <all the same>", costs)
    )


def test_very_long_texts_keep_their_ends(record):
    lines = "\n".join(f"line {i}" for i in range(10_000))
    page = render({**record, "checks": [{**record["checks"][0], "message": lines}]})
    assert "characters are left out here: in report.json" in page
    assert "line 1\n" in page
    assert "line 9999" in page
    assert "line 5000\n" not in page


def test_pictures_that_tests_add_can_be_left_out_and_failures_are_told_however_many(record, monkeypatch):
    images = [
        {**record["panels"][0], "kind": "image", "content": sign * 400_000} for sign in "ABCDEFGHIJKLMNOP"
    ]
    bare = render({**record, "panels": []})
    page = render({**record, "panels": images})
    assert len(page) < 5_000_000
    assert "all but its checks and changes" in page
    monkeypatch.setattr(pages, "CEILING", len(bare) // 3)
    assert "all but a line for each of its failures" in render(record)
    passed = {**record, "checks": [{**record["checks"][0], "outcome": "pass"}]}
    assert 'data-slugs="net"' in render(passed)


def raises(*arguments):
    raise ZeroDivisionError("of a third party")


@pytest.mark.parametrize("what", ["lines", "headline", "origins"])
def test_a_comparison_that_raises_costs_no_more_than_itself(record, monkeypatch, what):
    section = dataclasses.replace(section_of("weights"))
    broken = dataclasses.replace(section.changes, **{what: raises})
    monkeypatch.setitem(REGISTRY._sections, "weights", dataclasses.replace(section, changes=broken))
    entry = {
        "name": "net",
        "status": "changed",
        "metrics": [],
        "weights": {"changed": 1, "of": 2, "tensors": []},
    }
    side = {"commit": "", "created": ""}
    changes = {"base": side, "head": side, "environment": [], "subjects": [entry]}
    page = render({**record, "changes": changes})
    assert ("what changed in weights could not be told" in page) == (what != "origins")
    assert "MACs 1.2 kMACs" in page


def test_a_page_that_cannot_be_drawn_leaves_the_record(record, tmp_path, monkeypatch):
    path = write_report(record, tmp_path)
    monkeypatch.setattr("pytest_modelcheck.report.write.render", raises)
    with pytest.raises(ZeroDivisionError):
        write_report({**record, "created": "later"}, tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["report.json"]  # the older page is none of it
    assert json.loads((tmp_path / "report.json").read_text())["created"] == "later"
    assert not path.exists()
