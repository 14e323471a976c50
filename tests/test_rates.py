"""The nightly look at the gates' rates: what is within its bound, what is not, and what is never green."""

from __future__ import annotations

import importlib
import json
import re
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
sys.path.append(str(BENCHMARKS))
figures, rates = (importlib.import_module(name) for name in ("figures", "rates"))
sys.path.remove(str(BENCHMARKS))
Bound, Rate, Ratios = rates.Bound, figures.Rate, figures.Ratios


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [  # from tables of Clopper-Pearson's 95 %
        (0, 408, 0, 0.0090),
        (150, 153, 0.9438, 0.9959),
        (5, 10, 0.1871, 0.8129),
        (10, 10, 0.6915, 1),
        (600, 1200, 0.4713, 0.5287),  # the binomials are larger than floats
        (0, 0, 0, 1),
    ],
)
def test_the_interval_of_a_share(hits, of, low, high):
    assert Rate("it", hits, of).interval() == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "interval"),
    [(5, (0, float("inf"))), (6, (1, 6)), (15, (4, 12)), (100, (40, 61))],  # the sign test's, 95 %
)
def test_the_interval_of_a_median(count, interval):
    assert Ratios("it", list(range(count, 0, -1))).interval() == interval


def test_the_night_is_long_enough_for_all_studies():
    """Else the job ends without the figures of the last."""
    job = (Path(__file__).parents[1] / ".github/workflows/nightly.yml").read_text("utf-8")
    (minutes,) = re.findall(r"rates.py --minutes (\d+)", job)
    (limit,) = re.findall(r"timeout-minutes: (\d+)", job)
    most = [rates.GRACE * int(minutes) if one.timed else one.minutes for one in rates.STUDIES.values()]
    assert sum(most) < int(limit) <= 360  # which is what GitHub's own machines give


@pytest.mark.parametrize(
    ("bound", "figure", "told"),
    [
        (Bound(most=0.01), Rate("it", 0, 100), ""),
        (Bound(most=0.01), Rate("it", 1, 100), ""),  # at the bound
        (Bound(most=0.01), Rate("it", 3, 100), ""),  # above, and may be chance
        (Bound(most=0.01), Rate("it", 8, 100), "at most 0.01"),
        (Bound(least=0.95), Rate("it", 95, 100), ""),
        (Bound(least=0.95), Rate("it", 80, 100), "at least 0.95"),
        (Bound(most=0.0), Rate("it", 0, 100), ""),
        (Bound(most=0.0), Rate("it", 1, 100), "at most 0"),
        (Bound(most=0.01), Rate("it", 0, 9), "it: 9 trials tell nothing, at least 10 do"),
        (Bound(most=0.01), Rate("it", 0, 0), "it: 0 trials tell nothing, at least 10 do"),
        (Bound(most=1.2), Ratios("it", [1.0, 1.4] * 10), ""),
        (Bound(most=1.2), Ratios("it", [1.3] * 20), "it: 1.3 to 1.3, at most 1.2"),
        (Bound(most=1.2), Ratios("it", [1.0] * 3), "it: 3 trials tell nothing, at least 10 do"),
    ],
)
def test_a_rate_and_its_bound(bound, figure, told):
    problem = bound.problem(figure)
    assert problem.endswith(told) if told else not problem


HEAD = f"import sys; sys.path.append({str(BENCHMARKS)!r}); from figures import *\n"
HEAD += "to = Path(next(a for a in sys.argv if a.startswith('--json'))[7:])\n"
GOOD = HEAD + "write(to, [Rate('alarms', 0, 100), Rate('other', 5, 5)])\n"
ENDS = {
    "within": (GOOD, ""),
    "beyond": (HEAD + "write(to, [Rate('alarms', 50, 100)])", "alarms: 0.3689 to 0.6311, at most 0.01"),
    "crashed": ("raise SystemExit(3)", "it ended without figures: FileNotFoundError"),
    "said nothing": ("", "it ended without figures: FileNotFoundError"),
    "said something else": (HEAD + "to.write_text('done')", "it ended without figures: JSONDecodeError"),
    "another form": (HEAD + "to.write_text('[{\"hits\": 1}]')", "it ended without figures: TypeError"),
    "no figure": (HEAD + "write(to, [])", "alarms: the study says nothing of it"),
    "crashed afterwards": (GOOD + "raise SystemExit(1)", "it ended with status 1"),
    "hangs": ("import time; time.sleep(60)", "it did not end within 0.02 minutes"),
}


@pytest.mark.parametrize(("source", "told"), ENDS.values(), ids=ENDS.keys())
def test_a_study_and_its_end(tmp_path, source, told):
    script = tmp_path / "study.py"
    script.write_text(source)
    minutes = 0.02 if "sleep" in source else 1
    study = rates.Study((str(script),), {"alarms": Bound(most=0.01)}, minutes=minutes)
    _, wrong = rates.run(study, 1)
    assert wrong.startswith(told) if told else not wrong


def test_a_study_that_does_not_end_leaves_no_process(tmp_path):
    script, told = tmp_path / "study.py", tmp_path / "child"
    write = f"open({str(told)!r}, 'w').write(str(os.getpid()))"
    script.write_text(f"import os, time\nos.fork() or {write}\ntime.sleep(600)")
    _, wrong = rates.run(rates.Study((str(script),), {}, minutes=0.05), 1)
    assert wrong == "it did not end within 0.05 minutes"
    end = time.monotonic() + 30
    while (state := running(told.read_text())) and time.monotonic() < end:
        time.sleep(0.05)
    assert not state


def running(pid):
    """Whether a process is there that has not ended."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_failed_tests_are_a_rate(tmp_path):
    suite = '<testsuites><testsuite tests="30" failures="1" errors="2" skipped="5"/></testsuites>'
    (tmp_path / "tests.xml").write_text(suite)
    assert rates.tests_in(tmp_path / "tests.xml") == [Rate("failed tests", 3, 25)]


@pytest.mark.parametrize(
    ("sources", "status"), [((GOOD, GOOD), 0), ((GOOD, "crash"), 1), (("crash", GOOD), 1)]
)
def test_each_study_is_a_line_and_one_that_is_wrong_makes_all_red(
    tmp_path, monkeypatch, capsys, sources, status
):
    made = {}
    for number, source in enumerate(sources):
        script = tmp_path / f"study_{number}.py"
        script.write_text(source)
        made[script.stem] = rates.Study((str(script),), {"alarms": Bound(most=0.01)}, minutes=1)
    monkeypatch.setattr(rates, "STUDIES", made)
    assert rates.main([f"--results={tmp_path / 'rates.jsonl'}"]) == status
    lines = [json.loads(line) for line in (tmp_path / "rates.jsonl").read_text().splitlines()]
    assert [bool(line["problem"]) for line in lines] == [source != GOOD for source in sources]
    (line,) = [line for line in lines if not line["problem"]][:1]
    assert line["figures"][0] == {
        "name": "alarms",
        "hits": 0,
        "of": 100,
        "low": 0.0,
        "high": pytest.approx(0.0516, abs=1e-4),
        "most": 0.01,
        "least": 0.0,
    }
    assert line["versions"]["torch"]
    assert line["machine"]["cores"]


def test_every_bound_is_of_a_figure_that_its_study_tells():
    for name, study in rates.STUDIES.items():
        if study.command[0] == "-m":
            continue
        source = "".join((BENCHMARKS / file).read_text() for file in (study.command[0], "latency_gate.py"))
        assert all(f'"{figure}"' in source for figure in study.bounds), name
        assert "add_option(parser)" in source
