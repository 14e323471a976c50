"""The history of several runs: what changed first, the rest folded; what came and what is gone."""

import itertools
import re

import pytest
from torch import nn

from pytest_modelcheck.report.history import history_html, history_markdown, trends

from ..base.conftest import make_record, stack
from ..catalogue import REGISTRY

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def history():
    """Four runs: `net` grows in the third, `old` is gone in the last, and another has come."""
    small, large = stack(nn.ReLU()), stack(nn.ReLU(), nn.Conv2d(8, 8, 1))
    runs = [
        {"net": small, "old": stack(nn.Tanh())},
        {"net": small, "old": stack(nn.Tanh())},
        {"net": large, "old": stack(nn.Tanh())},
        {"net": large, HOSTILE: stack(nn.Sigmoid(), nn.Sigmoid())},
    ]
    records = [make_record(**models) for models in runs]
    for day, record in enumerate(records, start=1):
        record["created"] = f"2026-01-0{day}T00:00:00"
    return trends(reversed(records), REGISTRY)


def test_runs_are_in_the_order_of_time_and_gone_subjects_last(history):
    assert [run["created"][8:10] for run in history["runs"]] == ["01", "02", "03", "04"]
    spans = [(s["name"], s["first"], s["last"]) for s in history["subjects"]]
    assert spans == [(HOSTILE, 3, 3), ("net", 0, 3), ("old", 0, 2)]
    macs = [row["values"] for row in history["rows"] if row["metric"] == "macs"]
    assert macs[0][:3] == [None] * 3
    assert macs[1] == [13824, 13824, 17920, 17920]
    assert macs[2] == [13824, 13824, 13824, None]


def test_markdown_tells_the_latest_first_and_what_came_and_went(history):
    told = history_markdown(history, REGISTRY, 65_536)
    assert "latest `2026-01-04T00:00:00`, first `2026-01-01T00:00:00`" in told
    (line,) = re.findall(r"^\| `net` \| MACs .*$", told, re.M)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[2:6] == ["17.92 kMACs", "0 %", "+29.6 %", "13.82 kMACs"]
    assert "- gone: `old`, last seen in the run of `2026-01-03T00:00:00`" in told
    assert re.search(r"- new: `.*alert", told)
    assert "| `old` |" not in told


def test_figures_that_never_changed_are_counted_not_listed():
    records = [make_record(net=stack(nn.ReLU())) for _ in range(3)]
    history = trends(records, REGISTRY)
    told, page = history_markdown(history, REGISTRY, 65_536), history_html(history, REGISTRY)
    flat = len(history["rows"])
    assert f"- {flat} figures never changed" in told
    assert "| `net` |" not in told
    assert "<polyline" not in page
    assert f"<summary>{flat} figures that never changed</summary>" in page


def test_a_single_run_shows_its_figures():
    history = trends([make_record(net=stack(nn.ReLU()))], REGISTRY)
    assert "| `net` | MACs | 13.82 kMACs |" in history_markdown(history, REGISTRY, 65_536)
    assert history_html(history, REGISTRY).count("<polyline") == len(history["rows"])


def test_the_page_is_whole_safe_and_in_order(history):
    page = history_html(history, REGISTRY)
    assert "<script" not in page
    assert not re.findall(r"(?:src|href)=", page)
    levels = [int(level) for level in re.findall(r"<h(\d)", page)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert "<main>" in page
    assert "gone since the run of 2026-01-04T00:00:00" in page
    assert "new in the latest run" in page
    assert re.findall(r'<th scope="row">(2026-01-0\d)T', page)[-4:] == [f"2026-01-0{d}" for d in (4, 3, 2, 1)]
