"""`python -m pytest_modelcheck`: exit codes, formats, errors in words."""

import json
import subprocess
import sys

import pytest
from torch import nn

from pytest_modelcheck.cli import main

from .base.conftest import make_record, stack


@pytest.fixture
def reports(tmp_path):
    """base.json and head.json: the head has one convolution more."""
    more = stack(nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1))
    records = {"base": make_record(net=stack(nn.ReLU())), "head": make_record(net=more)}
    for name, record in records.items():
        record["created"] = f"2026-01-0{1 + (name == 'head')}T00:00:00+00:00"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "report.json").write_text(json.dumps(record))
    return tmp_path


def test_compare_passes_without_a_breach(reports, capsys):
    assert main(["compare", str(reports / "base"), str(reports / "head")]) == 0
    out = capsys.readouterr().out
    assert "✓ Model check: 0 breaches" in out
    assert "| `net` | MACs | 13.82 kMACs | 50.69 kMACs | +267 % |" in out


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_compare_exits_1_above_a_regression(reports, capsys, form):
    arguments = ["compare", str(reports / "base"), str(reports / "head"), f"--format={form}"]
    assert main([*arguments, "--max-regression=macs=2%", "--max-regression", "params=500%"]) == 1
    out = capsys.readouterr().out
    if form == "json":
        assert [row["metric"] for row in json.loads(out)["regressions"]] == ["macs"]
    else:
        assert "✗ Model check: 1 breach" in out
        assert "| `net` | MACs | 13.82 kMACs | 50.69 kMACs | +267 % | max 2 % |" in out


def test_compare_exits_1_for_a_check_that_failed_in_the_head(reports, capsys):
    (reports / "head/report.json").write_text(json.dumps(make_record(max_macs=1, net=stack())))
    assert main(["compare", str(reports / "base"), str(reports / "head")]) == 1
    assert "over by" in capsys.readouterr().out


@pytest.mark.parametrize(
    "fact",
    [{"no_result": ["test_it.py::test_it"]}, {"interrupted": True, "exit_status": 2}],
    ids=str,
)
@pytest.mark.parametrize("command", ["compare", "merge", "summary"])
def test_a_run_that_lost_results_is_no_good_one(reports, capsys, command, fact):
    record = json.loads((reports / "base/report.json").read_text())
    record["run"].update(fact)
    (reports / "head/report.json").write_text(json.dumps(record))
    arguments = [str(reports / "base"), str(reports / "head")][command == "summary" :]
    more = [f"--output={reports / 'merged'}"] if command == "merge" else []
    assert main([command, *arguments, *more]) == 1
    assert "✗ Model check" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "base", "nowhere"], "cannot read"),
        (["compare", "base", "head", "--max-bytes=10"], "larger than 10 bytes"),
        (
            ["compare", "base", "head", "--max-regression=mac=2%"],
            "no subject has the metric 'mac'; there are macs",
        ),
        (["history", "base", "nowhere"], "cannot read"),
        (["merge", "nowhere"], "cannot read"),
    ],
)
def test_what_cannot_be_done_exits_2_in_words(reports, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(reports)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("option", ["macs", "macs=2", "macs=x%", "=2%"])
def test_a_limit_that_cannot_be_understood_is_argparse_own_error(option, capsys):
    limit_without_percent = option == "macs=2"
    with pytest.raises(SystemExit, match="2"):
        main(["compare", "a", "b", f"--max-regression={option}"])
    assert "max-regression" in capsys.readouterr().err or limit_without_percent


def test_merge_writes_one_report_of_all_shards(reports, capsys):
    assert (
        main(["merge", str(reports / "base"), str(reports / "head"), "--output", str(reports / "all")]) == 0
    )
    merged = json.loads((reports / "all/report.json").read_text())
    names = [f"net ({reports / shard})" for shard in ("base", "head")]
    assert [s["name"] for s in merged["subjects"]] == names
    assert [c["subject"] for c in merged["checks"]] == names
    assert f"</span> {names[1]}" in (reports / "all/index.html").read_text()
    assert "2 checks, none failed" in capsys.readouterr().out


def test_merging_a_report_with_itself_changes_nothing(reports):
    base = str(reports / "base")
    assert (
        main(["merge", base, base, str(reports / "base/report.json"), "--output", str(reports / "all")]) == 0
    )
    merged, single = (json.loads((reports / name / "report.json").read_text()) for name in ("all", "base"))
    assert {k: merged[k] for k in ("subjects", "checks", "environment")} == {
        k: single[k] for k in ("subjects", "checks", "environment")
    }


def test_history_is_ordered_by_time_whatever_the_order_of_the_files(reports, capsys):
    files = [str(reports / name / "report.json") for name in ("head", "base")]
    assert main(["history", *files]) == 0
    assert "| `net` | MACs | 50.69 kMACs | +267 % | +267 % | 13.82 kMACs | `▁█` |" in capsys.readouterr().out
    assert main(["history", *files, "--format=json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert next(row["values"] for row in rows if row["metric"] == "macs") == [13824, 50688]
    assert main(["history", *files, "--format=html"]) == 0
    page = capsys.readouterr().out
    assert page.count("<polyline") == len(rows)
    assert "<script" not in page


def test_it_runs_as_a_module_without_torch(reports):
    code = "import sys; from pytest_modelcheck.cli import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code, "summary", str(reports / "head")], check=True, capture_output=True
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest_modelcheck", "--help"], capture_output=True, text=True
    )
    assert all(word in done.stdout for word in ("compare", "merge", "history", "summary"))
