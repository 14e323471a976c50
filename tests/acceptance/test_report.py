"""The report: written whole, whatever happens to the run, the same alone and under xdist."""

import json
import signal
import subprocess
import sys
import time

import pytest

from pytest_modelcheck.report.write import remove_report

from .conftest import ACTIVATIONS, FIXTURES, MACS, PARAMS
from .repository import heed_interrupts

WORKERS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
SUITE = f"""
@pytest.mark.macs_budget({MACS})
@pytest.mark.params_budget("1 K")
def test_fails(): ...

@pytest.mark.activations_budget(min={ACTIVATIONS}, max={ACTIVATIONS})
def test_passes(modelcheck):
    modelcheck.show("a table", [{{"layer": "conv", "hits": 3}}])
    modelcheck.show("a text", "plain words")
    modelcheck.show("an image", torch.rand(8, 8, 3))

@pytest.mark.macs_budget(max_regression="2%")
def test_not_gated(): ...

def test_plain(): ...
"""


@WORKERS
def test_the_record_has_everything_of_the_run(project, workers):
    drawn = ("-o", "modelcheck_heatmaps=always")
    result = project.conftest(FIXTURES).tests(SUITE).run("--modelcheck-report", *drawn, *workers)
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*modelcheck report: *modelcheck-report?index.html"])
    record = project.record()
    assert record["schema_version"] == 2
    assert record["run"]["tests"] == {"passed": 3, "failed": 1}
    assert {"python", "torch", "pytest-modelcheck"} <= record["environment"].keys()
    (subject,) = record["subjects"]
    assert (subject["name"], subject["inputs"]) == ("Net", ["1x3x8x8 float32"])
    assert (subject["complexity"]["macs"], subject["complexity"]["params"]) == (MACS, PARAMS)
    assert [m["name"] for m in subject["structure"]["modules"]] == ["", "conv", "relu", "fc"]
    assert len(subject["weights"]["tensors"]) == 4
    assert subject["heatmaps"][0]["map_shape"] == [6, 6]
    outcomes = {
        (c["nodeid"], c["metric"]): (c["outcome"], c["value"], c["limit"], c["unit"])
        for c in record["checks"]
    }
    assert outcomes == {
        ("test_it.py::test_fails", "macs"): ("pass", MACS, MACS, "MACs"),
        ("test_it.py::test_fails", "params"): ("fail", PARAMS, 1000, "parameters"),
        ("test_it.py::test_passes", "activations"): ("pass", ACTIVATIONS, ACTIVATIONS, "elements"),
        ("test_it.py::test_not_gated", "macs"): ("not gated", MACS, None, "MACs"),
    }
    assert {c["subject"] for c in record["checks"]} == {"Net"}
    assert [(p["title"], p["kind"]) for p in record["panels"]] == [
        ("a table", "table"),
        ("a text", "text"),
        ("an image", "image"),
    ]


def test_alone_and_under_xdist_the_record_is_the_same(project):
    project.conftest(FIXTURES).tests(SUITE.replace('modelcheck.show("an image", torch.rand(8, 8, 3))', ""))
    records = []
    for workers in ((), ("-n2",), ("-n2", "--dist=each", "--tx=2*popen")[:1]):
        project.run("--modelcheck-report", *workers)
        records.append({key: project.record()[key] for key in ("subjects", "checks", "panels")})
    assert records[0] == records[1]


@WORKERS
def test_two_models_of_one_name_stay_two(project, workers):
    project.tests("""
@pytest.mark.params_budget(1000, model=lambda: nn.Linear(3, 4))
def test_a(): ...

@pytest.mark.params_budget(1000, model=lambda: nn.Linear(5, 6))
def test_b(): ...

@pytest.mark.params_budget(1000, model=lambda: nn.Linear(3, 4))
def test_c(): ...
""")
    project.run("--modelcheck-report", *workers)
    record = project.record()
    assert [s["name"] for s in record["subjects"]] == ["Linear (test_a)", "Linear (test_b)"]
    assert [c["subject"] for c in record["checks"]] == [
        "Linear (test_a)",
        "Linear (test_b)",
        "Linear (test_a)",
    ]


def test_a_model_without_pictures_says_why_it_has_no_heatmap(project):
    project.tests(
        "@pytest.mark.macs_budget(100, model=lambda: nn.Linear(3, 4), input_size=(2, 3))\ndef test_a(): ..."
    )
    project.run("--modelcheck-report", "-o", "modelcheck_heatmaps=always")
    (subject,) = project.record()["subjects"]
    assert "no image input" in subject["heatmaps"]["error"]
    assert "no image input" in (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")


RECORD = '{"schema_version": 2, "environment": {"pytest-modelcheck": "0.1"}}'
PAGE = '<!doctype html><html><head><meta name="generator" content="pytest-modelcheck"><title>t</title>'


def test_only_reports_of_ours_are_removed(tmp_path):
    """Files of the same names that somebody else wrote stay, also those that name us."""
    rows = [
        ("report.json", RECORD, True),
        ("report.json", '{"schema_version": 2}', False),
        ("report.json", '{"schema_version": "2", "environment": {"pytest-modelcheck": 1}}', False),
        ("report.json", '{"environment": {"pytest-modelcheck": "0.1"}}', False),
        ("report.json", '["schema_version", "environment"]', False),
        ("report.json", '"schema_version" pytest-modelcheck', False),
        ("index.html", PAGE, True),
        ("index.html", "<!doctype html><title>about pytest-modelcheck</title>", False),
        ("index.html", f"<!doctype html><title>t</title>{PAGE}", False),
        ("index.html", "pytest-modelcheck", False),
        ("other.html", PAGE, False),
    ]
    for name, text, is_ours in rows:
        (tmp_path / name).write_text(text, "utf-8")
        remove_report(tmp_path)
        assert (tmp_path / name).exists() is not is_ours, text


def test_a_report_that_was_written_can_be_removed(project):
    project.conftest(FIXTURES).tests(SUITE).run("--modelcheck-report")
    folder = project.pytester.path / "modelcheck-report"
    remove_report(folder)
    assert not {"index.html", "report.json"} & {path.name for path in folder.iterdir()}


def test_no_report_unless_asked(project):
    project.conftest(FIXTURES).tests(SUITE).run()
    assert not (project.pytester.path / "modelcheck-report").exists()


def test_ini_keys_write_it_relative_to_the_ini_file(project):
    project.pytester.makeini("[pytest]\nmodelcheck_report = true\nmodelcheck_output = build/models")
    project.conftest(FIXTURES).tests(SUITE).run()
    assert project.record("build/models")["checks"]


def test_the_flag_does_not_swallow_the_path_after_it(project):
    result = project.conftest(FIXTURES).tests(SUITE).run("--modelcheck-report", "test_it.py")
    result.assert_outcomes(passed=3, failed=1)


def test_a_folder_that_cannot_be_written_is_named_and_the_run_goes_on(project):
    (project.pytester.path / "taken").write_text("a file")
    result = project.conftest(FIXTURES).tests(SUITE).run("--modelcheck-report", "--modelcheck-output=taken")
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*report was not written*taken*", "*--modelcheck-output=DIR*"])


@WORKERS
def test_minus_x_leaves_the_report_of_what_ran(project, workers):
    project.conftest(FIXTURES).tests(SUITE).run("--modelcheck-report", "-x", *workers)
    assert any(check["outcome"] == "fail" for check in project.record()["checks"])


def test_errors_in_fixtures_and_bodies_leave_it_too(project):
    project.conftest(FIXTURES).tests(f"""
@pytest.fixture
def broken():
    raise RuntimeError("broken")

@pytest.mark.macs_budget({MACS})
def test_error(broken): ...

@pytest.mark.macs_budget({MACS})
def test_body():
    raise RuntimeError("body")
""")
    project.run("--modelcheck-report").assert_outcomes(errors=1, failed=1)
    outcomes = {c["nodeid"]: c["outcome"] for c in project.record()["checks"]}
    assert outcomes == {"test_it.py::test_body": "pass", "test_it.py::test_error": "error"}


@pytest.mark.usefixtures("real_interpreter")
def test_ctrl_c_leaves_the_report_of_what_ran(project):
    project.conftest(FIXTURES).tests(f"""
@pytest.mark.macs_budget({MACS})
def test_first(): ...

def test_waits():
    import pathlib, time
    pathlib.Path("waiting").touch()
    time.sleep(60)
""")
    path = project.pytester.path
    command = [sys.executable, "-m", "pytest", "--modelcheck-report", "-p", "no:cacheprovider"]
    run = subprocess.Popen(
        command,
        cwd=path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=heed_interrupts,
    )
    deadline = time.monotonic() + 100
    while not (path / "waiting").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=60)[0].decode()
    assert run.returncode == 2, output
    record = project.record()
    assert record["run"]["interrupted"]
    assert [c["outcome"] for c in record["checks"]] == ["pass"]
    assert "interrupted" in (path / "modelcheck-report/index.html").read_text("utf-8")


def test_a_killed_worker_is_told_as_no_result(project):
    project.conftest(FIXTURES).tests(f"""
@pytest.mark.macs_budget({MACS})
def test_dies():
    import os
    os._exit(3)

@pytest.mark.macs_budget({MACS})
def test_lives(): ...
""")
    result = project.run("--modelcheck-report", "-n1")
    result.stdout.fnmatch_lines(["*no result (the process died): test_it.py::test_dies*"])
    record = project.record()
    assert record["run"]["no_result"] == ["test_it.py::test_dies"]
    outcomes = {c["nodeid"]: c["outcome"] for c in record["checks"]}
    assert outcomes == {"test_it.py::test_dies": "error", "test_it.py::test_lives": "pass"}


def test_a_model_is_checked_without_a_test_file(project):
    result = project.run(
        "--modelcheck-model=nets:net", "--modelcheck-input-size=1,3,8,8", "--modelcheck-report", "-kcounts"
    )
    result.assert_outcomes(passed=1, deselected=5)
    result.stdout.fnmatch_lines(["net::counts: 8.928 kMACs, *"])
    assert project.record()["subjects"][0]["complexity"]["macs"] == MACS


def test_an_unknown_model_is_a_short_failure(project):
    result = project.run("--modelcheck-model=nets:nobody", "--modelcheck-input-size=1,3,8,8")
    result.assert_outcomes(failed=1, skipped=5)
    result.stdout.fnmatch_lines(["*'nets:nobody' cannot be imported*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_foreign_check_and_section_are_seen_everywhere(project):
    project.conftest(
        FIXTURES
        + """
from pytest_modelcheck import Budget, Contributor, Measurement


def pytest_modelcheck_register(registry):
    count = lambda subject: len(list(subject.module.modules()))
    registry.add(Budget("module_budget", "modules", "calls", "at most this many modules.", count,
                        lambda n: Measurement(n, contributors=(Contributor("conv", 1),))))
    registry.add_section("poem", lambda subject: {"line": f"an ode to {subject.name}"})
"""
    ).tests("@pytest.mark.module_budget(3)\ndef test_it(): ...")
    assert "@pytest.mark.module_budget(max=None" in project.run("--markers").stdout.str()
    result = project.run("--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "Net: modules",
            "*over by*1 call *",
            "*heaviest*conv*",
            "Net",
            "  modules *4 calls *33.3 % over *✗ fail",
        ]
    )
    assert project.record()["subjects"][0]["poem"] == {"line": "an ode to Net"}
    assert "an ode to Net" in (project.pytester.path / "modelcheck-report/index.html").read_text("utf-8")


def test_reruns_count_once(project):
    """A test that runs twice (as rerun plugins do) is reported by its last attempt."""
    project.conftest(
        FIXTURES
        + """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for attempt in range(2):
        if attempt:
            item._initrequest()
        for report in runtestprotocol(item, nextitem=nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""
    ).tests(f"@pytest.mark.macs_budget({MACS})\ndef test_it(): ...")
    project.run("--modelcheck-report")
    assert len(project.record()["checks"]) == 1


def test_the_record_is_plain_json(project):
    project.conftest(
        FIXTURES
        + """
@pytest.fixture(autouse=True)
def poison(model):
    with torch.no_grad():
        model.conv.weight[0, 0, 0, 0] = float("nan")
"""
    ).tests(SUITE).run("--modelcheck-report")
    text = (project.pytester.path / "modelcheck-report/report.json").read_text("ascii")

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads(text, parse_constant=refuse)
    assert record["subjects"][0]["weights"]["problems"] == ["conv.weight holds 1 NaN"]


def test_the_option_takes_no_value(project):
    """A path after it is a path to tests, and the only one."""
    project.tests("def test_it(): ...", test_other="def test_other(): ...")
    (project.pytester.path / "here").mkdir()
    (project.pytester.path / "test_other.py").rename(project.pytester.path / "here" / "test_other.py")
    result = project.run("--modelcheck-report", "here", "-v")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*test_other.py::test_other PASSED*"])
    assert (project.pytester.path / "modelcheck-report" / "index.html").exists()


GREEN = "@pytest.mark.params_budget(10**6, model=net)\ndef test_it(): ..."


@pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "xdist"])
def test_a_report_that_was_asked_for_and_not_written_is_an_error_of_the_run(project, workers):
    project.tests(GREEN).run("--modelcheck-report", *workers).assert_outcomes(passed=1)
    page = project.pytester.path / "modelcheck-report" / "index.html"
    page.unlink()
    page.mkdir()  # in its place
    result = project.run("--modelcheck-report", *workers)
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["modelcheck: the report was not written: *", "*--modelcheck-output=DIR*"])
    assert "modelcheck report:" not in str(result.stdout)
    assert not (page.parent / "report.json").exists()  # it would say that all was well


def test_an_old_report_is_not_taken_for_this_runs(project):
    project.tests(GREEN).run("--modelcheck-report").assert_outcomes(passed=1)
    folder = project.pytester.path / "modelcheck-report"
    (folder / "mine.txt").write_text("not yours")
    project.conftest("def pytest_runtest_call(): import os; os._exit(3)")
    project.run("--modelcheck-report", subprocess=True)
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "mine.txt"]


def test_files_of_the_users_own_are_not_removed(project):
    folder = project.pytester.path / "modelcheck-report"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>mine</h1>")
    project.tests(GREEN).run("--modelcheck-report", "--collect-only")
    project.conftest("def pytest_runtest_call(): import os; os._exit(3)")
    project.run("--modelcheck-report", subprocess=True)
    assert (folder / "index.html").read_text() == "<h1>mine</h1>"


def test_another_plugin_that_raises_at_the_end_does_not_cost_the_report(project):
    project.conftest("def pytest_sessionfinish(): raise RuntimeError('theirs')").tests(GREEN)
    project.run("--modelcheck-report", subprocess=True)
    assert project.record()["checks"][0]["outcome"] == "pass"


def test_warnings_as_errors_fail_the_test_in_words(project):
    project.tests('@pytest.mark.params_budget(1, level="warn", model=net)\ndef test_it(): ...')
    result = project.run("-W", "error", "--modelcheck-report")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*net: parameters*", "*over by*"])
    assert "running.py" not in str(result.stdout)
