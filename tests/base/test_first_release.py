"""Reports that the first release wrote, with schema 1, kept as it left them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_modelcheck.cli import main

from ..catalogue import REGISTRY, compare, read_record, render
from .conftest import make_record

DATA = Path(__file__).with_name("data")
PLAIN, WITH_BASE = DATA / "first_release.json", DATA / "first_release_with_base.json"
STRIDED, FULL = 4 * 27 * 9 + 8, 4 * 27 * 36 + 8  # MACs of its 8x8 subject, by hand


@pytest.mark.parametrize("path", [PLAIN, WITH_BASE])
def test_it_is_read_and_drawn(path):
    record = read_record(path)
    assert record["schema_version"] == 2
    assert [s["name"] for s in record["subjects"]] == ["Net", "Net (2)"]
    page = render(record)
    for word in ("Projections to pixels", "Heatmaps", "By module", "a table", "ONNX"):
        assert word in page
    assert "could not be drawn" not in page


def test_two_are_compared():
    changes = compare(read_record(PLAIN), read_record(WITH_BASE))
    net, exported = changes["subjects"]
    figures = {row["title"]: (row["base"], row["head"]) for row in net["metrics"]}
    assert figures["MACs"] == (STRIDED, FULL)
    assert (net["modules"][0]["module"], net["modules"][0]["params"]) == ("conv", [112, 112])
    assert net["structure"][0]["text"] == "conv: stride changed: 2 -> 1"
    assert exported["status"] == "changed"


@pytest.mark.parametrize(
    "command", [["compare", "a.json", "b.json"], ["merge", "a.json", "b.json"], ["history", "a.json"]]
)
def test_every_command_takes_it(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(PLAIN, "a.json")
    shutil.copy(WITH_BASE, "b.json")
    assert main(command) in (0, 1)
    assert "Net" in capsys.readouterr().out


def test_what_a_later_release_adds_is_kept(tmp_path, monkeypatch):
    """Keys that this release does not know."""
    record = make_record()
    record |= {"weather": "fine", "subjects": read_record(PLAIN)["subjects"]}
    record["subjects"][0]["complexity"]["carbon"] = 1
    record["subjects"][0]["smell"] = {"of": "roses"}
    path = tmp_path / "report.json"
    path.write_text(json.dumps(record))
    read = read_record(path)
    assert read["weather"] == "fine"
    assert read["subjects"][0]["complexity"]["carbon"] == 1
    monkeypatch.chdir(tmp_path)
    assert main(["merge", "report.json"]) == 0
    (merged, _) = json.loads((tmp_path / "modelcheck-report/report.json").read_text())["subjects"]
    assert merged["smell"] == {"of": "roses"}
    assert "of" in render(read)


def test_a_section_is_known_by_its_former_names():
    former = {old: section.name for section in REGISTRY.sections.values() for old in section.former}
    assert former == {"deconvnet": "projections"}
    assert "projections" in read_record(PLAIN)["subjects"][0]
