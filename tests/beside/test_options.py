"""pytest's own options: what they leave out has no verdict, and what they show otherwise is judged the same."""

from __future__ import annotations

import ctypes
import json
import os
import stat
import subprocess
import sys

import pytest

from .conftest import told
from .differ import differences

SHOWN_OTHERWISE = {
    "little": "-qq --tb=no -s --import-mode=append -p no:cacheprovider",
    "much": "-vv --tb=native --capture=tee-sys --import-mode=prepend -W error --strict-markers --ff -r A",
    "none": "-p no:terminal --junitxml=junit.xml --strict-config --import-mode=importlib",
}


@pytest.mark.parametrize("name", SHOWN_OTHERWISE)
def test_what_is_shown_otherwise(name, suite):
    result = suite.pytester.runpytest_inprocess(*SHOWN_OTHERWISE[name].split(), "--modelcheck-report")
    assert list(differences(suite.alone, suite.told())) == []
    assert result.ret == 1
    assert "Traceback" not in result.stdout.str()


FAILED = ["test_fails", "test_vacuous"]
BEGINNING = ["test_plain", "test_passes", "test_fails"]  # up to the first that fails
LEFT_OUT = {  # the tests that run; whether the others have entries, of checks that did not run
    "-x": (BEGINNING, True),
    "--maxfail=2": ([*BEGINNING, "test_vacuous"], True),
    "--sw": (BEGINNING, True),  # which is an interrupt to pytest
    "--lf": (FAILED, False),
    "-k test_fails": (["test_fails"], False),
    "-m usual": ([], False),
    "--deselect=tests/test_checks.py::test_vacuous -k fails": (["test_fails"], False),
    "tests/test_checks.py::TestOthers": (["test_param[1]", "test_param[2]"], False),
}


def test_what_is_left_out(suite):
    """Has no verdict: no entry where nobody chose it, "not run" where the run ended before it."""
    suite.pytester.makeini("[pytest]\nmarkers = usual: none is")
    suite.pytester.runpytest_inprocess("-k", "fails or vacuous")  # which pytest's cache knows now
    for options, (names, others) in LEFT_OUT.items():
        result = suite.pytester.runpytest_inprocess(*options.split(), "--modelcheck-report")
        seen = suite.told()
        known = [check for check in suite.alone["checks"] if check["nodeid"].rpartition("::")[2] in names]
        assert [check for check in seen["checks"] if check["outcome"] != "not run"] == known, options
        lost = [check for check in seen["checks"] if check["outcome"] == "not run"]
        missing = [
            check
            for check in suite.alone["checks"]
            if check not in known and "snapshots" not in check["nodeid"]
        ]
        assert len(lost) == others * len(missing), options
        status = {"-m usual": 5, "--sw": 2, "tests/test_checks.py::TestOthers": 0}.get(options, 1)
        assert seen["run"]["exit_status"] == result.ret == status, options


def test_tests_that_are_shown_alone(suite):
    """Leave the report of before as it is."""
    suite.run("--modelcheck-report", "-k", "test_fails")
    before = suite.told()
    for options in (
        "--co",
        "--co -q",
        "--setup-plan",
        "--fixtures",
        "--fixtures-per-test",
        "--cache-show",
        "--markers",
    ):
        assert suite.pytester.runpytest_inprocess("--modelcheck-report", *options.split()).ret == 0
        assert suite.told() == before, options


OTHER_KINDS = '''
import pytest
from nets import Net

def f():
    """
    >>> from pytest_modelcheck import ModelCheck
    >>> ModelCheck(Net(), input_size=(1, 3, 8, 8)).complexity().macs
    8928
    """

@pytest.mark.macs_budget(8928)
async def test_nobody_waits(model): ...
'''


def test_other_kinds_of_tests(suite):
    """A doctest, and an asynchronous test that no plugin runs."""
    suite.write({"tests/test_checks.py": OTHER_KINDS})
    result = suite.run("--doctest-modules", "--modelcheck-report")
    counts = result.parseoutcomes()
    assert counts["passed"] == 1
    assert counts.get("failed", 0) + counts.get("skipped", 0) == 1  # skipped before pytest 8.4
    assert [check["outcome"] for check in suite.told()["checks"]] == ["pass"]
    assert suite.told()["run"]["tests"] == {key: n for key, n in counts.items() if key != "warnings"}


def test_a_configuration_that_lies_elsewhere(suite, tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    root = f"--rootdir={suite.path}"
    suite.run("-c", str(tmp_path / "pytest.ini"), root, "--modelcheck-report", "tests")
    assert list(differences(suite.alone, suite.told())) == []


TWICE = """
import os, sys
import pytest
shown = ["-p", "no:cacheprovider", "--modelcheck-report"]
for folder in sys.argv[1:]:
    pytest.main([*shown, f"--modelcheck-output={folder}"])
sys.exit(pytest.main([*shown, "tests/test_checks.py::test_passes"]))
"""
DROP, OVERRIDE = 24, 1  # of prctl, and of capabilities: what lets root write into everything


def without_override():
    if os.geteuid() == 0:
        ctypes.CDLL(None).prctl(DROP, OVERRIDE, 0, 0, 0)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are read-only in another way")
@pytest.mark.parametrize("flags", [[], pytest.param(["-O"], marks=pytest.mark.slow)], ids=["plain", "-O"])
def test_a_tree_that_is_read_only(flags, suite, tmp_path):
    """Several runs in one process, without a home, the folder not on `sys.path`; `-O` makes all bytecode anew."""
    script = tmp_path / "twice.py"
    script.write_text(TWICE)
    folders = [tmp_path / "one", tmp_path / "two"]
    nodes = [suite.path, *suite.path.rglob("*")]
    for node in nodes:
        node.chmod(stat.S_IMODE(node.stat().st_mode) & ~0o222)
    environment = {key: value for key, value in os.environ.items() if key not in ("HOME", "USERPROFILE")}
    environment |= {"PYTHONSAFEPATH": "1", "TMPDIR": str(tmp_path), "HOME": str(tmp_path / "nowhere")}
    try:
        done = subprocess.run(
            [sys.executable, *flags, str(script), *map(str, folders)],
            cwd=suite.path,
            env=environment,
            capture_output=True,
            text=True,
            preexec_fn=without_override,
        )
    finally:
        for node in nodes:
            node.chmod(node.stat().st_mode | 0o200)
    for folder in folders:
        seen = told(json.loads((folder / "report.json").read_text("utf-8")))
        assert list(differences(suite.alone, seen)) == []
    assert done.returncode == 1
    assert "modelcheck: the report was not written: " in done.stdout
    assert not list(suite.path.rglob("report.json"))
    assert "Traceback" not in done.stdout + done.stderr
